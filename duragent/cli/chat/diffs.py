"""The diff of a change that waits for a decision: coloured, folded to the width, cut in the middle. Pure.

The law of this file: what is left out is counted where it would stand, and a line of a change is never cut in silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from duragent.cli import looks
from duragent.cli.diffs import ROLES
from duragent.cli.view import clean, many
from duragent.tools.files.diff import counts
from duragent.visible import in_sight

FOLDED_LINES = 4
"""Of one row of the diff; a longer row says how long it is."""


@dataclass(frozen=True)
class DiffLine:
    """One line of a terminal."""

    text: str
    style: str
    """Of `looks`."""


def rows(preview: str) -> list[str]:
    """The rows of a diff, safe to show."""
    return [clean(in_sight(row)).expandtabs(4) for row in preview.split("\n")] if preview else []


def is_whole(preview: str) -> bool:
    """Whether it is all of the change; else its last row says how much there is besides."""
    return not preview.rpartition("\n")[2].startswith("…")


def added_and_removed(preview: str) -> str:
    """Such as: +12 -3."""
    added, removed = counts(preview)
    return f"+{added} -{removed}"


def role_of(row: str) -> looks.Role:
    return "warning" if row.startswith("…") else ROLES.get(row[:1], "quiet")


def style_of(row: str) -> str:
    return looks.style(role_of(row))


def excerpt(preview: str, width: int, space: int) -> tuple[list[DiffLine], bool]:
    """At most `space` lines of the diff, and whether they are all of it.

    Rows that do not change go first, then the middle.
    """
    found = rows(preview)
    folded = [_folded(row, width) for row in found]
    cut_rows = any(cut for _, cut in folded)
    lines = [lines for lines, _ in folded]
    if sum(map(len, lines)) <= space:
        return [line for row in lines for line in row], not cut_rows
    return _cut([row for row, text in zip(lines, found, strict=True) if text[:1] != " "], len(found), space), False


def _cut(changes: Sequence[list[DiffLine]], count: int, space: int) -> list[DiffLine]:
    """The first and the last rows of the changes, with a line between them that counts what is left out."""
    head: list[DiffLine] = []
    tail: list[DiffLine] = []
    first, last = 0, len(changes)
    while first < last:
        in_front = len(head) <= len(tail)
        row = changes[first] if in_front else changes[last - 1]
        if len(head) + len(tail) + len(row) >= space:
            break
        head, tail = ([*head, *row], tail) if in_front else (head, [*row, *tail])
        first, last = first + in_front, last - (not in_front)
    hidden = count - first - (len(changes) - last)
    marker = DiffLine(f"… {many(hidden, 'more line')}: v shows all", looks.style("warning"))
    # Where only rows are left out that do not change, nothing is missing between the others.
    return [*head, *tail, marker] if first == last else [*head, marker, *tail]


def _folded(row: str, width: int) -> tuple[list[DiffLine], bool]:
    """The row on as many lines as it needs, and whether it needs more than it gets."""
    from rich.cells import chop_cells

    seen = row[: width * (FOLDED_LINES + 1)]
    first = (chop_cells(seen, max(width, 2)) or [""])[0]
    # What goes on stands below the text, not below the sign.
    pieces = [first, *(f" {piece}" for piece in chop_cells(seen[len(first) :], max(width - 1, 2)) if piece)]
    cut = len(pieces) > FOLDED_LINES
    if cut:
        pieces = [*pieces[: FOLDED_LINES - 1], f" … {many(len(row), 'character')} in this line"[:width]]
    return [DiffLine(piece, style_of(row)) for piece in pieces], cut
