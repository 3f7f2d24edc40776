"""What can happen in a mind, the log of what an agent remembers: one class for each kind of event, in the past tense.

The law: no event has a note's text, only its SHA-256, so that what is forgotten stands in no log. `owner_claimed` and
`log_recovered` are those of sessions. Fields may be added with a default, never renamed.
"""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field

from duragent.journal.events import LogRecovered, Opaque, OwnerClaimed, TokenCounts
from duragent.journal.events.base import EventModel
from duragent.text import Text

Author = Literal["agent", "person", "unattributed"]
"""Who changed a file. `unattributed`: it changed while a command of this agent ran that could write it."""

NoteTrust = Literal["owner", "agent", "unreviewed"]
"""Who vouches for a note; as in `memory`."""


class NoteCause(EventModel):
    """The call that wrote a note."""

    session: Text
    """The session in which the call was made."""
    seq: int = 0
    """The record with the call; 0 when it is not known."""
    call: Text = ""
    """The call's id; "" when it is not known."""


class MindCreated(EventModel):
    """The first record of a mind."""

    type: Literal["mind_created"] = "mind_created"
    agent: Text = ""
    """The agent whose mind it is; "" for what all agents share."""


WriteOp = Literal["remember", "reflect", "update_world", "edit", "forget", "undo", "review", "found"]
"""What was asked for. `review`: a person let a note in that waited, or it was taken out of those that wait. `found`: a
start found a note of a write that a crash cut short, in a file that a person has changed since."""


class WriteBegun(EventModel):
    """A file is about to be written: what a start finds of it after a crash was ours, and nothing else."""

    type: Literal["write_begun"] = "write_begun"
    note: Text = ""
    """The note's id; "" when the whole file is to be replaced."""
    file: Text
    """Relative to the memory folder, or `world/<topic>.md`."""
    op: WriteOp
    """What was asked for."""
    before_sha256: str = ""
    """Of the file as it is; "" when there is none."""
    after_sha256: str
    """Of the file as it will be."""
    text_sha256: str = ""
    """Of the note's text; "" for a whole file, and for a note that is forgotten."""
    chars: int = 0
    """How long the text is."""
    scope: Text = ""
    """To whom it belongs; as in `note_written`."""
    importance_milli: int = 500
    """0 to 1,000."""
    trust: NoteTrust = "agent"
    """Who vouches for it."""
    cause: NoteCause | None = None
    """The call that writes it; None when a person or a command does."""
    person: Text = ""
    """Who writes it, when a person does."""
    replaces: Text = ""
    """The note that it takes the place of; "" for none."""
    verdict: Literal["", "keep", "forget", "edit"] = ""
    """What a person said of a note that is taken out of those that wait; "" for other writes."""


class NoteWritten(EventModel):
    """A file of the memory was written: with one note more, or as a whole."""

    type: Literal["note_written"] = "note_written"
    note: Text = ""
    """The note's id; "" when the whole file was replaced."""
    file: Text
    """Relative to the memory folder, or `world/<topic>.md`."""
    op: WriteOp
    """What was asked for."""
    before_sha256: str = ""
    """Of the file as it was; "" when there was none."""
    after_sha256: str = ""
    """Of the file as it is; "" when there is none any more."""
    text_sha256: str = ""
    """Of the note's text; "" for a whole file."""
    chars: int = 0
    """How long the text is."""
    scope: Text = ""
    """To whom it belongs, such as `person:telegram-4711`; "" for the agent's owner."""
    importance_milli: int = 500
    """0 to 1,000."""
    trust: NoteTrust = "agent"
    """Who vouches for it."""
    cause: NoteCause | None = None
    """The call that wrote it; None when a person or a command did."""
    person: Text = ""
    """Who wrote it, when a person did."""
    unattributed: bool = False
    """Whether it cannot be said who wrote it."""
    theirs: Text = ""
    """The file that keeps what a person saved in the moment of the write; "" when nothing was."""


class ImportedNote(EventModel):
    """A note of another program that a memory has now."""

    note: Text
    """The note's id."""
    text_sha256: str
    """Of its text."""
    importance_milli: int = 500
    """0 to 1,000."""
    trust: NoteTrust = "agent"
    """Who vouches for it."""


class NotesImported(EventModel):
    """What another program remembered came into a file of the memory."""

    type: Literal["notes_imported"] = "notes_imported"
    file: Text
    """Relative to the memory folder, or `world/<topic>.md`."""
    before_sha256: str = ""
    """Of the file as it was; "" when there was none."""
    after_sha256: str
    """Of the file as it is."""
    notes: tuple[ImportedNote, ...] = ()
    """Those of the notes that the log vouches for: files that are taken as they are have none."""
    count: int = 0
    """How many notes came."""
    by: Text = ""
    """Who asked for it."""
    theirs: Text = ""
    """The file that keeps what a person saved in the moment of the write; "" when nothing was."""


class NoteReinforced(EventModel):
    """The same or nearly the same note was made again, so the first one counts more."""

    type: Literal["note_reinforced"] = "note_reinforced"
    note: Text
    """The note's id."""
    importance_milli: int
    """What its importance is now, 0 to 1,000."""
    cause: NoteCause | None = None
    """The call that made it again."""


