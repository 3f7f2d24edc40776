"""Requests to a model whose tools are told as text."""

from duragent.models.messages import ChatMessage, ModelRequest, ToolCall, ToolSchema

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
