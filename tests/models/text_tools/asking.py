"""Requests to a model whose tools are told as text."""

import asyncio

from duragent.models.messages import ChatMessage, ModelDelta, ModelReply, ModelRequest, ToolCall, ToolSchema
from duragent.models.text_tools.model import TextTools
from tests.support.bounds import LIMIT_SECONDS

LS = ToolSchema(
    name="ls",
    description="List files.",
    parameters={"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
)
CALL = '<tool_call>{"name": "ls", "arguments": {"path": "."}}</tool_call>'
LS_CALL = ToolCall(id="call_1", name="ls", arguments='{"path": "."}')


def request(*messages: ChatMessage, tools: tuple[ToolSchema, ...] = (LS,)) -> ModelRequest:
    return ModelRequest(messages=messages, tools=tools, temperature=0.5)


def says(role: str, content: str = "", *calls: ToolCall, call_id: str | None = None) -> ChatMessage:
    return ChatMessage.model_validate({"role": role, "content": content, "calls": calls, "call_id": call_id})


async def ask(model: TextTools, asked: ModelRequest) -> tuple[list[ModelDelta], ModelReply]:
    async with asyncio.timeout(LIMIT_SECONDS):
        pieces = [piece async for piece in model.stream(asked)]
    replies = [piece for piece in pieces if isinstance(piece, ModelReply)]
    assert pieces[-1:] == replies
    deltas = [piece for piece in pieces if isinstance(piece, ModelDelta)]
    assert "".join(delta.text for delta in deltas) == replies[0].text
    return deltas, replies[0]
