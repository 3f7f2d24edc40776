"""What a file of a memory becomes when notes are brought to it. Pure.

The law: nothing that a file has is changed or taken out; notes come behind it. Where both say something different in
the same place, the file keeps what it has, and the other words are listed as a conflict. A second time there is nothing
to do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import PurePosixPath

from duragent.memory.base import MemoryNote
from duragent.memory.notes import PlacedNote, appended, is_dated, notes_in, placed_notes
from duragent.transfer.memories.base import BroughtNote

_OPEN_END = "what is here ends in something open, such as code, so nothing can be put behind it"


@dataclass(frozen=True, slots=True)
class Merged:
    """A file with what came to it."""

    text: str
    """All of it; what it was before when nothing came."""
    added: tuple[MemoryNote, ...] = ()
    """The notes that it has more."""
    there: int = 0
    """How many of those that came it had already."""
    conflicts: tuple[str, ...] = ()
    """What did not come, as clauses."""


def merged_file(before: str, text: str, file: str, zone: tzinfo) -> Merged:
    """The file with all notes of `text`. An empty one becomes `text`, to the byte."""
    incoming = placed_notes(text, file, zone)
    if before == text or not before.strip():
        return Merged(text, () if before == text else _notes(incoming), len(incoming) if before == text else 0)
    lines, known = text.split("\n"), placed_notes(before, file, zone)
    conflicts: list[str] = []
    parts, there = [before], 0
    added: list[PlacedNote] = []
    words, places = set(map(_words, known)), _Places.of(known, dated=is_dated(file))
    for placed in incoming:
        if _words(placed) in words:
            there += 1
        elif reason := places.excluded(placed):
            conflicts.append(reason)
        else:
            parts.append(_block(lines, placed, f"# {PurePosixPath(file).stem}" if is_dated(file) else ""))
            added.append(placed)
            words.add(_words(placed))
    whole = _joined(parts) if added else before
    # What comes last may change how all before it is read, and the end of that may swallow what comes.
    if [*map(_words, placed_notes(whole, file, zone))] != [*map(_words, (*known, *added))]:
        return Merged(before, (), there, (*conflicts, _OPEN_END))
    return Merged(whole, _notes(added), there, tuple(conflicts))


def merged_notes(before: str, found: Sequence[tuple[BroughtNote, datetime]], file: str, known: "KnownNotes") -> Merged:
    """The file of a day with those notes, each with its local time, that the memory has nowhere."""
    parts, added, there = [before], list[MemoryNote](), 0
    # What the file has by now, and what comes to it here.
    here = KnownNotes(notes_in(before, file, UTC))
    for each, local in found:
        if known.has(each.id, each.text) or here.has(each.id, each.text):
            there += 1
            continue
        note = MemoryNote(
            id=each.id,
            text=each.text,
            file=file,
            line=0,
            trust="agent",
            written_at=each.written_at,
            importance_milli=each.importance_milli,
            source=each.source,
        )
        # What is in front of the last part need not be copied for each note.
        part = appended(parts[-1], note, local)
        if added:
            parts.append(part.removeprefix(parts[-1]))
        else:
            parts = [part]
        here.add(note)
        added.append(note)
    return Merged("".join(parts), tuple(added), there)


class KnownNotes:
    """What is there, by id and by words."""

    def __init__(self, notes: Iterable[MemoryNote] = ()) -> None:
        self._ids: set[str] = set()
        self._texts: set[str] = set()
        for note in notes:
            self.add(note)

    def add(self, note: MemoryNote) -> None:
        self._ids.add(note.id)
        self._texts.add(note.text)

    def has(self, note: str, text: str) -> bool:
        """Whether the note is there, with these or other words, or these words are."""
        return note in self._ids or text in self._texts


def _notes(placed: Sequence[PlacedNote]) -> tuple[MemoryNote, ...]:
    return tuple(each.note for each in placed)


def _words(placed: PlacedNote) -> tuple[str, str, str]:
    """What makes two notes the same one."""
    return placed.note.text, placed.note.written_at, placed.note.heading


@dataclass(frozen=True, slots=True)
class _Places:
    """Where a file has something, so that nothing else can come there."""

    ids: frozenset[str]
    headings: frozenset[str]
    dated: bool

    @classmethod
    def of(cls, known: Sequence[PlacedNote], *, dated: bool) -> "_Places":
        ids = frozenset(each.note.id for each in known if each.commented)
        return cls(ids, frozenset(each.note.heading for each in known), dated)

    def excluded(self, placed: PlacedNote) -> str:
        """Why a note cannot come to those that are there; "" when it can."""
        note = placed.note
        if placed.commented and note.id in self.ids:
            return f"line {note.line}: the note {note.id} has other words here"
        if not self.dated and placed.heading < 0:
            return f"line {note.line}: what stands in front of the first heading has other words here"
        if not self.dated and note.heading in self.headings:
            return f"line {note.line}: '{_short(note.heading)}' has other words here"
        return ""


def _block(lines: Sequence[str], placed: PlacedNote, title: str) -> str:
    """The note's lines as they stand in their file, below its heading; `title` parts one without from what is there."""
    body = "\n".join(lines[placed.first : placed.end]).rstrip("\n")
    heading = lines[placed.heading] if placed.heading >= 0 else title
    return f"{heading}\n\n{body}\n"


def _joined(parts: Sequence[str]) -> str:
    first = parts[0] if parts[0].endswith("\n") else parts[0] + "\n"
    return "\n".join([first, *parts[1:]])


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
