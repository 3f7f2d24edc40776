"""Replacing a text within a text, and what to tell a model when that cannot be done. Pure."""

import difflib
import itertools
import re
from dataclasses import dataclass

_COMPARED_ENDS = 4096
_SEARCHED_LINES = 5000
_COMPARED_CHARS = 200
_SHOWN_PLACES = 10
_NUMBERED = re.compile(r"^ *\d+→", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be replaced by what."""

    old: str
    new: str
    everywhere: bool = False
    """At each place; else there must be only one."""

    @property
    def settles(self) -> bool:
        """Whether the old text cannot come to stand anywhere by this change, whatever is around it.

        Then doing it twice is as if done once: the second time there is nothing to replace. False when in doubt.
        """
        old, new = self.old, self.new
        if min(len(old), len(new)) > _COMPARED_ENDS:
            return False
        if old in new or new in old:
            return False
        sizes = range(1, min(len(old), len(new)))
        return not any(old.endswith(new[:size]) or old.startswith(new[-size:]) for size in sizes)


@dataclass(frozen=True, slots=True)
class Edited:
    text: str
    count: int


@dataclass(frozen=True, slots=True)
class NotEdited:
    """Why not, as a sentence for the model. `done_before`: the new text stands there once, and the old one nowhere."""

    why: str
    done_before: bool = False


def edit(text: str, change: Change) -> Edited | NotEdited:
    """The text with the change made. In a text with CRLF line ends, LF in the change stands for them.

    Where a text has both, it stands for each, so that an edit that is done twice does not find the other one.
    """
    if change.old == change.new:
        return NotEdited("old_text and new_text are the same: there is nothing to change")
    if "\r" not in change.old and "\r\n" in text:
        return _edit_crlf(text, change)
    places = places_of(change.old, text, _SHOWN_PLACES + 1)
    if not places:
        return _absent(text, change)
    if len(places) > 1 and not change.everywhere:
        return NotEdited(_several(text, places))
    return Edited(text.replace(change.old, change.new), text.count(change.old))


def _edit_crlf(text: str, change: Change) -> Edited | NotEdited:
    wanted = r"\r?\n".join(map(re.escape, change.old.split("\n")))
    # Ahead of where we look, so that places that overlap are found too.
    places = [found.start() for found in itertools.islice(re.finditer(f"(?={wanted})", text), _SHOWN_PLACES + 1)]
    crlf = Change(_crlf(change.old), _crlf(change.new), change.everywhere)
    if not places:
        return _absent(text, crlf)
    if len(places) > 1 and not change.everywhere:
        return NotEdited(_several(text, places))
    everywhere = text.count("\r\n") == text.count("\n")
    return Edited(*re.subn(wanted, lambda found: crlf.new if everywhere or "\r" in found[0] else change.new, text))


def places_of(part: str, text: str, limit: int) -> list[int]:
    """Where `part` begins, also where it overlaps with itself; at most `limit`."""
    found: list[int] = []
    at = text.find(part)
    while at >= 0 and len(found) < limit:
        found.append(at)
        at = text.find(part, at + 1)
    return found


def line_of(at: int, text: str) -> int:
    return text.count("\n", 0, at) + 1


def _crlf(text: str) -> str:
    return re.sub(r"\r?\n", "\r\n", text)


def _several(text: str, places: list[int]) -> str:
    lines = list(dict.fromkeys(line_of(at, text) for at in places[:_SHOWN_PLACES]))
    more = len(places) > _SHOWN_PLACES
    count = f"more than {_SHOWN_PLACES}" if more else str(len(places))
    where = ", ".join(map(str, lines)) + (", …" if more else "")
    return (
        f"old_text is there {count} times (line{'s' if len(lines) > 1 else ''} {where}); "
        "give more of the text around the one you mean, or set replace_all"
    )


def _absent(text: str, change: Change) -> NotEdited:
    new = places_of(change.new, text, 2) if change.new else []
    if len(new) == 1:
        line = line_of(new[0], text)
        return NotEdited(
            f"old_text is not there, but new_text is, at line {line}: the edit may have been made already", True
        )
    return NotEdited(f"old_text is not there; {_hint(text, change.old)}")


def _hint(text: str, old: str) -> str:
    plain = _NUMBERED.sub("", old)
    if plain != old and plain in text:
        return "leave out the line numbers and arrows of read_file"
    rows, wanted = text.split("\n"), [row.strip() for row in old.strip("\n").split("\n")]
    stripped = [row.strip() for row in rows]
    for at in range(len(rows) - len(wanted) + 1):
        if stripped[at] == wanted[0] and stripped[at : at + len(wanted)] == wanted:
            return f"only with other blanks or indentation, at line {at + 1}:\n{_shown(rows, at, len(wanted))}"
    return _nearest(rows, next((row for row in wanted if row), ""))


def _nearest(rows: list[str], wanted: str) -> str:
    best, where = 0.6, None
    matcher = difflib.SequenceMatcher(b=wanted[:_COMPARED_CHARS], autojunk=False)
    for at, row in enumerate(itertools.islice(rows, _SEARCHED_LINES)):
        matcher.set_seq1(row.strip()[:_COMPARED_CHARS])
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and (ratio := matcher.ratio()) > best:
            best, where = ratio, at
    if where is None:
        return "nothing there is like it; read the file again"
    return f"the nearest is at line {where + 1}:\n{_shown(rows, where, 1)}"


def _shown(rows: list[str], at: int, count: int) -> str:
    shown = rows[at : at + min(count, _SHOWN_PLACES)]
    return "\n".join(row.rstrip("\r")[: 2 * _COMPARED_CHARS] for row in shown)
