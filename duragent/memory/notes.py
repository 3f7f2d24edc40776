"""Markdown of memory files and the notes in it: what is read from a text, and how a text is made with one note more.

The law: pure, and a text is never composed from what was read of it. A change adds lines, or takes out or replaces the
lines of one note; every other line stays as it is, whatever a person made of the file.

In a *dated* file (daily, people, chats, unreviewed) a note stands under its time; in any other it is what stands under
one heading. The comment line below a note that a call wrote ends it.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import PurePosixPath
from typing import cast, get_args

from duragent.memory.base import OWNER, WORLD, MemoryNote, NewNote, Scope, ScopeKind, Trust

LONG_TERM = "MEMORY.md"
UNREVIEWED = "unreviewed.md"
MAX_NOTE_BYTES = 8 * 1024

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID = "m_[0-9a-hjkmnp-tv-z]{8}"
NOTE_ID = re.compile(_ID)
_COMMENT = re.compile(rf"<!-- ({_ID})((?: [a-z]+=[^\s<>]+)*) -->")
_TIME = re.compile(r"## (?:(\d{4}-\d{2}-\d{2}) )?(\d{1,2}):(\d{2})(?!\d)(.*)")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_NOT_IN_COMMENTS = re.compile(r"[\s<>]")
_STRUCTURE = re.compile(r"\\*(?: {0,3}#|<!-- m_)")
_ESCAPED = re.compile(r"\\(?=\\*(?: {0,3}#|<!-- m_))")


@dataclass(frozen=True, slots=True)
class PlacedNote:
    """A note, and the lines that it has in its file."""

    note: MemoryNote
    """The note."""
    first: int
    """Index of its first line, from 0; its heading is not counted."""
    end: int
    """Index behind its last line, which is its comment where it has one."""
    heading: int
    """Index of the heading that it stands under; -1 without one."""
    commented: bool
    """Whether it has a comment, so that its text is escaped."""


# --- ids ------------------------------------------------------------------------------------------------------------


def note_id(*parts: str) -> str:
    """Always the same id for the same parts, such as a session and a call."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    number = int.from_bytes(digest[:5])
    return "m_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))


def text_sha256(text: str) -> str:
    """Names a text: a note's, or a whole file's."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# --- files ----------------------------------------------------------------------------------------------------------


def scope_of(file: str) -> Scope:
    """To whom the notes of a file belong."""
    folder, _, _ = file.partition("/")
    stem = PurePosixPath(file).stem
    match folder:
        case "world":
            return WORLD
        case "people":
            return Scope("person", stem)
        case "chats":
            return Scope("chat", stem)
        case _:
            return OWNER


def is_dated(file: str) -> bool:
    """Whether its notes stand under times."""
    return file == UNREVIEWED or file.partition("/")[0] in ("daily", "people", "chats")


def file_for(scope: Scope, day: str) -> str:
    """The file for a new note: the day's for the agent's own, else that of the person or chat."""
    match scope.kind:
        case "person":
            return f"people/{scope.id}.md"
        case "chat":
            return f"chats/{scope.id}.md"
        case "owner":
            return f"daily/{day}.md"
        case _:
            raise ValueError("what all agents share is written by topic")


# --- reading --------------------------------------------------------------------------------------------------------


def notes_in(text: str, file: str, zone: tzinfo) -> tuple[MemoryNote, ...]:
    """The notes of a file, in its order."""
    return tuple(placed.note for placed in placed_notes(text, file, zone))


def placed_notes(text: str, file: str, zone: tzinfo) -> tuple[PlacedNote, ...]:
    """The notes of a file with their lines, which do not overlap. Each has an id that no other in this file has."""
    lines = _lines(text)
    found: list[PlacedNote] = []
    taken: set[str] = set()
    for block in _dated_blocks(lines, file) if is_dated(file) else _plain_blocks(lines):
        placed = _placed(lines, block, file, zone, taken)
        if placed is not None:
            taken.add(placed.note.id)
            found.append(placed)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines between two borders: headings, comments, the ends of the file."""

    heading: int
    first: int
    end: int
    comment: int
    """Index of the comment that ends it; -1 when something else does."""


def _lines(text: str) -> list[str]:
    # Not `splitlines`, for which many characters end a line.
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _bare(line: str) -> str:
    return line.removeprefix("\ufeff").rstrip("\r\n \t")


def _dated_blocks(lines: list[str], file: str) -> Iterator[_Block]:
    title = f"# {PurePosixPath(file).stem}"
    borders = ((index, _TIME.match(bare) is not None, bare == title) for index, bare in enumerate(map(_bare, lines)))
    yield from _blocks(lines, ((index, timed) for index, timed, titled in borders if timed or titled))


