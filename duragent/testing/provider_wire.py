"""An answer in the spelling of OpenAI or Anthropic: server-sent events when it streams, one JSON object when not.

Pure: a `ProviderAnswer` in, bytes out. Each item of a stream is what one write to the connection carries. Ollama's
spelling is in `ollama_wire`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from duragent.models.messages import ModelUsage, ToolCall
from duragent.testing.scripted import words
from duragent.testing.signatures import needs_thought_signatures, sealed, signature

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
Cut = Literal["break", "end", "hang", "error"]
ReasoningField = Literal["reasoning_content", "reasoning", "reasoning_details"]


@dataclass(frozen=True)
class ProviderAnswer:
    """A successful answer, and how it travels."""

    text: str = ""
    """What the model says. A stream sends it in pieces of one word each."""
    reasoning: str = ""
    """What the model thinks, in pieces of one word each before the text. Anthropic signs it."""
    calls: tuple[ToolCall, ...] = ()
    """The calls that the model asks for, after the text."""
    refusal: str = ""
    """What the model says in place of an answer: OpenAI has a field for it, Anthropic sends it as text."""
    hidden_reasoning: str = ""
    """What the model thinks and does not show: Anthropic sends it sealed, and OpenRouter, after the reasoning."""
    reasoning_field: ReasoningField = "reasoning_content"
    """Where a provider with OpenAI's protocol puts the reasoning. OpenRouter has the signed `reasoning_details`, and
    beside them `reasoning`."""
    finish_reason: FinishReason | None = None
    """None: as the content suggests."""
    usage: ModelUsage | None = None
    """The token counts; None for ten of the request and one for each word of the answer."""
    wire_usage: Mapping[str, Any] | None = field(default_factory=dict)
    """Replaces fields of the usage object as it is sent, by any JSON value; None sends no usage at all."""
    delay_seconds: float = 0.0
    """How long to wait before the answer."""
    chunk_delay_seconds: float = 0.0
    """How long to wait before each piece."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """More headers of a stream, such as `content-encoding`."""
    rewrite: Callable[[bytes], Iterable[bytes]] | None = None
    """Makes of the bytes of a whole stream what is sent in their place, one write for each; None: as they are."""
    cut_after_chunks: int | None = None
    """After how many pieces of text, reasoning and calls the stream is cut; None for a whole stream."""
    cut: Cut = "break"
    """How it is cut: "break" drops the connection, "end" closes it politely without a finish, "hang" stays silent until
    `StubLlm.release` or until the caller goes away, "error" sends an error event."""

    @property
    def why_finished(self) -> FinishReason:
        """The finish reason as written, else as the content suggests."""
        return self.finish_reason or ("tool_calls" if self.calls else "stop")

    @property
    def counted(self) -> ModelUsage:
        """The usage as written, else ten tokens for the question and one for each word of the answer."""
        return self.usage or ModelUsage(input_tokens=10, output_tokens=max(1, len(words(self.text))))


@dataclass(frozen=True)
class Chunk:
    """The bytes of one write. `counts` says whether `cut_after_chunks` counts it: it carries a piece of content."""

    data: bytes
    counts: bool = False


def json_bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _halves(text: str) -> list[str]:
    middle = max(1, len(text) // 2)
    return [half for half in (text[:middle], text[middle:]) if half]


# --- OpenAI ---------------------------------------------------------------------------------------------------------


def openai_error(status: int, message: str) -> bytes:
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
    kind = "server_error" if status >= 500 else kind
    return json_bytes({"error": {"message": message, "type": kind, "param": None, "code": None}})


def openai_object(answer: ProviderAnswer, model: str) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.refusal:
        message["refusal"] = answer.refusal
    if answer.reasoning and answer.reasoning_field != "reasoning_details":
        message[answer.reasoning_field] = answer.reasoning
    if answer.reasoning_field == "reasoning_details" and (details := _details(answer, model)):
        message |= {"reasoning": answer.reasoning, "reasoning_details": details}
    if answer.calls:
        message["tool_calls"] = [_openai_call(call, call.arguments, model, at) for at, call in enumerate(answer.calls)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.why_finished}
    whole = _openai_frame("chat.completion", model) | {"choices": [choice], "usage": _openai_usage(answer)}
    return json_bytes(whole)


def openai_stream(answer: ProviderAnswer, model: str, *, with_usage: bool) -> Iterator[Chunk]:
    yield _openai_event(model, {"role": "assistant", "content": ""})
    yield from _openai_reasoning(answer, model)
    for piece in words(answer.text):
        yield _openai_event(model, {"content": piece}, counts=True)
    for piece in words(answer.refusal):
        yield _openai_event(model, {"refusal": piece}, counts=True)
    for index, call in enumerate(answer.calls):
        yield _openai_event(
            model, {"tool_calls": [{"index": index} | _openai_call(call, "", model, index)]}, counts=True
        )
        for half in _halves(call.arguments):
            delta = {"tool_calls": [{"index": index, "function": {"arguments": half}}]}
            yield _openai_event(model, delta, counts=True)
    yield _openai_event(model, {}, finish=answer.why_finished)
    if with_usage and answer.wire_usage is not None:
        usage: dict[str, Any] = {"choices": [], "usage": _openai_usage(answer)}
        yield Chunk(b"data: " + json_bytes(_openai_frame("chat.completion.chunk", model) | usage) + b"\n\n")
    yield Chunk(b"data: [DONE]\n\n")


def openai_stream_error(message: str) -> bytes:
    return b"data: " + openai_error(500, message) + b"\n\n"


def _openai_frame(kind: str, model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-stub", "object": kind, "created": 1767225600, "model": model}


def _openai_event(model: str, delta: Mapping[str, Any], *, finish: str | None = None, counts: bool = False) -> Chunk:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    frame = _openai_frame("chat.completion.chunk", model) | {"choices": [choice]}
    return Chunk(b"data: " + json_bytes(frame) + b"\n\n", counts)


def _openai_call(call: ToolCall, arguments: str, model: str, at: int) -> dict[str, Any]:
    wire = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
    if at == 0 and needs_thought_signatures(model):
        # Gemini signs the first of several calls, and no other.
        wire["extra_content"] = {"google": {"thought_signature": signature(model, call.name)}}
    return wire


def _details(answer: ProviderAnswer, model: str) -> list[dict[str, Any]]:
    """OpenRouter's form of the whole reasoning."""
    frame = {"format": "anthropic-claude-v1", "id": None}
    details: list[dict[str, Any]] = []
    if answer.reasoning:
        signed = {"text": answer.reasoning, "signature": signature(model, answer.reasoning)}
        details.append({"type": "reasoning.text", "index": 0} | signed | frame)
    if answer.hidden_reasoning:
        hidden = {"type": "reasoning.encrypted", "data": sealed(model, answer.hidden_reasoning)}
        details.append(hidden | {"index": len(details)} | frame)
    return details


