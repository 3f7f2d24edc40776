"""What became of a message: the end of the turn that took it up. Pure, over the records behind the message."""

from dataclasses import dataclass, field

from duragent.journal.events import ModelCalled, ModelFailed, ModelReplied, TurnEnded, TurnOutcome, TurnStarted
from duragent.journal.record import Record


@dataclass(frozen=True, slots=True)
class Answered:
    """How the turn ended. `reply` is its last answer, at `reply_seq`; `partial_text` what a cancelled one had said."""

    outcome: TurnOutcome
    reply: ModelReplied | None = None
    reply_seq: int = 0
    code: str = ""
    reason: str = ""
    partial_text: str = ""
    partial_id: str = ""


@dataclass(slots=True)
class AnswerSearch:
    """Feed it the records behind the message `seq`, in order, until it has an answer."""

    seq: int
    _taken: set[str] = field(default_factory=set)
    _reply: ModelReplied | None = None
    _reply_seq: int = 0
    _partial: ModelFailed | None = None

    def take(self, record: Record) -> Answered | None:
        event = record.event
        match event:
            case TurnStarted(trigger=trigger) if trigger == self.seq:
                # The turn is for this message even if it ends before any question.
                self._taken.add(event.turn)
            case ModelCalled(input_seq=input_seq) if input_seq >= self.seq:
                self._taken.add(event.turn)
            case ModelReplied() if event.turn in self._taken:
                self._reply, self._reply_seq = event, record.seq
            case ModelFailed(error="cancelled") if event.turn in self._taken:
                self._partial = event
            case TurnEnded() if event.turn in self._taken:
                return self._ended(event)
            case _:
                pass
        return None

    def _ended(self, event: TurnEnded) -> Answered:
        partial = self._partial
        return Answered(
            event.outcome,
            self._reply,
            self._reply_seq,
            event.code,
            event.reason,
            partial.partial_text if partial else "",
            (partial.message_id or "") if partial else "",
        )
