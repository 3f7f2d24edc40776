"""The state of a mind: what its records add up to. Its truth about notes is the Markdown; here is what vouches for it.

It has no text, and is bounded, so that a snapshot of it stays small: 10,000 notes in 2,000 files are about 800 kB.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from duragent.journal.mind.events import Author, NoteTrust, WriteBegun
from duragent.text import Text

KNOWN_NOTES = 10_000
"""How many notes the log vouches for; those that were written first are let go of, and count as their file does."""
KNOWN_FILES = 2_000
"""How many files it knows the contents of, as many as a memory may have."""
KEPT_VERSIONS = 50
"""How many earlier versions of files are kept for `undo`."""
KEPT_CURSORS = 2_000
"""How many sessions it knows the position of; the ones that were used last."""
KEPT_DAYS = 40
"""How many days of spending it knows."""
LOST_JOBS = 64
"""How many jobs without an end it remembers."""
SHA_DIGITS = 16
"""How many digits of a text's SHA-256 vouch for a note."""


class KnownNote(NamedTuple):
    """A note that the log vouches for. A short tuple, because there may be very many."""

    sha: str
    """The first `SHA_DIGITS` of its text's SHA-256."""
    trust: NoteTrust
    """Who vouches for it."""
    importance_milli: int = 500
    """0 to 1,000."""
    scope: Text = ""
    """To whom it belongs; "" for the agent's owner."""
    by: Text = ""
    """The note that took its place; "" while none has."""
    renewed_at: str = ""
    """When it was made again last; "" when it never was."""
    renewed_by: Text = ""
    """The call that made it again, as `SESSION/CALL`; a repeated call counts once."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as the log knows it."""

    sha256: str
    """Of what it has; "" when it is gone."""
    by: Author = "agent"
    """Who changed it last."""
    notes: Mapping[str, KnownNote] = field(default_factory=dict)
    """The notes in it that a call wrote, by id."""
    others_at: str = ""
    """When something else than the agent's writing it as a whole changed it last; "" when nothing ever did."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """What a file had before a write; its text is a blob of the stream."""

    file: Text
    """Which file."""
    sha256: str
    """The blob's name, and the SHA-256 of the text; "" when there was no file."""
    after_sha256: str
    """What the write made of it."""
    seq: int
    """The record of the write."""


@dataclass(frozen=True, slots=True)
class OpenJob:
    """Work in the background without an end."""

    job: Text
    """Its id."""
    kind: Text
    """What is done."""
    session: Text
    """The session that it is for; "" for none."""
    first_seq: int
    """The first record that it reads."""
    last_seq: int
    """The last one."""
    day: str
    """The day that it counts for, in UTC."""
    tokens: int
    """What it may use at most."""
    usd: float
    """The price of that."""


@dataclass(frozen=True, slots=True)
class DaySpent:
    """What work in the background used on one day, in UTC."""

    tokens: int = 0
    """Read and written together. Work without an end counts with its estimate."""
    usd: float = 0.0
    """The price, as far as it is known."""


@dataclass(frozen=True, slots=True)
class WaitingNote:
    """A note that waits for a person."""

    note: Text
    """Its id."""
    since: str
    """The `ts` of its record."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Something that is being forgotten."""

    seq: int
    """The record that began it."""
    notes: tuple[Text, ...]
    """The notes, by id."""
    sha256s: tuple[str, ...]
    """Of their texts and blobs."""
    everywhere: bool = False
    """Whether sessions and indexes are to be searched too."""


@dataclass(frozen=True, slots=True)
class MindState:
    """The fold of a mind's log up to record `seq`."""

    stream_id: str
    """The name of the stream: `mind-<agent>`."""
    seq: int = 0
    """The newest record; 0 before the first."""
    agent: Text = ""
    """The agent; "" for what all agents share."""
    created_at: str = ""
    """The `ts` of the first record."""
    updated_at: str = ""
    """The `ts` of the newest one."""
    epoch: int = 0
    """Counts the servers that owned it."""
    node: str = ""
    """The id of the process that owns it."""
    files: Mapping[str, KnownFile] = field(default_factory=dict)
    """By name; the one that was written last is the last."""
    versions: tuple[FileVersion, ...] = ()
    """Of the newest writes, oldest first."""
    cursors: Mapping[str, int] = field(default_factory=dict)
    """How far each session was taken in, by its id."""
    spent: Mapping[str, DaySpent] = field(default_factory=dict)
    """By day in UTC; open jobs are not in it."""
    jobs: tuple[OpenJob, ...] = ()
    """Work that is under way."""
    lost_jobs: tuple[OpenJob, ...] = ()
    """Work that a crash ended; it counts as spent."""
    reviews: tuple[WaitingNote, ...] = ()
    """Notes that wait for a person, oldest first."""
    forgetting: Forgetting | None = None
    """What is being forgotten; None for nothing."""
    writing: WriteBegun | None = None
    """The write that was begun and has no record yet; None for none. A later one takes its place."""

    commands: bool = False
    """Whether commands run, or ran when a process ended, that no sandbox keeps from the files."""

    def known(self, note: str) -> KnownNote | None:
        """What vouches for a note; None when the log does not know it."""
        return next((file.notes[note] for file in self.files.values() if note in file.notes), None)

    def file_of(self, note: str) -> str:
        """The file that the log knows it in; "" for none."""
        return next((name for name, file in self.files.items() if note in file.notes), "")

    def own_since(self, file: str, sha256: str) -> str | None:
        """Since when only the agent changed a file that has this now; None when it was not the agent that did last."""
        known = self.files.get(file)
        return known.others_at if known is not None and (known.by, known.sha256) == ("agent", sha256) else None

    def spent_on(self, day: str) -> DaySpent:
        """What a day has cost, with what is under way at its estimate."""
        done = self.spent.get(day, DaySpent())
        today = [job for job in self.jobs if job.day == day]
        return DaySpent(done.tokens + sum(job.tokens for job in today), done.usd + sum(job.usd for job in today))

    @property
    def surplus(self) -> tuple[FileVersion, ...]:
        """Earlier versions beyond `KEPT_VERSIONS`."""
        return self.versions[:-KEPT_VERSIONS]
