"""What a running command has printed, for those who watch it. Not durable: its result is."""

from collections.abc import Callable

from duragent.bus import OutputDelta
from duragent.journal.state import SessionState

KEPT_CHARS = 64 << 10
"""How much of it a watcher who comes late is told."""


class LiveOutput:
    """The output of one call as it comes."""

    def __init__(self, turn: str, step: int, attempt: int, call: str, tell: Callable[[OutputDelta], None]) -> None:
        self._turn, self._step, self._attempt, self._call, self._tell = turn, step, attempt, call, tell
        self._tail = ""
        self._size = 0

    def add(self, text: str) -> None:
        if text:
            self._tell(self._delta(self._size, text))
            self._size += len(text)
            self._tail = (self._tail + text)[-KEPT_CHARS:]

    def so_far(self) -> list[OutputDelta]:
        return [self._delta(self._size - len(self._tail), self._tail)] if self._tail else []

    def over(self, state: SessionState) -> bool:
        """See `InProgress`: whoever shows it hides it before its end is written."""
        return False

    def _delta(self, offset: int, text: str) -> OutputDelta:
        return OutputDelta(self._turn, self._step, self._attempt, "output", offset, text, self._call)
