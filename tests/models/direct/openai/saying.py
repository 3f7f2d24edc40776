"""Answers of a server that speaks Chat Completions, as Python values."""

import json
from collections.abc import Mapping
from typing import Any

from duragent.models.base import ModelChoice
from duragent.models.direct.dialect import WHOLE, WireEvent
from duragent.models.direct.openai_chat import OpenAiChat
from duragent.models.messages import ModelDelta, ModelReply

OPENAI = ModelChoice("openai", "gpt-4o-mini")
DONE = WireEvent("message", "[DONE]")


def event(value: object, name: str = "message") -> WireEvent:
    return WireEvent(name, json.dumps(value))


def said(finish: str | None = None, **delta: Any) -> WireEvent:
    """One chunk of a stream."""
    return event({"model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def used(**usage: Any) -> WireEvent:
    """The chunk that says what the answer took."""
    return event({"model": "m-1", "choices": [], "usage": usage})


def piece(index: int | None, arguments: object = None, **fields: Any) -> dict[str, Any]:
    """One entry of `tool_calls`; a value of None is left out."""
    function = {"name": fields.pop("name", None), "arguments": arguments}
    written = {"index": index, "function": {key: value for key, value in function.items() if value is not None}}
    return {key: value for key, value in (written | fields).items() if value is not None}


def whole(message: Mapping[str, Any], finish: str | None = "stop", **more: Any) -> WireEvent:
    """An answer that came as a whole."""
    return event({"choices": [{"index": 0, "message": message, "finish_reason": finish}], **more}, WHOLE)


def gathered(*events: WireEvent, choice: ModelChoice = OPENAI) -> tuple[list[ModelDelta], ModelReply]:
    """What these events add for the eye, and the reply."""
    answer = OpenAiChat().begin_answer(choice)
    deltas = [delta for each in events if (delta := answer.add(each)) is not None]
    assert answer.is_whole
    return deltas, answer.reply()


def reply_of(*events: WireEvent, choice: ModelChoice = OPENAI) -> ModelReply:
    return gathered(*events, choice=choice)[1]
