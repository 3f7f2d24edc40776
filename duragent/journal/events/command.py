"""Events of commands that a person runs in the agent's sandbox."""

from typing import Any, Literal

from duragent.journal.events.base import CallOutcome, EventModel
from duragent.text import Brief, Text


class CommandRequested(EventModel):
    """A person runs a command where the agent's commands run. Durable before it runs; it starts no turn."""

    type: Literal["command_requested"] = "command_requested"
    command_id: str
    """Its id, unique in the session."""
    command: Text
    """What is run, as the person typed it."""
    by: Brief = ""
    """Who runs it; "" when the client did not say."""
    spool: str = ""
    """The folder where it leaves its result."""
    idempotency_key: Text | None = None
    """The key of the request; a second request with it gets this record's seq."""
    fingerprint: str | None = None
    """Of what was sent under the key."""


class CommandFinished(EventModel):
    """The one end of a person's command. The model sees it with its next question, as something that was said."""

    type: Literal["command_finished"] = "command_finished"
    command_id: str
    """The command that ended."""
    outcome: CallOutcome
    """How it ended: `denied` was never run, `interrupted` may have run in part."""
    content: Text = ""
    """What it printed, as far as the model is shown it."""
    details: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it
    """For people and programs; the model does not see them."""
    by_rule: Text = ""
    """The rule of the policy that denied it; "" when it ran."""
    place: Text = ""
    """Where it ran: the sandbox, in words."""
    output_sha256: str = ""
    """The blob with the whole output when `content` is only a part of it; else ""."""
    output_bytes: int = 0
    """The size of that blob."""
