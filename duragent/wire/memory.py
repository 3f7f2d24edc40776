"""What agents remember: notes, what waits for a person, the index, and what work in the background used."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from duragent.text import Text
from duragent.wire.base import Asked, WireModel


def _says_something(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


NoteText = Annotated[Text, AfterValidator(_says_something)]
_By = Annotated[str, StringConstraints(max_length=200)]
TrustWord = Literal["owner", "agent", "unreviewed"]
VerdictWord = Literal["keep", "forget", "edit"]


class NoteInfo(WireModel):
    """One note of a memory."""

    id: str = Field(description="`m_` and 8 letters or digits.")
    text: Text = Field(description="What it says; of a proposal, the whole text that a file is to have.")
    file: Text = Field(description="Relative to the memory folder, or `world/<topic>.md`.")
    line: int = Field(description="Its first line in that file.")
    heading: Text = Field("", description="The heading that it stands under, without a time.")
    scope: Text = Field("owner", description="To whom it belongs: `owner`, `world`, `person:ID` or `chat:ID`.")
    trust: TrustWord = Field(description="Who vouches for it; no model is shown what is `unreviewed`.")
    written_at: str | None = Field(None, description="When; null when neither file nor heading says.")
    file_changed_at: str | None = Field(
        None, description="Of a note that has no time: when its file was changed last. It may be older than that."
    )
    importance: float = Field(description="From 0 to 1.")
    source: Text | None = Field(None, description="`SESSION#SEQ` of the call that wrote it; null for a person's note.")
    replaces: str | None = Field(None, description="The note that it took the place of.")
    superseded_by: str | None = Field(None, description="The note that took its place.")
    waits_since: str | None = Field(None, description="Since when it waits for a person; null when it does not.")
    origin: Text | None = Field(
        None, description="What the agent had read from outside before it wrote a note that waits, such as a web page."
    )
    proposes: Text | None = Field(None, description="The file whose whole text it wants to be; null for other notes.")
    proposes_sha256: str | None = Field(
        None, description='Of that file as it is now, "" for none; a review may repeat it.'
    )
    diff: Text = Field("", description="What a proposal would change in that file, as a unified diff.")


class NoteList(WireModel):
    notes: list[NoteInfo] = Field(description="The newest first; those without a time are last.")
    total: int = Field(description="How many there are, on all pages.")
    waiting: int = Field(description="How many notes of this memory wait for a person.")
    faults: list[Text] = Field([], description="What of the memory could not be read, in sentences.")


class FoundNote(NoteInfo):
    """A note that a search looked at."""

    score: float = Field(description="Relevance, age and importance together.")
    coverage: float = Field(description="How much of the question's weight stands in it or beside it, from 0 to 1.")
    age_hours: int = Field(description="Since it was written; 0 when that is not known.")
    own: list[Text] = Field([], description="Words of the question that stand in it.")
    near: list[Text] = Field([], description="Words of the question that stand only beside it.")
    left_out: str | None = Field(None, description="Why a model would not be shown it; null when it would.")


class NoteSearch(WireModel):
    """What a search found."""

    index_rev: str = Field(description="Names the index's schema, language and weights.")
    indexed: int = Field(description="How many pieces the index has.")
    took_ms: int = Field(description="How long the search took.")
    silent: str | None = Field(None, description="Why a model is shown nothing; null when it is shown some.")
    embedder: str | None = Field(None, description="Who computed the question's vector; null when only words count.")
    notes: list[FoundNote] = Field(description="The best first.")


class AddNote(Asked):
    """`POST /api/v1/agents/{name}/memory/notes`."""

    text: NoteText = Field(description="At most 8 KiB.")
    importance: float = Field(0.5, ge=0, le=1, description="From 0 to 1.")
    replaces: str = Field("", max_length=64, description="The id of a note that it takes the place of.")
    topic: Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)] = Field(
        "", description="Of `worldMemory`: the topic that gets one paragraph more."
    )
    by: _By = Field("", description="Who writes it, for the log.")


class ReviewNote(Asked):
    """`POST /api/v1/agents/{name}/memory/notes/{note}/review`."""

    verdict: VerdictWord = Field(description="`edit` keeps it with the words of `text`.")
    text: Text | None = Field(None, description="The new words; only with `edit`.")
    proposes_sha256: str | None = Field(
        None,
        max_length=64,
        description="Of a proposal: its file as it was seen; if it is another now, nothing happens.",
    )
    by: _By = Field("", description="Who decides, for the log.")


class Reviewed(WireModel):
    note: str = Field(description="The note's id.")
    verdict: VerdictWord = Field(description="What was decided.")
    file: Text | None = Field(None, description="Where it stands now; null when it was forgotten.")
    waiting: int = Field(description="How many notes still wait.")


class ForgottenNote(WireModel):
    note: str = Field(description="The note's id.")
    left: list[Text] = Field(description="Where its words still stand, in sentences.")


class ForgetMemory(Asked):
    """`POST /api/v1/agents/{name}/memory/forget`: all that any of the three names."""

    notes: list[str] = Field([], max_length=1_000, description="Notes by id.")
    person: str = Field("", max_length=300, description="All notes that belong to this person: `telegram-4711`.")
    match: str = Field("", max_length=1_000, description="All notes with these words, in capitals or not.")
    by: _By = Field("", description="Who asks, for the log.")
    reason: str = Field("", max_length=2_000, description="Why, for the log; without what is forgotten.")
    dry_run: bool = Field(False, description="Only say what would be forgotten.")


class ForgottenMemory(WireModel):
    notes: list[NoteInfo] = Field(description="The notes that are gone, or would be.")
    texts: int = Field(description="How many earlier versions of files and texts that sessions were given.")
    left: list[Text] = Field(description="Where the words still stand, and what takes them away, in sentences.")


class MemoryUndoPlan(WireModel):
    """What an undo of the newest write of a file would do now."""

    file: Text = Field(description="The file.")
    seq: int = Field(description="The record of the write.")
    diff: Text = Field(description="From what the file has now to what it had before, as a unified diff.")


class UndoMemory(Asked):
    """`POST /api/v1/agents/{name}/memory/undo`."""

    file: str = Field(max_length=300, description="As in the plan.")
    seq: int = Field(ge=1, description="As in the plan; another write since then is an error.")
    by: _By = Field("", description="Who takes it back, for the log.")


class MemoryUndone(WireModel):
    file: Text = Field(description="The file that is as it was before that write.")
    seq: int = Field(description="The record that was undone.")


class MindRecords(WireModel):
    """Records of the log of a memory. They have no text of notes."""

    records: list[dict[str, Any]] = Field(description="Oldest first; each has `seq`, `ts`, `type` and its fields.")
    head: int = Field(description="seq of the newest record.")


class MemoryRepaired(WireModel):
    """The log of a memory that was damaged, and goes on behind its last good record; the rest is kept beside it."""

    head: int = Field(description="seq of the newest record.")


class MemoryIndexInfo(WireModel):
    """How the index is. It may be deleted at any time, and is then made again."""

    rev: str = Field(description="Names its schema, language and weights.")
    problems: list[Text] = Field(description="What differs from the notes, in sentences; empty when all is well.")
    embedder: str | None = Field(None, description="Who computes vectors; null when it is searched by words alone.")


class MemoryJob(WireModel):
    kind: Text = Field(description="Such as `summary` or `embedding`.")
    session: Text | None = Field(None, description="The session that it is for.")
    estimate_tokens: int = Field(description="What it may use at most.")
    lost: bool = Field(False, description="A server ended before it did; it counts as spent.")


class MemoryWork(WireModel):
    """What work in the background has used today, in UTC, and may use."""

    day: str = Field(description="The day.")
    tokens: int = Field(description="Read and written together, with what is under way at its estimate.")
    tokens_per_day: int = Field(description="The most.")
    cost_usd: float = Field(description="As far as prices are known.")
    cost_usd_per_day: float = Field(description="The most.")
    jobs: list[MemoryJob] = Field(description="Under way, and the newest ones that were lost.")
