"""What is indexed: notes in pieces of one thought, and what was said in sessions. Pure.

The law: results of tools are never indexed, because what came from outside must not come back as a memory.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from duragent.memory.base import MemoryNote

PIECE_CHARS = 1_200
"""A longer text is cut, so that a search finds the part that answers."""
NEAR, FAR = 1, 3
"""How many pieces before and after a piece are its near and its far neighbours."""

_PARAGRAPHS = re.compile(r"\n\s*\n")
_SENTENCES = re.compile("(?<=[.!?\u3002\uff01\uff1f])\\s*(?=\\s|[\u3000-\uffff])|\n")


@dataclass(frozen=True, slots=True)
class NoteChunk:
    """One piece of a note; a place has them in their order."""

    note: MemoryNote
    """With the text of this piece alone."""


def chunks_of(notes: Iterable[MemoryNote]) -> list[NoteChunk]:
    """The pieces of one file's notes, in their order."""
    pieces = [replace(note, text=text) if text is not note.text else note for note in notes for text in cut(note.text)]
    return [NoteChunk(note) for note in pieces]


def cut(text: str, most_chars: int = PIECE_CHARS) -> list[str]:
    """The text in pieces at paragraphs, else at sentences, else after so many characters; none for an empty text."""
    if len(text) <= most_chars:
        return [text] if text.strip() else []
    return list(_joined(_small(text, most_chars), most_chars))


def _small(text: str, most_chars: int) -> Iterator[str]:
    for paragraph in _PARAGRAPHS.split(text):
        if len(paragraph) <= most_chars:
            yield paragraph.strip()
            continue
        for sentence in _SENTENCES.split(paragraph):
            for at in range(0, len(sentence), most_chars):
                yield sentence[at : at + most_chars].strip()


def _joined(parts: Iterable[str], most_chars: int) -> Iterator[str]:
    held = ""
    for part in parts:
        if held and len(held) + len(part) + 1 > most_chars:
            yield held
            held = ""
        held = f"{held}\n{part}" if held and part else held or part
    if held:
        yield held


def neighbours(texts: Sequence[str], at: int) -> tuple[str, str]:
    """The near and the far neighbours of a piece among the texts of its place."""
    near = (*texts[max(0, at - NEAR) : at], *texts[at + 1 : at + 1 + NEAR])
    far = (*texts[max(0, at - FAR) : max(0, at - NEAR)], *texts[at + 1 + NEAR : at + 1 + FAR])
    return "\n".join(near), "\n".join(far)
