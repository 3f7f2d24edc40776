"""What may be posted to a session, as nouns. `journal/admit.py` turns each into events, or refuses it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from duragent.journal.events import Sender
from duragent.journal.source import Door, Source
from duragent.text import Text


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(_Shape):
    """Somebody says something. The same `idempotency_key` counts once."""

    text: Text
    sender: Sender | None = None
    source: Source = "http"
    door: Door = ""
    idempotency_key: str | None = None


class Cancel(_Shape):
    """Stop the running turn."""

    by: str = ""
    idempotency_key: str | None = None


class Pause(_Shape):
    """Stop where it is safe and wait for a person."""

    reason: str = ""


class Resume(_Shape):
    """Go on after a pause."""

    reason: str = ""


class Rename(_Shape):
    title: str


class Close(_Shape):
    """No more messages. With `at_seq` only if nothing has happened since that record."""

    reason: str = ""
    at_seq: int | None = None


class Decision(_Shape):
    """A person's answer: to an approval request the first three, to a call that may have run the last three.

    `arguments_sha256`, or `invocation`, says what the person saw; when that is not the call that waits, nothing is
    decided. `patterns` go with `allow_always`, in place of what was offered; `written` are those that the policy has by
    then. The same `idempotency_key` counts once.
    """

    call: str
    decision: Literal["allow_once", "allow_always", "deny", "retry", "done", "failed"]
    by: str = ""
    reason: str = ""
    arguments_sha256: str | None = None
    invocation: str | None = None
    patterns: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    idempotency_key: str | None = None


Input = Message | Cancel | Pause | Resume | Rename | Close | Decision
