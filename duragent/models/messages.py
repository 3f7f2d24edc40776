"""What a model is asked and what it answers, in the field's usual shapes. No provider's spelling comes in here."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from duragent.text import Text


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolCall(_Shape):
    """One call that the model asks for. `arguments` is the raw JSON text as the model wrote it, perhaps malformed."""

    id: str
    name: str
    arguments: Text


class ChatMessage(_Shape):
    """One message of the conversation. `calls` only on `assistant`; `call_id` only on `tool`."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Text = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None


class ToolSchema(_Shape):
    """A tool as the model sees it; `parameters` is a JSON schema object."""

    name: str
    description: str
    parameters: dict[str, Any]


class ModelRequest(_Shape):
    """One request. The first message is the only `system` message; each tool message follows its call.

    `cache_points` are positions of messages, ascending and at most four: what a later request shares with this one
    probably ends at one of them. For providers that want to be told.
    """

    messages: tuple[ChatMessage, ...]
    tools: tuple[ToolSchema, ...] = ()
    temperature: float | None = None
    max_output_tokens: int | None = None
    cache_points: tuple[int, ...] = ()


class Usage(_Shape):
    """Token counts as the provider reported them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0


class ModelDelta(_Shape):
    """A piece of an answer as it arrives; `reasoning` is the model's thinking, kept apart from its text."""

    text: Text = ""
    reasoning: Text = ""


class ModelReply(_Shape):
    """The whole answer. `text` equals the deltas' text joined. `cost_usd` is None when the price is unknown."""

    text: Text = ""
    reasoning: Text = ""
    calls: tuple[ToolCall, ...] = ()
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] = "stop"
    model: str = ""
    usage: Usage = Usage()
    cost_usd: float | None = None
