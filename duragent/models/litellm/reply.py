"""What litellm streams, gathered: each chunk becomes a delta, all of them a reply. No I/O.

litellm's chunks are untyped here; only the attributes named below are read, and each may be absent.
"""

from typing import Any, Literal

from duragent.models.messages import ModelDelta, ModelReply, ModelUsage, ToolCall

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
        self._refused = False
        self._refusal: list[str] = []
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

    def add_refusal(self, words: str) -> None:
        """The model declines, in a field of its own that OpenAI has for it; its words are the answer's text."""
        self._refused = True
        self._refusal.append(words)

    def reply(self, usage: ModelUsage, cost_usd: float | None) -> ModelReply:
        """The whole answer."""
        calls = tuple(call.whole(number) for number, (_, call) in enumerate(sorted(self._calls.items()), start=1))
        finish = "content_filter" if self._refused else _FINISH.get(self.finish_reason or "", "stop")
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
        text = "".join(self._refusal) + (getattr(delta, "content", None) or "")
        self._refusal = []
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


def overhear(answer: Any, gathering: Gathering) -> None:
    """Let the gathering hear of refusals: litellm leaves the provider's field for them out of what it streams."""
    source = getattr(answer, "completion_stream", None)
    if hasattr(source, "__aiter__"):
        answer.completion_stream = _Overheard(source, gathering)


class _Overheard:
    """A provider's stream, passed on as it is."""

    def __init__(self, source: Any, gathering: Gathering) -> None:
        self._source, self._gathering = source, gathering
        self._pieces = source.__aiter__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def __aiter__(self) -> "_Overheard":
        return self

    async def __anext__(self) -> Any:
        chunk = await self._pieces.__anext__()
        choices = getattr(chunk, "choices", None)
        refusal = getattr(getattr(choices[0], "delta", None), "refusal", None) if choices else None
        if isinstance(refusal, str) and refusal:
            self._gathering.add_refusal(refusal)
        return chunk


class _GatheredCall:
    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []

    def whole(self, number: int) -> ToolCall:
        return ToolCall(id=self.id or f"call_{number}", name=self.name, arguments="".join(self.arguments))
