"""Which turn answers a message, and how that turn ended: the one fold, for the server, its streams and clients. Pure.

A turn answers message N when it began for N, or when one of its questions to the model could see N. Several messages
may so have one turn; and a message may have several turns, because a paused turn is followed by one that takes its
message up again. `tests/journal/test_answer.py` has the table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from duragent.journal.events import (
    ApprovalDecided,
    Event,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionClosed,
    SessionPaused,
    SessionResumed,
    ToolResolved,
    TurnEnded,
    TurnOutcome,
    TurnStarted,
)
from duragent.journal.question import QuestionFold
from duragent.journal.record import Record

if TYPE_CHECKING:
    from duragent.journal.state import SessionState

APPROVAL_REQUIRED = "approval-required"
"""`TurnAnswer.code` while a person has to decide about a tool call."""

TURN_PAUSED = "turn-paused"
"""`TurnAnswer.code` of a pause that no limit of the turn caused."""


@dataclass(frozen=True, slots=True)
class TurnAnswer:
    """How the turn of a message ended, or why it stands still."""

    outcome: TurnOutcome | Literal["waiting"]
    """`paused` and `waiting` are no ends: a new message, or a decision about the tool call, lets the turn go on."""
    code: str = ""
    """The error of a failed turn, the limit that paused it, TURN_PAUSED or APPROVAL_REQUIRED; "" of others."""
    reason: str = ""
    """A sentence for people; "" when there is none."""
    reply: ModelReplied | None = None
    """The newest reply of the model in the turn; None before the first."""
    reply_seq: int = 0
    """The seq of that reply; 0 without one."""
    failed: ModelFailed | None = None
    """The newest attempt, when it failed after that reply; it may hold the beginning of an answer."""
    failed_seq: int = 0
    """The seq of that failure; 0 without one."""


_COUNTING_TYPES: tuple[type, ...] = (
    ModelCalled,
    ModelReplied,
    TurnStarted,
    ModelFailed,
    SessionPaused,
    SessionResumed,
    TurnEnded,
    SessionClosed,
)
_COUNTING = frozenset(_COUNTING_TYPES)
"""The events after a message that count for its answer. A look at the type is much cheaper than a pattern."""


class AnswerFold:
    """Feed it the records after message `seq`, in order; records before it change nothing.

    `seq` may also be a decision's: then the turn is that of the call which was decided about. `turn` names that turn
    for those who do not feed the record `seq` itself.
    """

    def __init__(self, seq: int, turn: str = "") -> None:
        self.seq = seq
        self.head = seq
        """The seq of the newest record that it took."""
        self.turn = turn
        """The newest turn that answers; "" before any does."""
        self.ended: TurnAnswer | None = None
        """How that turn ended; None until then. A paused turn has not ended."""
        self.questions = QuestionFold()
        """What a person is asked. A question of another turn counts too: the answer comes after it."""
        self._running = bool(turn)
        self._pause: str | None = None
        """Why the session is paused; None when it is not, as far as the records tell."""
        self._pause_code = ""
        self._reply: ModelReplied | None = None
        self._reply_seq = 0
        self._failed: ModelFailed | None = None
        self._failed_seq = 0

    @property
    def begun(self) -> bool:
        """Whether a turn has taken the message up."""
        return bool(self.turn)

    @property
    def now(self) -> TurnAnswer | None:
        """The end, or what the turn stands still for after the newest record; None while it has neither.

        A standstill counts only when no more records are there: a later one may say that it is over.
        """
        return self.ended or self._standstill(self._pause, asks=self.questions.question is not None)

    def now_in(self, state: "SessionState") -> TurnAnswer | None:
        """As `now`, by the newest state: it also knows what was asked, or paused, before the first record here."""
        reason = (self._pause or state.pause_reason) if state.paused else None
        return self.ended or self._standstill(reason, asks=state.asks is not None)

    def _standstill(self, pause: str | None, *, asks: bool) -> TurnAnswer | None:
        if pause is not None:
            return self._answer("paused", self._pause_code or TURN_PAUSED, pause)
        if asks:
            return self._answer("waiting", APPROVAL_REQUIRED, "a person has to decide about a tool call")
        return None

    def take_all(self, records: Iterable[Record]) -> None:
        for record in records:
            self.take(record)

    def take(self, record: Record) -> None:
        if self.ended is not None or record.seq < self.seq:
            return
        self.head = record.seq
        self.questions.take(record)
        event = record.event
        if record.seq == self.seq:
            if isinstance(event, ApprovalDecided | ToolResolved):
                self._begin(event.turn)
        elif type(event) in _COUNTING:
            self._take(event, record.seq)

    def _take(self, event: Event, seq: int) -> None:
        match event:
            case ModelCalled():
                if event.input_seq >= self.seq:
                    self._begin(event.turn)
            case ModelReplied():
                if self._answers(event.turn):
                    self._reply, self._reply_seq = event, seq
                    self._failed, self._failed_seq = None, 0
            case TurnStarted():
                if event.trigger == self.seq:
                    # The turn is for this message even if it ends before any question to the model.
                    self._begin(event.turn)
            case ModelFailed():
                if self._answers(event.turn):
                    self._failed, self._failed_seq = event, seq
            case TurnEnded():
                self._turn_ended(event)
            case SessionPaused() | SessionResumed():
                self._pause = event.reason if isinstance(event, SessionPaused) else None
                self._pause_code = ""
            case SessionClosed():
                self._closed(event)

    def _begin(self, turn: str) -> None:
        self.turn, self._running = turn, True

    def _answers(self, turn: str) -> bool:
        return self._running and turn == self.turn

    def _turn_ended(self, event: TurnEnded) -> None:
        is_ours = self._answers(event.turn)
        if is_ours:
            self._running = False
        if event.outcome == "paused":
            # Of another turn too: it pauses the session, and so the turn that would come next.
            self._pause, self._pause_code = event.reason, event.code
        elif is_ours:
            self.ended = self._answer(event.outcome, event.code, event.reason)

    def _closed(self, event: SessionClosed) -> None:
        """No turn begins after this. One that runs ends by itself, and one that is paused stays paused."""
        if not self.turn or not (self._running or self._pause is not None):
            self.ended = self._answer("cancelled", "", event.reason or "the session was closed")

    def _answer(self, outcome: TurnOutcome | Literal["waiting"], code: str, reason: str) -> TurnAnswer:
        return TurnAnswer(outcome, code, reason, self._reply, self._reply_seq, self._failed, self._failed_seq)