def _plain_blocks(lines: list[str]) -> Iterator[_Block]:
    yield from _blocks(lines, ((index, True) for index in _headings(lines)))


def _headings(lines: list[str]) -> Iterator[int]:
    """The headings outside of code."""
    fence = ""
    for index, line in enumerate(map(_bare, lines)):
        if marks := _FENCE.match(line):
            mark = marks[1]
            if not fence:
                fence = mark
            elif mark[0] == fence[0] and len(mark) >= len(fence) and not line[marks.end() :].strip():
                fence = ""
        elif _COMMENT.fullmatch(line):
            fence = ""
        elif not fence and _HEADING.fullmatch(line):
            yield index


def _blocks(lines: list[str], borders: Iterator[tuple[int, bool]]) -> Iterator[_Block]:
    """What lies between borders and comments. A border that is no heading of notes ends the one before."""
    kinds = dict(borders)
    heading, first = -1, 0
    for index, line in enumerate(lines):
        if index in kinds:
            yield _Block(heading, first, index, -1)
            heading, first = (index if kinds[index] else -1), index + 1
        elif _COMMENT.fullmatch(_bare(line)):
            yield _Block(heading, first, index + 1, index)
            first = index + 1
    yield _Block(heading, first, len(lines), -1)


def _placed(lines: list[str], block: _Block, file: str, zone: tzinfo, taken: set[str]) -> PlacedNote | None:
    last = block.end if block.comment < 0 else block.comment
    first, last = _without_blank(lines, block.first, last)
    if first == last:
        return None
    commented = block.comment >= 0
    note = MemoryNote(
        id="",
        text=_text(lines[first:last], commented=commented),
        file=file,
        line=first + 1,
        scope=scope_of(file),
        trust="unreviewed" if file == UNREVIEWED else "owner",
        written_at=_written_at(file, lines[block.heading] if block.heading >= 0 else "", zone),
        decays=file.startswith("daily/"),
        heading=_heading_text(lines[block.heading], file) if block.heading >= 0 else "",
    )
    if commented:
        note = _with_comment(note, _bare(lines[block.comment]))
    if not note.id or note.id in taken:
        note = replace(note, id=_free_id(note, taken))
    return PlacedNote(note, first, block.end if commented else last, block.heading, commented)


def _without_blank(lines: list[str], first: int, end: int) -> tuple[int, int]:
    while first < end and not _bare(lines[first]).strip():
        first += 1
    while end > first and not _bare(lines[end - 1]).strip():
        end -= 1
    return first, end


def _text(lines: list[str], *, commented: bool) -> str:
    bare = [line.rstrip("\r\n") for line in lines]
    if commented:
        bare = list(map(_unescaped, bare))
    return "\n".join(bare).removeprefix("\ufeff").strip()


def _free_id(note: MemoryNote, taken: set[str]) -> str:
    """From file and text; the same text again in one file is counted."""
    wanted, again = note_id(note.file, note.text), 1
    while wanted in taken:
        wanted, again = note_id(note.file, note.text, str(again)), again + 1
    return wanted


def _heading_text(line: str, file: str) -> str:
    bare = _bare(line)
    if is_dated(file) and (timed := _TIME.match(bare)):
        return timed[4].strip()
    found = _HEADING.fullmatch(bare)
    return (found[1] or "").strip() if found else ""


def _written_at(file: str, heading: str, zone: tzinfo) -> str:
    """The moment that file name and heading tell, in UTC."""
    timed = _TIME.match(_bare(heading)) if is_dated(file) else None
    day = (timed and timed[1]) or (PurePosixPath(file).stem if file.startswith("daily/") else "")
    clock = f"{timed[2]:0>2}:{timed[3]}" if timed else "00:00"
    try:
        moment = datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M").replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- comments -------------------------------------------------------------------------------------------------------


def _with_comment(note: MemoryNote, line: str) -> MemoryNote:
    found = _COMMENT.fullmatch(line)
    if found is None:
        return note
    said = dict(pair.split("=", 1) for pair in found[2].split())
    trust = cast(Trust, said["trust"]) if said.get("trust") in get_args(Trust) else note.trust
    replaced = said.get("replaces", "")
    return replace(
        note,
        id=found[1],
        trust="unreviewed" if note.file == UNREVIEWED else trust,
        importance_milli=_milli(said.get("importance", "")),
        source=said.get("from", ""),
        replaces=replaced if NOTE_ID.fullmatch(replaced) else "",
        scope=_scope(said.get("scope", "")) if note.file == UNREVIEWED else note.scope,
        proposes=said.get("proposes", "") if note.file == UNREVIEWED else "",
    )


