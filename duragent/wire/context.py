"""A request that a model was sent, made again from a session's log."""

from typing import Any

from pydantic import Field

from duragent.text import Text
from duragent.wire.base import WireModel


class SentSection(WireModel):
    """A section of the system message."""

    source: Text = Field(description="Where it is from.")
    priority: int = Field(description="A lower one comes first.")
    text: Text = Field(description="As the model saw it.")


class SentMessage(WireModel):
    """A message of the request."""

    role: str = Field(description="`system`, `user`, `assistant` or `tool`.")
    content: Text = Field(description="Its text.")
    calls: list[dict[str, Any]] = Field(description="The tool calls of an answer.")


class SentRequest(WireModel):
    """What a model was shown, from the log alone, and whether these are the bytes that were sent."""

    session_id: str = Field(description="The session.")
    seq: int = Field(description="The record of the question.")
    turn: str = Field(description="The turn that it belongs to.")
    model: Text = Field(description="`provider/name` of the model that was asked.")
    equal: bool = Field(description="Whether the SHA-256 is the one of the question.")
    sha256: str = Field(description="Over the request as it was made again.")
    request_sha256: str = Field(description="Over the request that was sent.")
    lost_blobs: list[str] = Field(description="Blobs that it needs and that are absent or changed, by their SHA-256.")
    forgotten: bool = Field(description="Whether a text that it had was forgotten since.")
    redacted: list[int] = Field(
        [], description="Its records out of which a person has taken texts since; only when it is not equal."
    )
    sections: list[SentSection] = Field(description="Of the system message, in their order.")
    tools: list[Text] = Field(description="The names of the tools that were offered.")
    tail: Text = Field(description="What stood in the last message besides; empty for nothing.")
    messages: list[SentMessage] = Field(description="Without the system message, oldest first.")
