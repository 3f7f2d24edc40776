"""What a model is asked and what it answers, in the field's usual shapes. No provider's spelling comes in here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from duragent.text import Text


class _Shape(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class ToolCall(_Shape):
    """One call that the model asks for."""

    id: str
    """The model's id of the call; a result refers to it."""
    name: str
    """The name of the tool as the model wrote it; there may be no such tool."""
    arguments: Text
    """The raw JSON text as the model wrote it, perhaps malformed."""


class AttachedFile(_Shape):
    """A file that belongs to a message. Its bytes are a blob of the session."""

    name: Text
    """The file's name, without folders; for people and models."""
    media_type: str
    """Judged by its bytes, such as `image/png`; `application/octet-stream` where nothing better is known."""
    sha256: str
    """Of its bytes, and so the name of its blob."""
    size_bytes: int
    """How long it is."""


class OpaquePart(_Shape):
    """What a provider wants back with a message, word for word: signed thinking, thought signatures and the like."""

    adapter: str
    """The adapter that wrote it, and alone can read it, such as `anthropic_messages`."""
    model: Text = ""
    """The model that it is from, as `provider/name`; another one may refuse it."""
    value: Any = None
    """JSON of that adapter."""


class OneTool(_Shape):
    """As `ModelRequest.tool_choice`: the model must call this tool."""

    name: str
    """The name of the tool."""


class ResponseSchema(_Shape):
    """The form that the text of an answer must have."""

    name: str
    """Letters, digits, `_` and `-`; some providers show it to the model."""
    json_schema: dict[str, Any]
    """A JSON schema of type `object`. The text of the answer is JSON that fits it."""


ThinkingLevel = Literal["off", "low", "medium", "high"]


class ChatMessage(_Shape):
    """One message of the conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    """Who speaks; `tool` is the result of a call."""
    content: Text = ""
    """The text; "" for an assistant that only calls tools."""
    calls: tuple[ToolCall, ...] = ()
    """The calls that an assistant asks for; empty for the other roles."""
    call_id: str | None = None
    """The call that a `tool` message answers; None for the other roles."""
    attachments: tuple[AttachedFile, ...] = ()
    """Files of a `user` or `tool` message that the model gets as such; they stand behind the text."""
    opaque: OpaquePart | None = None
    """Of an assistant's message: what its provider wants back with it; None for nothing."""


class ToolSchema(_Shape):
    """A tool as the model sees it."""

    name: str
    """By which the model calls it."""
    description: str
    """What it does, for the model."""
    parameters: dict[str, Any]
    """A JSON schema of type `object`."""


class ModelRequest(_Shape):
    """One request."""

    messages: tuple[ChatMessage, ...]
    """The first one is the only `system` message; each tool message follows its call."""
    tools: tuple[ToolSchema, ...] = ()
    """The tools that the model may call."""
    tail: Text = ""
    """What the model reads last, in this request alone. Adapters write it into the last message (`tail.placed`)."""
    temperature: float | None = None
    """None for the provider's default."""
    max_output_tokens: int | None = None
    """The limit of the answer; None for the provider's default."""
    window_tokens: int | None = None
    """How many tokens the model is to read and write, for providers that each request tells; None: they know it."""
    cache_points: tuple[int, ...] = ()
    """Positions in `messages`, ascending, at most four. A later request probably shares the messages up to one of
    them. Only some providers use it."""
    thinking: ThinkingLevel | Annotated[int, Field(gt=0)] | None = None
    """How much the model thinks before it answers; a number is a budget of tokens. None for the provider's default."""
    tool_choice: Literal["auto", "none", "required"] | OneTool = "auto"
    """Whether the model may, must not or must call a tool, or which one; it means nothing without `tools`."""
    response_schema: ResponseSchema | None = None
    """The form of the answer's text; None for free text."""
    files: Mapping[str, bytes] = Field(default={}, exclude=True, repr=False)
    """The bytes of all attachments in `messages`, by their SHA-256. Not part of the request's JSON: the hashes are."""


MOST_TOKENS = 1_000_000_000
"""Tokens of one answer that are believed; the largest context windows have some ten million."""

MOST_USD = 1_000_000.0
"""Price of one answer that is believed."""


def count(value: object) -> int | None:
    """The value as a number of tokens; None when it is not one. A whole number may be written as text or as a float."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(MOST_TOKENS)):
        value = int(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_TOKENS else None


def price(value: object) -> float | None:
    """The value as a price in US dollars; None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= MOST_USD else None


_Count = Annotated[int, BeforeValidator(lambda value: count(value) or 0)]
_Price = Annotated[float | None, BeforeValidator(price)]


class ModelUsage(_Shape):
    """Token counts as the provider reported them. An absurd value counts as 0, so that the answer is kept."""

    input_tokens: _Count = 0
    """Tokens of the request, the cached ones included."""
    output_tokens: _Count = 0
    """Tokens of the answer, those of its reasoning included."""
    cached_input_tokens: _Count = 0
    """The part of `input_tokens` that came from the provider's cache."""
    reasoning_tokens: _Count = 0
    """The part of `output_tokens` that was reasoning."""


@dataclass(frozen=True, slots=True)
class ModelDelta:
    """A piece of an answer as it arrives."""

    text: str = ""
    """What follows the text so far."""
    reasoning: str = ""
    """What follows the model's reasoning so far, which is not part of its text."""


class ModelReply(_Shape):
    """The whole answer."""

    text: Text = ""
    """The text of all deltas joined; "" when the model only calls tools."""
    reasoning: Text = ""
    """The reasoning of all deltas joined; "" when the provider sends none."""
    calls: tuple[ToolCall, ...] = ()
    """The calls that the model asks for, in its order."""
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] = "stop"
    """Why the answer ended. `content_filter`: the model or its provider declined to answer, or to continue; `text` is
    what was said until then."""
    model: str = ""
    """The model that answered, as the provider names it; "" when it does not say."""
    usage: ModelUsage = ModelUsage()
    """The token counts; all 0 when the provider reports none."""
    cost_usd: _Price = None
    """The price in US dollars; None when it is not known."""
    opaque: OpaquePart | None = None
    """What the provider wants back with this answer in later requests; None for nothing."""
    quiet: tuple[str, ...] = ()
    """The ids of those calls for whose results the model does not wait."""
