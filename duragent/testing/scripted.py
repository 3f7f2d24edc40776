"""A model that says what a test has written down.

    model = ScriptedModel(["hello", ModelReply(calls=(ToolCall(...),)), RateLimited("slow down"), "done"])

Each request takes the next line of the script; `model.requests` keeps what was asked. A line is a text, a whole
`ModelReply`, a `ModelError` to raise, a function of the request that returns one of these, or a `Line` that also says
in which pieces, when to wait and whether to break.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass

from duragent.errors import BadModelRequest, ModelError
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest, ModelUsage

Answer = str | ModelReply | ModelError | Callable[[ModelRequest], "Answer"]


@dataclass(frozen=True)
class Line:
    """One scripted answer, and how it arrives."""

    answer: Answer
    """The text or reply, an error to raise, or a function of the request."""
    chunks: tuple[str, ...] = ()
    """The deltas; joined they must be the text of the answer. Empty for one delta per word."""
    gate: asyncio.Event | None = None
    """An event that the model waits for; None for no wait."""
    gate_after_chunks: int = 0
    """After how many deltas it waits for the gate; 0: before the first."""
    error: ModelError | None = None
    """Raised after the deltas in place of the reply, as a stream that breaks; None for a whole answer."""


class ScriptedModel:
    """A `Model` that answers from a list. After its end it answers `otherwise`, or every request fails."""

    def __init__(
        self, script: Iterable[Answer | Line] = (), *, otherwise: Answer | Line | None = None, label: str = "scripted"
    ) -> None:
        self._script = list(script)
        self._otherwise = otherwise
        self._label = label
        self._changed = asyncio.Condition()
        self.requests: list[ModelRequest] = []
        """Every request, in order, also the ones that failed."""
        self.abandoned = 0
        """How many streams were closed or cancelled before their end."""

    @property
    def label(self) -> str:
        return self._label

    def add(self, *lines: Answer | Line) -> None:
        """Write more lines at the end of the script."""
        self._script.extend(lines)

    async def asked(self, times: int = 1) -> None:
        """Wait until that many requests have come in altogether. Bound it with a timeout."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.requests) >= times)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        """The next line of the script: deltas, then the reply or the error."""
        self.requests.append(request)
        line = self._next_line()
        async with self._changed:
            self._changed.notify_all()
        try:
            async for piece in _play(line, request):
                yield piece
        except (GeneratorExit, asyncio.CancelledError):
            self.abandoned += 1
            raise

    def _next_line(self) -> Line:
        over = BadModelRequest(f"the script is over: nothing is written for request {len(self.requests)}")
        line = self._script.pop(0) if self._script else self._otherwise
        return line if isinstance(line, Line) else Line(over if line is None else line)


async def _play(line: Line, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
    if line.gate is not None and line.gate_after_chunks <= 0:
        await line.gate.wait()
    reply = _resolve(line.answer, request)
    for number, delta in enumerate(_deltas(reply, line.chunks), start=1):
        yield delta
        if line.gate is not None and number == line.gate_after_chunks:
            await line.gate.wait()
    if line.error is not None:
        raise line.error
    yield reply


def _resolve(answer: Answer, request: ModelRequest) -> ModelReply:
    while not isinstance(answer, (str, ModelReply, ModelError)):
        answer = answer(request)
    if isinstance(answer, ModelError):
        raise answer
    return reply_from(answer) if isinstance(answer, str) else answer


def reply_from(text: str) -> ModelReply:
    """A plain answer with this text, as a scripted model gives it for a string."""
    return ModelReply(text=text, model="scripted", usage=ModelUsage(input_tokens=1, output_tokens=len(text.split())))


def words(text: str) -> list[str]:
    """The text in pieces of one word each, with the space before it; joined they are the text again."""
    pieces: list[str] = []
    for part in text.split(" "):
        pieces.append(f" {part}" if pieces else part)
    return [piece for piece in pieces if piece]


def _deltas(reply: ModelReply, chunks: Sequence[str]) -> Iterable[ModelDelta]:
    if chunks and "".join(chunks) != reply.text:
        raise AssertionError(f"the chunks {chunks!r} do not join to the text {reply.text!r}")
    if reply.reasoning:
        yield ModelDelta(reasoning=reply.reasoning)
    for chunk in chunks or words(reply.text):
        yield ModelDelta(text=chunk)
