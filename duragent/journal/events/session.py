"""Events of the session itself: its creation, its owner, and whether it goes on."""

from typing import Literal

from duragent.journal.events.base import EventModel, OnDisconnect
from duragent.journal.source import Door, Source
from duragent.text import Brief, Text


class SessionCreated(EventModel):
    """The first record of every log. Durable before 201."""

    type: Literal["session_created"] = "session_created"
    agent: str
    """The name of the agent's folder."""
    agent_fingerprint: str = ""
    """Of the agent's files at that time; "" in old logs."""
    on_disconnect: OnDisconnect = "continue"
    """What a turn does when the last watcher leaves."""
    title: Text | None = None
    """For people; None without one."""
    source: Source = "http"
    """Where the request came from; the values are those of `message_received`."""
    door: Door = ""
    """Which program made it, such as `page` or `telegram`; "" when that is not known."""
    parent: str | None = None
    """`ID@SEQ` that this session was forked from."""
    idempotency_key: Text | None = None
    """The key under which the session was created; a second request with it gets this session."""
    fingerprint: str | None = None
    """Of what was asked for under the key: another request with the same key is refused."""
    model: Brief = ""
    """The model of this session as `provider/name`, in place of the agent's; "" for the agent's own."""
    system: Brief = ""
    """A text that stands in place of the agent's SYSTEM_PROMPT.md; "" for the agent's own."""
    gateway: Text | None = None
    """The gateway of the chat that the session belongs to; None without one."""
    chat_id: Text | None = None
    """That chat's id at its gateway."""


class OwnerClaimed(EventModel):
    """A server took the session over. Work that was started under a lower epoch is orphaned."""

    type: Literal["owner_claimed"] = "owner_claimed"
    epoch: int
    """Counts the owners, from 1."""
    node: str
    """The id of the server's process."""


class SessionPaused(EventModel):
    """No turn begins until the session is resumed."""

    type: Literal["session_paused"] = "session_paused"
    reason: Brief = ""
    """A sentence for people."""


class SessionResumed(EventModel):
    """Turns may begin again."""

    type: Literal["session_resumed"] = "session_resumed"
    reason: Brief = ""
    """A sentence for people."""


class SessionRenamed(EventModel):
    """The session has another title."""

    type: Literal["session_renamed"] = "session_renamed"
    title: Text | None = None
    """None: it has none any more."""


class ModelChosen(EventModel):
    """From the next question on, another model answers in this session."""

    type: Literal["model_chosen"] = "model_chosen"
    provider: Brief = ""
    """As litellm names it; "" with an empty `model`: the agent's own model again."""
    model: Brief = ""
    """The provider's name of the model."""
    base_url: Brief = ""
    """An address on the server's machine at which it answers, without a key; "" for the provider's usual one."""
    by: Brief = ""
    """Who chose it; "" when the client did not say."""


class SessionClosed(EventModel):
    """The session takes no more input. Nothing but `OwnerClaimed` and what ends its work comes after this."""

    type: Literal["session_closed"] = "session_closed"
    reason: Brief = ""
    """A sentence for people."""


class LogRecovered(EventModel):
    """The end of the log was cut off; its bytes are kept beside the log."""

    type: Literal["log_recovered"] = "log_recovered"
    offset: int
    """In bytes: where the cut was made."""
    size_bytes: int
    """Of what was cut off."""
    saved_as: str
    """The file with these bytes.

    `events.torn-…`: an append that never ended, and was never acknowledged. `events.damaged-…`, or "" where there were
    no bytes: a person had the log repaired, and records that clients may have seen are gone from it.
    """


class HistoryRedacted(EventModel):
    """A person had texts taken out of earlier records: the log was written again without them.

    Seqs, times and kinds of the records are as they were.
    """

    type: Literal["history_redacted"] = "history_redacted"
    seqs: tuple[int, ...] = ()
    """The records that are not what they were."""
    by: Brief = ""
    """Who asked for it; "" when the client did not say."""
    reason: Brief = ""
    """Why, as a sentence; "" when none was given. It must not repeat what is gone."""
