"""What litellm streams, gathered: each chunk becomes a delta, all of them a reply. No I/O.

litellm's chunks are untyped here; only the attributes named below are read, and each may be absent.
"""

from typing import Any, Literal

from duragent.models.messages import ModelDelta, ModelReply, ToolCall, Usage

_FINISH: dict[str, Literal["stop", "length", "tool_calls", "content_filter"]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class Gathering:
    """One answer while it arrives."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, _GatheredCall] = {}
        self._model = ""
        self.finish_reason: str | None = None
        self.usage: Any = None
        """litellm's own usage object, as last seen."""

    def add(self, chunk: Any) -> ModelDelta | None:
        """Take in one chunk; what it adds for the eye, if anything."""
        self._model = getattr(chunk, "model", None) or self._model
        self.usage = getattr(chunk, "usage", None) or self.usage
        choices = getattr(chunk, "choices", None)
        if not choices:
            return None
        self.finish_reason = getattr(choices[0], "finish_reason", None) or self.finish_reason
        return self._add_delta(getattr(choices[0], "delta", None))

    def reply(self, usage: Usage, cost_usd: float | None) -> ModelReply:
        """The whole answer."""
        calls = tuple(call.whole(number) for number, (_, call) in enumerate(sorted(self._calls.items()), start=1))
        finish = _FINISH.get(self.finish_reason or "", "stop")
        return ModelReply(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            calls=calls,
            # Some compatible servers say "stop" although they call; the calls are what counts.
            finish_reason="tool_calls" if calls and finish == "stop" else finish,
            model=self._model,
            usage=usage,
            cost_usd=cost_usd,
        )

    def _add_delta(self, delta: Any) -> ModelDelta | None:
        text = getattr(delta, "content", None) or ""
        reasoning = getattr(delta, "reasoning_content", None) or ""
        for piece in getattr(delta, "tool_calls", None) or ():
            self._add_call(piece)
        self._text.append(text)
        self._reasoning.append(reasoning)
        return ModelDelta(text=text, reasoning=reasoning) if text or reasoning else None

    def _add_call(self, piece: Any) -> None:
        call = self._calls.setdefault(getattr(piece, "index", None) or 0, _GatheredCall())
        call.id = getattr(piece, "id", None) or call.id
        function = getattr(piece, "function", None)
        call.name = getattr(function, "name", None) or call.name
        call.arguments.append(getattr(function, "arguments", None) or "")


class _GatheredCall:
    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []

    def whole(self, number: int) -> ToolCall:
        return ToolCall(id=self.id or f"call_{number}", name=self.name, arguments="".join(self.arguments))


def usage_from(reported: Any) -> Usage:
    """The counts of a usage object of litellm. `input_tokens` includes the cached ones, for every provider."""
    cached = getattr(getattr(reported, "prompt_tokens_details", None), "cached_tokens", None)
    reasoning = getattr(getattr(reported, "completion_tokens_details", None), "reasoning_tokens", None)
    return Usage(
        input_tokens=getattr(reported, "prompt_tokens", None) or 0,
        output_tokens=getattr(reported, "completion_tokens", None) or 0,
        cached_input_tokens=cached or 0,
        reasoning_tokens=reasoning or 0,
    )
