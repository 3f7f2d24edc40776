"""An answer in Ollama's own spelling: a line of JSON for each piece. Pure, as `provider_wire`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from duragent.testing.provider_wire import Chunk, ProviderAnswer, json_bytes
from duragent.testing.scripted import words

_DONE_REASONS = {"stop": "stop", "length": "length", "tool_calls": "stop", "content_filter": "stop"}


def ollama_error(status: int, message: str) -> bytes:
    """Ollama says no more of an error than its sentence."""
    return json_bytes({"error": message})


def ollama_stream_error(message: str) -> bytes:
    return json_bytes({"error": message}) + b"\n"


def ollama_object(answer: ProviderAnswer, model: str) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text + answer.refusal}
    if answer.reasoning:
        message["thinking"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = _calls(answer)
    return json_bytes(_frame(model, message) | _end(answer))


def ollama_stream(answer: ProviderAnswer, model: str) -> Iterator[Chunk]:
    for piece in words(answer.reasoning):
        yield _line(model, {"content": "", "thinking": piece})
    for piece in words(answer.text + answer.refusal):
        yield _line(model, {"content": piece})
    for call in _calls(answer):
        # A call comes whole: Ollama reads it out of the text of the model itself.
        yield _line(model, {"content": "", "tool_calls": [call]})
    yield Chunk(json_bytes(_frame(model, {"role": "assistant", "content": ""}) | _end(answer)) + b"\n")


def _calls(answer: ProviderAnswer) -> list[dict[str, Any]]:
    """A call whose id is "" is sent without one, as older servers do."""
    calls = []
    for index, call in enumerate(answer.calls):
        function = {"index": index, "name": call.name, "arguments": json.loads(call.arguments)}
        calls.append(({"id": call.id} if call.id else {}) | {"function": function})
    return calls


def _line(model: str, message: Mapping[str, Any]) -> Chunk:
    return Chunk(json_bytes(_frame(model, {"role": "assistant", **message}) | {"done": False}) + b"\n", counts=True)


def _frame(model: str, message: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": model, "created_at": "2026-01-01T00:00:00.000000000Z", "message": message}


def _end(answer: ProviderAnswer) -> dict[str, Any]:
    end = {"done": True, "done_reason": _DONE_REASONS[answer.why_finished], "total_duration": 1, "load_duration": 1}
    if answer.wire_usage is None:
        return end
    usage = answer.counted
    counts = {"prompt_eval_count": usage.input_tokens, "eval_count": usage.output_tokens}
    return end | counts | {"prompt_eval_duration": 1, "eval_duration": 1} | dict(answer.wire_usage)
