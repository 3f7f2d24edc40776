"""Events of messages."""

from typing import Literal

from duragent.journal.events.base import EventModel, Sender
from duragent.journal.events.files import Attachment
from duragent.journal.source import Door, Source
from duragent.text import Text


class MessageReceived(EventModel):
    """A message came in. Durable before 200 or 202."""

    type: Literal["message_received"] = "message_received"
    message_id: str
    """Its id, unique in the session."""
    text: Text
    """What was said; it may be empty."""
    sender: Sender | None = None
    """None where the session has only one person."""
    source: Source = "http"
    """Where it comes from: `http`, `cli`, `gateway`, `schedule`, `process`, `agent` or `legacy`; any other value counts
    as `http`."""
    door: Door = ""
    """Which program it came through, such as `page` or `telegram`; "" when that is not known."""
    idempotency_key: Text | None = None
    """The key of the request; a second request with it gets this message's seq."""
    fingerprint: str | None = None
    """Of what was sent under the key: another message with the same key is refused."""
    attachments: tuple[Attachment, ...] = ()
    """The files that belong to it. Their blobs are durable before this record."""