def _openai_reasoning(answer: ProviderAnswer, model: str) -> Iterator[Chunk]:
    """In pieces. The signature comes behind the text that it is for, in a piece without text."""
    if answer.reasoning_field != "reasoning_details":
        for piece in words(answer.reasoning):
            yield _openai_event(model, {answer.reasoning_field: piece}, counts=True)
        return
    for detail in _details(answer, model):
        if detail["type"] == "reasoning.encrypted":
            yield _openai_event(model, {"reasoning_details": [detail]}, counts=True)
            continue
        signed = detail.pop("signature")
        for piece in words(answer.reasoning):
            part = {"reasoning": piece, "reasoning_details": [detail | {"text": piece}]}
            yield _openai_event(model, part, counts=True)
        del detail["text"]
        yield _openai_event(model, {"reasoning_details": [detail | {"signature": signed}]}, counts=True)


def _openai_usage(answer: ProviderAnswer) -> dict[str, Any] | None:
    usage = answer.counted
    counts = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
    return _as_sent(answer, counts)


def _as_sent(answer: ProviderAnswer, counts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Our counts with what the test has written over them; None when the answer is to have none."""
    return None if answer.wire_usage is None else {**counts, **answer.wire_usage}


# --- Anthropic ------------------------------------------------------------------------------------------------------

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def anthropic_error(status: int, message: str) -> bytes:
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return json_bytes({"type": "error", "error": {"type": kind, "message": message}})


def anthropic_object(answer: ProviderAnswer, model: str) -> bytes:
    blocks: list[dict[str, Any]] = []
    if answer.reasoning:
        signed = signature(model, answer.reasoning)
        blocks.append({"type": "thinking", "thinking": answer.reasoning, "signature": signed})
    if answer.hidden_reasoning:
        blocks.append({"type": "redacted_thinking", "data": sealed(model, answer.hidden_reasoning)})
    if said := answer.text + answer.refusal:
        blocks.append({"type": "text", "text": said})
    for call in answer.calls:
        use = {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}
        blocks.append(use)
    frame = _anthropic_frame(answer, model, answer.counted.output_tokens)
    return json_bytes(frame | {"content": blocks, "stop_reason": _STOP_REASONS[answer.why_finished]})


def anthropic_stream(answer: ProviderAnswer, model: str, signed_by: str | None = None) -> Iterator[Chunk]:
    yield _event("message_start", {"message": _anthropic_frame(answer, model, 1)})
    yield _event("ping", {})
    yield from _anthropic_blocks(answer, signed_by or model)
    reason = {"stop_reason": _STOP_REASONS[answer.why_finished], "stop_sequence": None}
    counts = {"output_tokens": answer.counted.output_tokens}
    yield _event("message_delta", {"delta": reason, "usage": _as_sent(answer, counts)})
    yield _event("message_stop", {})


def anthropic_stream_error(message: str) -> bytes:
    return b"event: error\ndata: " + anthropic_error(500, message) + b"\n\n"


def _anthropic_blocks(answer: ProviderAnswer, signed_by: str) -> Iterator[Chunk]:
    index = 0
    if answer.reasoning:
        pieces = [{"type": "thinking_delta", "thinking": piece} for piece in words(answer.reasoning)]
        signed = [*pieces, {"type": "signature_delta", "signature": signature(signed_by, answer.reasoning)}]
        yield from _block(index, {"type": "thinking", "thinking": "", "signature": ""}, signed)
        index += 1
    if answer.hidden_reasoning:
        data = sealed(signed_by, answer.hidden_reasoning)
        yield from _block(index, {"type": "redacted_thinking", "data": data}, [])
        index += 1
    if said := answer.text + answer.refusal:
        pieces = [{"type": "text_delta", "text": piece} for piece in words(said)]
        yield from _block(index, {"type": "text", "text": ""}, pieces)
        index += 1
    for place, call in enumerate(answer.calls, start=index):
        start = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        halves = [{"type": "input_json_delta", "partial_json": half} for half in _halves(call.arguments)]
        yield from _block(place, start, halves)


def _block(index: int, start: Mapping[str, Any], deltas: list[dict[str, Any]]) -> Iterator[Chunk]:
    yield _event("content_block_start", {"index": index, "content_block": start})
    for delta in deltas:
        yield _event("content_block_delta", {"index": index, "delta": delta}, counts=True)
    yield _event("content_block_stop", {"index": index})


def _event(name: str, fields: Mapping[str, Any], *, counts: bool = False) -> Chunk:
    return Chunk(f"event: {name}\ndata: ".encode() + json_bytes({"type": name} | dict(fields)) + b"\n\n", counts)


def _anthropic_frame(answer: ProviderAnswer, model: str, output_tokens: int) -> dict[str, Any]:
    usage = answer.counted
    counts = {
        "input_tokens": usage.input_tokens - usage.cached_input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "output_tokens": output_tokens,
    }
    return {
        "id": "msg_stub",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _as_sent(answer, counts),
    }
