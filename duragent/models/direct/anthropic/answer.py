"""One answer of Messages while it arrives. Values in, values out: no I/O.

Content comes as blocks, each with a beginning, pieces and an end. A server that does not stream sends the message as a
whole: its blocks are then complete at their beginning.
"""

import json
from typing import Any, Literal

from duragent.errors import ModelUnavailable
from duragent.models.base import ModelChoice
from duragent.models.direct.anthropic.kept import NAME, THINKING, Block, kept_as
from duragent.models.direct.anthropic.usage import ReportedUsage
from duragent.models.direct.dialect import WireEvent
from duragent.models.direct.faults import ProviderFault
from duragent.models.messages import ModelDelta, ModelReply, OpaquePart, ToolCall

__all__ = ["NAME", "MessageSoFar"]

_FINISH: dict[str, Literal["stop", "length", "tool_calls", "content_filter"]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    # The model would go on, if it were asked again.
    "pause_turn": "length",
    "refusal": "content_filter",
}

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

_PIECES = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}
"""By the kind of a piece: the kind of its block, and its field."""


class MessageSoFar:
    """See the module docstring."""

    def __init__(self, choice: ModelChoice) -> None:
        self._choice = choice
        self._blocks: list[Block] = []
        self._open: dict[object, Block] = {}
        self._stop_reason: str | None = None
        self._said = False
        self._usage = ReportedUsage()
        self._model = ""
        self.is_over = False

    @property
    def is_whole(self) -> bool:
        return self._stop_reason is not None or self.is_over

    def add(self, event: WireEvent) -> ModelDelta | None:
        try:
            data = json.loads(event.data)
        except (ValueError, RecursionError):
            raise ModelUnavailable(f"{self._choice.label}: sent something that is not JSON") from None
        if not isinstance(data, dict):
            return None
        match data.get("type"):
            case "content_block_delta":
                return self._piece(data.get("index"), _object(data.get("delta")))
            case "content_block_start":
                return self._begin(data.get("index"), _object(data.get("content_block")))
            case "content_block_stop":
                self._end(data.get("index"))
            case "message_start":
                self._frame(_object(data.get("message")))
            case "message_delta":
                self._usage.take(data.get("usage"))
                return self._stop(_object(data.get("delta")))
            case "message_stop":
                self.is_over = True
            case "message":
                return self._whole(data)
            case "error":
                self._fail(data.get("error"))
            case _ if "error" in data:
                self._fail(data["error"])
        return None

    def reply(self) -> ModelReply:
        """The whole answer."""
        finish = _FINISH.get(self._stop_reason or "", "stop")
        blocks = [_whole_block(block, cut=finish == "length" and not block["ended"]) for block in self._blocks]
        calls = [block for block in blocks if block["type"] == "tool_use"]
        usage, cost = self._usage.counted(self._choice, self._model)
        return ModelReply(
            text="".join(block["text"] for block in blocks if block["type"] == "text"),
            reasoning="\n\n".join(shown for block in blocks if (shown := block.get("thinking"))),
            calls=tuple(
                ToolCall(id=call["id"] or f"call_{number}", name=call["name"], arguments=call["arguments"])
                for number, call in enumerate(calls, start=1)
            ),
            # Some servers say that they are done although they call; the calls are what counts.
            finish_reason="tool_calls" if calls and finish == "stop" else finish,
            model=self._model,
            usage=usage,
            cost_usd=cost,
            opaque=self._kept(blocks, finish),
        )

    def _frame(self, message: dict[str, Any]) -> None:
        model = message.get("model")
        self._model = model if isinstance(model, str) else self._model
        self._usage.take(message.get("usage"))

    def _begin(self, index: object, started: Block) -> ModelDelta | None:
        block = {**started, "type": str(started.get("type") or ""), "pieces": {}, "ended": False}
        if block["type"] not in ("text", "tool_use", *THINKING):
            return None
        self._blocks.append(block)
        self._open[_key(index)] = block
        field = block["type"]
        if field not in ("text", "thinking"):
            return None
        at_once, block[field] = _string(started.get(field)), ""
        return self._add(block, field, at_once) if at_once else None

    def _piece(self, index: object, delta: Block) -> ModelDelta | None:
        kind, field = _PIECES.get(str(delta.get("type")), ("", ""))
        said = delta.get(field)
        if not isinstance(said, str) or not said:
            return None
        block = self._open.get(_key(index))
        if block is None or block["type"] != kind:
            # A block whose beginning was left out.
            self._begin(index, {"type": kind})
            block = self._open[_key(index)]
        return self._add(block, field, said)

    def _add(self, block: Block, field: str, said: str) -> ModelDelta | None:
        pieces = block["pieces"].setdefault(field, [])
        pieces.append(said)
        if field == "text":
            self._said = True
            return ModelDelta(text=said)
        if field != "thinking":
            return None
        follows = len(pieces) == 1 and any(each["pieces"].get(field) for each in self._blocks if each is not block)
        return ModelDelta(reasoning=f"\n\n{said}" if follows else said)

    def _end(self, index: object) -> None:
        if (block := self._open.pop(_key(index), None)) is not None:
            block["ended"] = True

    def _stop(self, delta: Block) -> ModelDelta | None:
        reason = delta.get("stop_reason")
        if not isinstance(reason, str):
            return None
        self._stop_reason = reason
        why = _object(delta.get("stop_details")).get("explanation")
        if reason != "refusal" or self._said or not isinstance(why, str) or not why:
            return None
        # A person who gets no answer at least gets the reason.
        self._begin(None, {"type": "text"})
        return self._add(self._blocks[-1], "text", why)

    def _whole(self, message: dict[str, Any]) -> ModelDelta | None:
        self._frame(message)
        content = message.get("content")
        deltas = []
        for index, block in enumerate(content if isinstance(content, list) else ()):
            deltas.append(self._begin(index, _object(block)))
            self._end(index)
        deltas.append(self._stop(message))
        self.is_over = True
        shown = [delta for delta in deltas if delta is not None]
        if not shown:
            return None
        return ModelDelta(
            text="".join(delta.text for delta in shown), reasoning="".join(delta.reasoning for delta in shown)
        )

    def _fail(self, error: object) -> None:
        told = _object(error)
        said = told.get("message") or error
        raise ProviderFault(said if isinstance(said, str) else json.dumps(said), _STATUS.get(str(told.get("type"))))

    def _kept(self, blocks: list[Block], finish: str) -> OpaquePart | None:
        if finish == "content_filter":
            return None
        # Thinking that was cut off has no signature, and is refused.
        signed = [
            block
            for block in blocks
            if block["type"] not in THINKING or finish != "length" or block.get("signature") or block.get("data")
        ]
        return kept_as(signed, self._choice)


def _whole_block(block: Block, *, cut: bool) -> Block:
    """As the provider would have sent it in one piece. `cut`: its end is missing."""
    whole = {name: value for name, value in block.items() if name not in ("pieces", "ended")}
    pieces = {field: "".join(said) for field, said in block["pieces"].items()}
    match block["type"]:
        case "text":
            return {"type": "text", "text": pieces.get("text", "")}
        case "tool_use":
            return {
                "type": "tool_use",
                "id": _string(block.get("id")),
                "name": _string(block.get("name")),
                "arguments": pieces.get("partial_json") or _arguments(block, cut=cut),
            }
        case _:
            return whole | pieces


def _arguments(block: Block, *, cut: bool) -> str:
    """Of a call that came without pieces: what stands at its beginning. Without any it has none."""
    given = _object(block.get("input"))
    return "" if cut and not given else json.dumps(given, ensure_ascii=False)


def _key(index: object) -> object:
    return index if isinstance(index, int | str) else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
