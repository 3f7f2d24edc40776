"""What may be posted to a session, as nouns. `journal/admit.py` turns each into events, or refuses it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from duragent.journal.events import Attachment, FileUndo, Sender
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


Input = Message | Cancel | Pause | Resume | Rename | ChooseModel | Close | Revocation | Decision | Undo | RunCommand
