"""What a running command has printed, for watchers. Not durable: the result of the call is."""

from collections.abc import Callable

from duragent.bus import OutputDelta
from duragent.journal.state import SessionState

KEPT_CHARS = 64 << 10
"""How much of the output a new watcher gets."""


class LiveOutput:
    """The output of one call as it comes."""

    def __init__(self, turn: str, step: int, attempt: int, call: str, publish: Callable[[OutputDelta], None]) -> None:
        self._turn, self._step, self._attempt, self._call, self._publish = turn, step, attempt, call, publish
        self._tail = ""
        self._size = 0

    def add(self, text: str) -> None:
        """Publish more of the output."""
        if text:
            self._publish(self._delta(self._size, text))
            self._size += len(text)
            self._tail = (self._tail + text)[-KEPT_CHARS:]

    def so_far(self) -> list[OutputDelta]:
        """The end of the output, for a watcher that subscribes now."""
        return [self._delta(self._size - len(self._tail), self._tail)] if self._tail else []

    def over(self, state: SessionState) -> bool:
        """Never: the runner ends the output before it writes the end of the call. See `InProgress`."""
        return False

    def _delta(self, offset: int, text: str) -> OutputDelta:
        return OutputDelta(self._turn, self._step, self._attempt, "output", offset, text, self._call)