class NoteSuperseded(EventModel):
    """Another note took the place of this one."""

    type: Literal["note_superseded"] = "note_superseded"
    note: Text
    """The older note's id."""
    by: Text
    """The newer note's id."""


class NoteReviewed(EventModel):
    """A person decided about a note that waited."""

    type: Literal["note_reviewed"] = "note_reviewed"
    note: Text
    """The note's id."""
    verdict: Literal["keep", "forget", "edit"]
    """`edit`: kept with other words."""
    by: Text = ""
    """Who decided; "" when it was dropped, because it had waited for too long."""
    file: Text = ""
    """Where it stands now; "" when it was forgotten, and for a proposal, whose file has a record of its own."""
    text_sha256: str = ""
    """Of its text now; "" when `file` is."""
    before_sha256: str = ""
    """Of the file that it came from, before."""
    after_sha256: str = ""
    """Of the file that it came from, after."""
    file_sha256: str = ""
    """Of `file` with the note in it; "" when it was forgotten."""


class ForgettingBegun(EventModel):
    """Something is to be gone for good: written before anything is removed."""

    type: Literal["forgetting_begun"] = "forgetting_begun"
    notes: tuple[Text, ...] = ()
    """The notes, by id."""
    sha256s: tuple[str, ...] = ()
    """Of their texts, and of the blobs that hold them."""
    by: Text = ""
    """Who asked for it."""
    reason: Text = ""
    """Why, as the person said it."""
    everywhere: bool = False
    """Whether it is to be gone from the texts that sessions were given, and from indexes, too."""


class ForgettingEnded(EventModel):
    """All of it that could be removed is gone."""

    type: Literal["forgetting_ended"] = "forgetting_ended"
    notes: tuple[Text, ...] = ()
    """The notes, by id."""
    sha256s: tuple[str, ...] = ()
    """Of what was removed."""
    left: tuple[Text, ...] = ()
    """Where words of it still stand, as sentences for people."""
    everywhere: bool = False
    """As in `forgetting_begun`; one that is not so ends none that is."""


class FileSeen(EventModel):
    """A file of the memory was found other than the log knew it."""

    type: Literal["file_seen"] = "file_seen"
    file: Text
    """Relative to the memory folder, or `world/<topic>.md`."""
    sha256: str = ""
    """Of what it has now; "" when it is gone."""
    by: Author = "person"
    """Who changed it."""


class WorkBegun(EventModel):
    """Work in the background is about to cost something."""

    type: Literal["work_begun"] = "work_begun"
    job: Text
    """The job's id, unique in the mind."""
    kind: Text
    """What is done, such as `summary` or `embedding`."""
    model: Text = ""
    """The model that does it, as `provider/model`."""
    session: Text = ""
    """The session that it is for; "" for none."""
    first_seq: int = 0
    """The first record of that session that it reads; 0 for none."""
    last_seq: int = 0
    """The last one."""
    estimate_tokens: int = 0
    """What it may use at most, read and written together."""
    estimate_usd: float = 0.0
    """The price of that, as far as it is known."""


class WorkEnded(EventModel):
    """That work came to an end."""

    type: Literal["work_ended"] = "work_ended"
    job: Text
    """The job's id."""
    outcome: Literal["done", "failed", "stale", "cancelled"]
    """`stale`: its result was not needed any more."""
    usage: TokenCounts = TokenCounts()
    """What it used."""
    cost_usd: float | None = None
    """The price of that; None when it is not known."""
    error: Text = ""
    """Why it failed."""


class SessionConsumed(EventModel):
    """What the mind needs of a session is taken in, up to a record. Written with what it led to, as one group."""

    type: Literal["session_consumed"] = "session_consumed"
    session: Text
    """The session's id."""
    upto_seq: int
    """Its last record that was taken in."""


class CommandsBegun(EventModel):
    """A command of the agent is about to start that no sandbox keeps from the files of the memory.

    What differs after a crash may be its work, until `commands_ended`.
    """

    type: Literal["commands_begun"] = "commands_begun"


class CommandsEnded(EventModel):
    """No such command runs any more, and the log knows the files as they are."""

    type: Literal["commands_ended"] = "commands_ended"


KnownMindEvent = Annotated[
    MindCreated
    | OwnerClaimed
    | LogRecovered
    | WriteBegun
    | NoteWritten
    | NotesImported
    | NoteReinforced
    | NoteSuperseded
    | NoteReviewed
    | ForgettingBegun
    | ForgettingEnded
    | FileSeen
    | CommandsBegun
    | CommandsEnded
    | WorkBegun
    | WorkEnded
    | SessionConsumed,
    Field(discriminator="type"),
]
MindEvent = KnownMindEvent | Opaque

MIND_EVENT_TYPES: dict[str, type[BaseModel]] = {
    event.model_fields["type"].default: event for event in get_args(get_args(KnownMindEvent)[0])
}
"""The classes by their name on disk."""
