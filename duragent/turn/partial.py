"""What watchers have been told of an answer that is being written.

It is kept beside the log before it is told, so that a crash cannot take back what somebody has seen: one line for the
question it belongs to, then one for each piece. It need not survive the machine, only the process.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from duragent.bus import DeltaKind, OutputDelta
from duragent.journal.state import SessionState

Keep = Callable[[bytes, bool], Awaitable[None]]
"""(data, append): put bytes beside the log."""


@dataclass(frozen=True, slots=True)
class AttemptKey:
    """Which attempt to ask the model."""

    turn: str
    step: int
    attempt: int


class Partial:
    """An answer as far as it was told. While one piece is being kept, what arrives is gathered into the next."""

    def __init__(self, question: AttemptKey, keep: Keep, tell: Callable[[OutputDelta], None]) -> None:
        self._question, self._keep, self._tell = question, keep, tell
        self._text = self._reasoning = ""
        self._next_text: list[str] = []
        self._next_reasoning: list[str] = []
        self._telling: asyncio.Task[None] | None = None
        self._begun = self._over = False

    @property
    def text(self) -> str:
        return self._text

    @property
    def reasoning(self) -> str:
        return self._reasoning

    def so_far(self) -> list[OutputDelta]:
        """What a watcher that comes now has to be told."""
        deltas = [self._delta("reasoning", 0, self._reasoning), self._delta("text", 0, self._text)]
        return [delta for delta in deltas if delta.text]

    def over(self, state: SessionState) -> bool:
        """See `InProgress`."""
        if state.turn is None or (asking := state.turn.asking) is None or asking.status != "open":
            return True
        return AttemptKey(state.turn.id, asking.step, asking.attempt) != self._question

    def add(self, text: str, reasoning: str) -> None:
        """One more piece. What a model says that was left behind is nobody's answer any more."""
        if self._over:
            return
        if text:
            self._next_text.append(text)
        if reasoning:
            self._next_reasoning.append(reasoning)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.ensure_future(self._tell_all())

    async def finish(self) -> None:
        """Return when everything that was added is told; nothing more is added."""
        self._over = True
        if self._telling is not None:
            await self._telling

    async def _tell_all(self) -> None:
        while self._next_text or self._next_reasoning:
            text, reasoning = "".join(self._next_text), "".join(self._next_reasoning)
            self._next_text, self._next_reasoning = [], []
            piece = _line({"text": text, "reasoning": reasoning})
            await self._keep(piece if self._begun else self._first_line() + piece, self._begun)
            self._begun = True
            if reasoning:
                self._tell(self._delta("reasoning", len(self._reasoning), reasoning))
                self._reasoning += reasoning
            if text:
                self._tell(self._delta("text", len(self._text), text))
                self._text += text

    def _first_line(self) -> bytes:
        question = self._question
        return _line({"turn": question.turn, "step": question.step, "attempt": question.attempt})

    def _delta(self, kind: DeltaKind, offset: int, text: str) -> OutputDelta:
        question = self._question
        return OutputDelta(question.turn, question.step, question.attempt, kind, offset, text)


def recovered(data: bytes, question: AttemptKey) -> tuple[str, str]:
    """(text, reasoning) that was kept for this question; empty when what is there belongs to another one."""
    lines = data.split(b"\n")[:-1]
    try:
        first = json.loads(lines[0]) if lines else {}
        if first != {"turn": question.turn, "step": question.step, "attempt": question.attempt}:
            return "", ""
        pieces = [json.loads(line) for line in lines[1:]]
        return "".join(piece["text"] for piece in pieces), "".join(piece["reasoning"] for piece in pieces)
    except (ValueError, KeyError, TypeError):
        return "", ""


def _line(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"