def _milli(text: str) -> int:
    if not re.fullmatch(r"[01](?:\.\d{1,3})?", text, re.ASCII):
        return 500
    whole, _, part = text.partition(".")
    return min(int(whole) * 1_000 + int(f"{part:0<3}"), 1_000)


def _scope(text: str) -> Scope:
    kind, _, name = text.partition(":")
    return Scope(cast(ScopeKind, kind), name) if kind in get_args(ScopeKind) else OWNER


def comment_of(note: MemoryNote) -> str:
    """The one line below a note that was written by a call."""
    said = [f"importance={note.importance_milli // 1000}.{note.importance_milli % 1000 // 10:02d}"]
    if note.importance_milli % 10:
        said = [f"importance={note.importance_milli // 1000}.{note.importance_milli % 1000:03d}"]
    said.append(f"trust={note.trust}")
    if note.file == UNREVIEWED and note.scope != OWNER:
        said.append(f"scope={note.scope}")
    if note.proposes:
        said.append(f"proposes={note.proposes}")
    if note.replaces:
        said.append(f"replaces={note.replaces}")
    if note.source:
        said.append(f"from={note.source}")
    return f"<!-- {note.id} {' '.join(_NOT_IN_COMMENTS.sub('-', pair) for pair in said)} -->"


def without_comments(text: str) -> str:
    """The text as a model is shown it: no comment lines, and no backslashes that a comment needed."""
    lines = _lines(text)
    kept: list[str] = []
    for block in _blocks(lines, iter(())):
        body = lines[block.first : block.end if block.comment < 0 else block.comment]
        kept += map(_unescaped, body) if block.comment >= 0 else body
    return "".join(kept)


def _unescaped(line: str) -> str:
    return line[1:] if _ESCAPED.match(line) else line


# --- writing --------------------------------------------------------------------------------------------------------


def cleaned(content: str) -> str:
    """What a note's text becomes in a file: lines end in one way, nothing invisible at the ends, no NUL, no half sign.

    The log knows a note by the checksum of this, so that it must be to the byte what the file gets.
    """
    content = content.encode("utf-8", "replace").decode()
    return content.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").replace("\ufeff", "").strip()


def made_note(new: NewNote, note: str, file: str, written_at: datetime) -> MemoryNote:
    """A new note as it will stand in that file."""
    source = f"{new.cause.session_id}#{new.cause.seq}" if new.cause else ""
    return MemoryNote(
        id=note,
        text=cleaned(new.text),
        file=file,
        line=0,
        scope=new.scope,
        trust=new.trust,
        written_at=written_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        importance_milli=new.importance_milli,
        source=source,
        decays=file.startswith("daily/"),
        replaces=new.replaces,
        proposes=new.proposes,
    )


def appended(text: str, note: MemoryNote, local: datetime) -> str:
    """The file with one note more. `local` is the time of its heading."""
    stem = PurePosixPath(note.file).stem
    day = "" if note.file.startswith("daily/") else f"{local:%Y-%m-%d} "
    before = text if text.strip() else f"# {stem}\n"
    before += "" if before.endswith("\n") else "\n"
    return f"{before}\n## {day}{local:%H:%M}\n\n{_escaped(note.text)}\n{comment_of(note)}\n"


def _escaped(text: str) -> str:
    return "\n".join("\\" + line if _STRUCTURE.match(line) else line for line in text.split("\n"))


def without(text: str, placed: PlacedNote, others: tuple[PlacedNote, ...]) -> str:
    """The file without a note, and without its heading when none of the `others` stands under it."""
    lines = _lines(text)
    first, end = placed.first, placed.end
    alone = not any(other.heading == placed.heading for other in others if other != placed)
    if placed.heading >= 0 and alone and not "".join(lines[placed.heading + 1 : first]).strip():
        first = placed.heading
    while end < len(lines) and first and not _bare(lines[end]).strip() and not _bare(lines[first - 1]).strip():
        end += 1
    return "".join(lines[:first] + lines[end:])


def rewritten(text: str, placed: PlacedNote, note: MemoryNote) -> str:
    """The file with another text and comment in place of a note, under the same heading."""
    lines = _lines(text)
    body = f"{_escaped(note.text)}\n{comment_of(note)}\n"
    return "".join([*lines[: placed.first], body, *lines[placed.end :]])
