"""Texts for an index: places that tests change as they like."""

from hashlib import sha256

from duragent.memory.base import MemoryNote
from duragent.memory.chunks import NoteChunk, chunks_of
from duragent.memory.index import PlaceContent

WHEN = "2026-11-21T14:32:00Z"


def noted(name: str, text: str, **fields: object) -> MemoryNote:
    """A note of that text."""
    return MemoryNote(f"m_{name}", text, "daily/2026-11-21.md", 1, written_at=WHEN, **fields)  # type: ignore[arg-type]  # fields of a note


class Places:
    """A source whose files are lists of notes, and which counts what is read of it."""

    def __init__(self, **files: list[MemoryNote]) -> None:
        self.files = files
        self.read: list[str] = []
        self.touched = 0

    def marks(self) -> dict[str, str]:
        """By content, and by how often everything was touched."""
        return {name: f"{self.touched}:{self._sha256(name)}" for name in self.files}

    def content(self, place: str, indexed_mark: str) -> PlaceContent:
        """All of it."""
        self.read.append(place)
        return PlaceContent(self.marks()[place], chunks_of(self.files[place]), self._sha256(place))

    def _sha256(self, name: str) -> str:
        return sha256(repr(self.files[name]).encode("utf-8", "replace")).hexdigest()


class Sessions:
    """A source that grows."""

    def __init__(self) -> None:
        self.said: list[MemoryNote] = []
        self.read: list[str] = []

    def marks(self) -> dict[str, str]:
        """The head."""
        return {"session_1": str(len(self.said))}

    def content(self, place: str, indexed_mark: str) -> PlaceContent:
        """What came since."""
        self.read.append(indexed_mark)
        head, before = len(self.said), int(indexed_mark or 0)
        after = before if before <= head else 0
        return PlaceContent(
            str(head), [NoteChunk(note) for note in self.said[after:]], appended=after == before and after > 0
        )
