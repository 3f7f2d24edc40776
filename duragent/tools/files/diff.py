"""A unified diff of two texts, for people; bounded in time and size. Pure."""

import difflib
from collections.abc import Sequence

from duragent.text import cut_to

MAX_LINES = 200
MAX_LINE_CHARS = 400
_COMPARED_LINES = 2000
_AROUND = 3


def unified(old: str, new: str, name: str, *, whole: bool = False) -> str:
    """The diff, without the two lines of file names; "" when nothing changed. A long one is cut with a notice.

    `whole` does not cut it; where that would take too long, all of the old lines go and all of the new ones come.
    """
    before, after = _rows(old), _rows(new)
    if before == after:
        return ""
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    first = max(head - _AROUND, 0)
    left, right = before[first : _end(before, tail)], after[first : _end(after, tail)]
    if whole:
        return "\n".join(_whole(left, right, first))
    if max(len(left), len(right)) > _COMPARED_LINES:
        return f"@@ -{first + 1} +{first + 1} @@\n({len(left):,} lines of {name} became {len(right):,})"
    found = _hunks(left, right, first)
    if len(found) > MAX_LINES:
        found = [*found[:MAX_LINES], f"… {len(found) - MAX_LINES} more lines of diff"]
    return "\n".join(cut_to(line, MAX_LINE_CHARS) for line in found)


def counts(diff: str) -> tuple[int, int]:
    """How many lines a diff adds and removes."""
    rows = diff.split("\n")
    return sum(row.startswith("+") for row in rows), sum(row.startswith("-") for row in rows)


def _whole(left: list[str], right: list[str], skipped: int) -> list[str]:
    if max(len(left), len(right)) <= _COMPARED_LINES:
        return _hunks(left, right, skipped)
    spans = (_span(0, len(left), skipped), _span(0, len(right), skipped))
    return [f"@@ -{spans[0]} +{spans[1]} @@", *(f"-{line}" for line in left), *(f"+{line}" for line in right)]


def _rows(text: str) -> list[str]:
    rows = text.split("\n")
    last = rows.pop()
    return [*rows, f"{last}\n\\ No newline at end of file"] if last else rows


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    limit = min(len(one), len(other))
    return next((at for at in range(limit) if one[at] != other[at]), limit)


def _end(rows: Sequence[str], tail: int) -> int:
    return min(len(rows) - tail + _AROUND, len(rows))


def _hunks(left: list[str], right: list[str], skipped: int) -> list[str]:
    found: list[str] = []
    for group in difflib.SequenceMatcher(None, left, right).get_grouped_opcodes(_AROUND):
        spans = (_span(group[0][1], group[-1][2], skipped), _span(group[0][3], group[-1][4], skipped))
        found.append(f"@@ -{spans[0]} +{spans[1]} @@")
        for tag, from_left, to_left, from_right, to_right in group:
            if tag == "equal":
                found += [f" {line}" for line in left[from_left:to_left]]
                continue
            found += [f"-{line}" for line in left[from_left:to_left]]
            found += [f"+{line}" for line in right[from_right:to_right]]
    return found


def _span(start: int, stop: int, skipped: int) -> str:
    length = stop - start
    first = skipped + start + (1 if length else 0)
    return str(first) if length == 1 else f"{first},{length}"
