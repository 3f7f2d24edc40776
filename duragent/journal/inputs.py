"""What may be posted to a session, as nouns. `session/admit.py` turns each into events, or refuses it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from duragent.journal.events import Sender, Source
from duragent.text import Text


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(_Shape):
    """Somebody says something. The same `idempotency_key` counts once."""

    text: Text
    sender: Sender | None = None
    source: Source = "http"
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
    """A person's answer to an approval request."""

    call: str
    decision: Literal["allow_once", "allow_always", "deny"]
    by: str = ""
    reason: str = ""


Input = Message | Cancel | Pause | Resume | Rename | Close | Decision
