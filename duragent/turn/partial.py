"""An answer that is being written, as far as watchers have it.

Each piece is kept beside the log before it is published, so that a crash cannot take back what a watcher has seen: one
line for the question that it belongs to, then one line for each piece. It survives the process, not the machine.
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
    """Names one attempt to ask the model."""

    turn: str
    """The id of the turn."""
    step: int
    """Which question of the turn, from 1."""
    attempt: int
    """Which attempt at that question, from 1."""


class Partial:
    """An answer as far as it was published. While one piece is being kept, what arrives is gathered into the next."""

    def __init__(self, question: AttemptKey, keep: Keep, publish: Callable[[OutputDelta], None]) -> None:
        self._question, self._keep, self._publish = question, keep, publish
        self._text = self._reasoning = ""
        self._next_text: list[str] = []
        self._next_reasoning: list[str] = []
        self._publishing: asyncio.Task[None] | None = None
        self._begun = self._over = False

    @property
    def text(self) -> str:
        return self._text

    @property
    def reasoning(self) -> str:
        return self._reasoning

    def so_far(self) -> list[OutputDelta]:
        """What a watcher that subscribes now must get first."""
        deltas = [self._delta("reasoning", 0, self._reasoning), self._delta("text", 0, self._text)]
        return [delta for delta in deltas if delta.text]

    def over(self, state: SessionState) -> bool:
        """See `InProgress`."""
        if state.turn is None or (asking := state.turn.asking) is None or asking.status != "open":
            return True
        return AttemptKey(state.turn.id, asking.step, asking.attempt) != self._question

    def add(self, text: str, reasoning: str) -> None:
        """Add a piece. Pieces that come after `finish` are dropped: that answer was given up."""
        if self._over:
            return
        if text:
            self._next_text.append(text)
        if reasoning:
            self._next_reasoning.append(reasoning)
        if self._publishing is None or self._publishing.done():
            self._publishing = asyncio.ensure_future(self._publish_all())

    async def published(self, at_most_seconds: float) -> None:
        """Return when everything that was added is published, or after that time."""
        if self._publishing is not None:
            await asyncio.wait((self._publishing,), timeout=at_most_seconds)

    async def finish(self) -> None:
        """Return when everything that was added is published; later pieces are dropped."""
        self._over = True
        if self._publishing is not None:
            await self._publishing

    async def _publish_all(self) -> None:
        while self._next_text or self._next_reasoning:
            text, reasoning = "".join(self._next_text), "".join(self._next_reasoning)
            self._next_text, self._next_reasoning = [], []
            piece = _line({"text": text, "reasoning": reasoning})
            await self._keep(piece if self._begun else self._first_line() + piece, self._begun)
            self._begun = True
            if reasoning:
                self._publish(self._delta("reasoning", len(self._reasoning), reasoning))
                self._reasoning += reasoning
            if text:
                self._publish(self._delta("text", len(self._text), text))
                self._text += text

    def _first_line(self) -> bytes:
        question = self._question
        return _line({"turn": question.turn, "step": question.step, "attempt": question.attempt})

    def _delta(self, kind: DeltaKind, offset: int, text: str) -> OutputDelta:
        question = self._question
        return OutputDelta(question.turn, question.step, question.attempt, kind, offset, text)


def recovered(data: bytes, question: AttemptKey) -> tuple[str, str]:
    """(text, reasoning) that was kept for this question; empty when the kept bytes belong to another one."""
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
