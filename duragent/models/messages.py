"""What a model is asked and what it answers, in the field's usual shapes. No provider's spelling comes in here."""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

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


MOST_TOKENS = 1_000_000_000
"""Tokens of one answer that are believed; the largest context windows have some ten million."""

MOST_USD = 1_000_000.0
"""Price of one answer that is believed."""


def count(value: object) -> int | None:
    """A number of tokens, None when it is none. Whole numbers written as text or as a float are numbers."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(MOST_TOKENS)):
        value = int(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_TOKENS else None


def price(value: object) -> float | None:
    """A price in US dollars, None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= MOST_USD else None


_Count = Annotated[int, BeforeValidator(lambda value: count(value) or 0)]
_Price = Annotated[float | None, BeforeValidator(price)]


class ModelUsage(_Shape):
    """Token counts as the provider reported them. What is no count is 0: absurd figures must not cost the answer."""

    input_tokens: _Count = 0
    output_tokens: _Count = 0
    cached_input_tokens: _Count = 0
    reasoning_tokens: _Count = 0


class ModelDelta(_Shape):
    """A piece of an answer as it arrives; `reasoning` is the model's thinking, kept apart from its text."""

    text: Text = ""
    reasoning: Text = ""


class ModelReply(_Shape):
    """The whole answer. `text` equals the deltas' text joined. `cost_usd` is None when the price is unknown.

    `finish_reason` is `content_filter` when the model or its provider declined to answer, or to go on; `text` is then
    what was said, perhaps nothing.
    """

    text: Text = ""
    reasoning: Text = ""
    calls: tuple[ToolCall, ...] = ()
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] = "stop"
    model: str = ""
    usage: ModelUsage = ModelUsage()
    cost_usd: _Price = None
