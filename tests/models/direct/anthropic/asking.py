"""Requests to Anthropic as they are written, without a provider."""

from typing import Any

from duragent.models.base import ModelChoice
from duragent.models.direct.anthropic_messages import AnthropicMessages
from duragent.models.messages import ChatMessage, ModelRequest, OpaquePart, ToolCall, ToolSchema

SONNET = "claude-sonnet-4-5"
LS = ToolSchema(name="ls", description="Lists files.", parameters={"type": "object", "properties": {}})
CALL = ToolCall(id="toolu_1", name="ls", arguments='{"path": "."}')
SIGNED = {"type": "thinking", "thinking": "Let me look.", "signature": "c2lnbmVk"}
REDACTED = {"type": "redacted_thinking", "data": "c2VjcmV0"}


def choice(name: str = SONNET, base_url: str | None = None) -> ModelChoice:
    return ModelChoice("anthropic", name, base_url)


def opaque(*blocks: object, name: str = SONNET, adapter: str = "anthropic_messages") -> OpaquePart:
    return OpaquePart(adapter=adapter, model=f"anthropic/{name}", value={"blocks": list(blocks)})


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def called(kept: OpaquePart | None = None, text: str = "") -> ChatMessage:
    return ChatMessage(role="assistant", content=text, calls=(CALL,), opaque=kept)


def result(text: str = "a.txt", call_id: str = "toolu_1") -> ChatMessage:
    return ChatMessage(role="tool", call_id=call_id, content=text)


def body(*messages: ChatMessage, name: str = SONNET, **fields: Any) -> dict[str, Any]:
    """The request's JSON, with a tool unless the fields say otherwise."""
    request = ModelRequest(messages=messages, **{"tools": (LS,), **fields})
    return dict(AnthropicMessages().written(choice(name), "k", request).body)
