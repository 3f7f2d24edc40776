"""The answer that is being written, folded from what `watch` gives. Pure."""

from duragent.client.watch import CaughtUp, Connected, Item, Reconnecting, Reset
from duragent.journal.events import ModelCalled, ModelFailed, ModelReplied, TurnEnded, TurnStarted
from duragent.journal.record import Record
from duragent.wire import Delta, Hello


class PartialAnswer:
    """`text` and `reasoning` so far; both are empty when no answer is being written. `turn` is the one that runs."""

    def __init__(self) -> None:
        self.turn: str | None = None
        self.text = ""
        self.reasoning = ""
        self._attempt = (0, 0)

    def take(self, item: Item) -> None:
        match item:
            case Delta(kind="output"):
                # Of a tool: see `activity.py`. That of a person's command belongs to no turn.
                self.turn = self.turn or item.turn or None
            case Delta():
                self._grow(item)
            case Record(event=TurnStarted() as started):
                self._begin(started.turn)
            case Record(event=ModelCalled() as called):
                self._begin(called.turn)
                self._attempt = (called.step, called.attempt)
            case Record(event=ModelReplied() | ModelFailed() as ended):
                # What may still come of this attempt is late.
                self._attempt = (ended.step, ended.attempt + 1)
                self._clear()
            case Record(event=TurnEnded()) | Reset():
                self.turn = None
                self._attempt = (0, 0)
                self._clear()
            case Record() | Hello() | CaughtUp() | Connected() | Reconnecting():
                pass

    def _begin(self, turn: str) -> None:
        if turn != self.turn:
            self._attempt = (0, 0)
        self.turn = turn
        self._clear()

    def _grow(self, delta: Delta) -> None:
        attempt = (delta.step, delta.attempt)
        if delta.turn == self.turn and attempt < self._attempt:
            return
        if delta.turn != self.turn or attempt > self._attempt:
            self._begin(delta.turn)
            self._attempt = attempt
        if delta.kind == "reasoning":
            self.reasoning = self.reasoning[: delta.offset] + delta.text
        else:
            self.text = self.text[: delta.offset] + delta.text

    def _clear(self) -> None:
        self.text, self.reasoning = "", ""
