"""The words of this folder: what was found in a source, and what became of it.

The law: a source is only read. What stays out is listed with its reason, and a source that cannot be read to its end
brings nothing.
"""

from dataclasses import dataclass
from typing import Literal

FileOutcome = Literal["written", "merged", "there", "conflict"]
"""`written`: a new file. `merged`: it had other text, and has both now. `there`: it had all of it. `conflict`: what it
has and what was to come exclude each other, and it stays as it is."""


@dataclass(frozen=True, slots=True)
class BroughtFile:
    """A file of notes, to be taken as it is."""

    file: str
    """Its name in a memory, such as `daily/2026-11-21.md` or `world/units.md`."""
    text: str
    """Its text, to the byte."""


@dataclass(frozen=True, slots=True)
class BroughtNote:
    """A note of another program, which becomes one of its day."""

    id: str
    """Made from where it comes from and what it says, so that it is always the same."""
    text: str
    """What it says."""
    written_at: str
    """RFC 3339 in UTC."""
    importance_milli: int
    """0 to 1,000."""
    source: str
    """Where it comes from, for its comment."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Something of a source that has no place here, or cannot be read."""

    what: str
    """Which part of the source."""
    why: str
    """The reason, as a clause."""
    is_fault: bool = False
    """Whether it should have been taken: the source, or what is here already, has to be put right first."""


@dataclass(frozen=True, slots=True)
class Brought:
    """All that a source has for a memory."""

    kind: str
    """What it is, for people."""
    files: tuple[BroughtFile, ...] = ()
    """Files, to be taken as they are."""
    notes: tuple[BroughtNote, ...] = ()
    """Notes, each once."""
    not_taken: tuple[NotTaken, ...] = ()
    """What is left out, and why."""


@dataclass(frozen=True, slots=True)
class TakenFile:
    """What became of a file of the memory."""

    file: str
    """Its name in the memory."""
    outcome: FileOutcome
    """What was done."""
    added: int = 0
    """How many notes it has more."""
    there: int = 0
    """How many it had already."""
    why: str = ""
    """What stays out, and the reason, as a sentence; "" when all of it is in."""
