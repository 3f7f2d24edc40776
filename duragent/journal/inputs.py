"""What may be posted to a session, as nouns. `journal/admit.py` turns each into events, or refuses it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from duragent.journal.events import Attachment, FileUndo, ForgottenText, Sender, SummaryPart, TokenCounts
from duragent.journal.source import Door, Source
from duragent.text import Text


class InputModel(BaseModel):
    # An unknown field is a fault of the caller: nothing is dropped in silence.
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Message(InputModel):
    """A message to the agent."""

    text: Text
    """What is said; it may be empty."""
    sender: Sender | None = None
    """Who says it; None where the session has only one person."""
    source: Source = "http"
    """Where it comes from; see `source.Source`."""
    door: Door = ""
    """Which program it comes through; "" when that is not known."""
    attachments: tuple[Attachment, ...] = ()
    """The files that belong to it, at most `file_types.MAX_ATTACHMENTS`. Each is a blob of the session already."""
    idempotency_key: str | None = None
    """The same key counts once; None: each request counts."""


class Cancel(InputModel):
    """Stop the running turn."""

    by: str = ""
    """Who stops it; "" when the client did not say."""
    idempotency_key: str | None = None
    """The same key counts once."""


class Pause(InputModel):
    """Stop at the next safe place, and wait for a person."""

    reason: str = ""
    """A sentence for people."""


class Resume(InputModel):
    """Go on after a pause."""

    reason: str = ""
    """A sentence for people."""


class Rename(InputModel):
    """Give the session another title."""

    title: str
    """The new title; "" removes it."""


class ChooseModel(InputModel):
    """Let another model answer in this session, from the next question on."""

    provider: Text = ""
    """As litellm names it; "" with an empty `model`: the agent's own model again."""
    model: Text = ""
    """The provider's name of the model."""
    base_url: Text = ""
    """An address on the server's machine at which it answers, without a key; "" for the provider's usual one."""
    by: Text = ""
    """Who chose it; "" when the client did not say."""


class Close(InputModel):
    """End the session: it takes no more messages."""

    reason: str = ""
    """A sentence for people."""
    at_seq: int | None = None
    """Close only if this is still the newest record; None: in any case."""


class Revocation(InputModel):
    """Ask again about what was allowed until the session ends."""

    patterns: tuple[str, ...]
    """Which of the session's own allowances; those that it does not have change nothing."""
    by: str = ""
    """Who takes them back; "" when the client did not say."""


class Decision(InputModel):
    """A person's answer to an approval request, or to the question what to do about a call that may have run."""

    call: str
    """The call that is decided about."""
    decision: Literal["allow_once", "allow_session", "allow_always", "deny", "retry", "done", "failed"]
    """To an approval request: the first four. To a call that may have run: run it again, it was done, give it up."""
    by: str = ""
    """Who decides; "" when the client did not say."""
    reason: str = ""
    """For the model, besides the decision."""
    arguments_sha256: str | None = None
    """What the person saw: when it is not the call that waits, nothing is decided. None: not compared."""
    invocation: str | None = None
    """The same, as the line that the person saw. None: not compared."""
    patterns: tuple[str, ...] = ()
    """With `allow_session` and `allow_always`: what to allow from now on, in place of what was offered."""
    written: tuple[str, ...] = ()
    """What is allowed by it, in the policy by then; the session fills it in."""
    idempotency_key: str | None = None
    """The same key counts once."""


class Undo(InputModel):
    """Take back what a turn did to files."""

    turn: Text = ""
    """The turn's id, or the number of a record in it; "" is the last turn whose changes are still there."""
    by: str = ""
    """Who takes it back; "" when the client did not say."""
    force: bool = False
    """Also files that were changed by others since; what they are now is kept in the log."""
    turn_id: str = ""
    """Of the turn that was found; the session fills it in."""
    files: tuple[FileUndo, ...] = ()
    """What is to be done; the session fills it in."""
    idempotency_key: str | None = None
    """The same key counts once."""


class RunCommand(InputModel):
    """Run a command for a person, where the agent's commands run."""

    command: Text
    """What is run, by bash."""
    by: str = ""
    """Who runs it; "" when the client did not say."""
    spool: str = ""
    """Where its result will be; the session fills it in."""
    idempotency_key: str | None = None
    """The same key counts once."""


class Forget(InputModel):
    """Remove texts of earlier records for good. Their records stay, and say that a text was forgotten."""

    fields: tuple[ForgottenText, ...]
    """Which texts; each is in a blob. Those that were forgotten before are only removed once more."""
    by: str = ""
    """Who asked; "" when the client did not say."""
    reason: str = ""
    """A sentence for people; "" when none is given. It stays, so it must not repeat what is forgotten."""


class HistorySummary(InputModel):
    """A summary of what the model is to be shown no longer. One that comes twice, or too late, changes nothing."""

    level: int
    """1: of records; a higher one: of five summaries of the level below."""
    first_seq: int
    """The first record that it covers."""
    last_seq: int
    """The last one."""
    text: Text = ""
    """What was said, in short."""
    facts: Text = ""
    """Facts as they stand in the records."""
    by: Text = "extract"
    """`extract`, or the model that wrote the text."""
    source_sha256: str = ""
    """Over what it was made from."""
    tokens: int = 0
    """Of its text and facts, by our estimate."""
    covered_tokens: int = 0
    """As in `history_summarised`."""
    job: str = ""
    """The work in the background that made it; "" where none was begun for it."""
    usage: TokenCounts | None = None
    """What the model used; None when no model was asked."""
    cost_usd: float | None = None
    """The price of that; None when it is not known."""


class ExpandSummary(InputModel):
    """Show the summaries of which another one was made in its place."""

    summary: int
    """The record with the summary."""
    by: str = ""
    """The person; "" when the client did not say."""
    children: tuple[SummaryPart, ...] = ()
    """Of what it was made; the session fills it in."""


class Pin(InputModel):
    """Keep the beginning of a record in sight."""

    seq: int
    """The record."""
    goals: tuple[str, ...] = ()
    """The pin goes with the last of these goals; none: it stays until it is taken away."""
    by: str = ""
    """Who pins it; "" when the client did not say."""
    reason: str = ""
    """Why, as a sentence; "" when none is given."""
    text: Text = ""
    """What stays in sight; the session fills it in."""


class Unpin(InputModel):
    """Take a pin away."""

    seq: int
    """The record that is pinned."""
    by: str = ""
    """Who takes it away; "" when the client did not say."""
    reason: str = ""
    """Why, as a sentence; "" when none is given."""


class SetGoal(InputModel):
    """Keep a goal in sight."""

    text: Text
    """What is to be reached: a sentence."""
    parent: str = ""
    """The goal that it is a part of; "" for one of its own."""
    by: str = ""
    """Who sets it; "" when the client did not say."""
    call: Text = ""
    """The tool call that sets it; "" for a person."""


class EndGoal(InputModel):
    """A goal, and all that are parts of it, is reached or given up."""

    goal: str
    """The goal's id, such as `g3`."""
    outcome: Literal["done", "dropped"] = "done"
    """Whether it was reached."""
    by: str = ""
    """Who says so; "" when the client did not say."""
    call: Text = ""
    """The tool call that ends it; "" for a person."""


ViewportInput = HistorySummary | ExpandSummary | Pin | Unpin | SetGoal | EndGoal | Forget
"""What changes what the model is shown of the past."""

Input = (
    Message
    | Cancel
    | Pause
    | Resume
    | Rename
    | ChooseModel
    | Close
    | Revocation
    | Decision
    | Undo
    | RunCommand
    | ViewportInput
)
