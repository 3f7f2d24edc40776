"""Histories of a session as they can happen: `admit` and `next_step` say what may come, numbers choose what does.

No model, no tool, no clock: each step is performed by writing what it could write.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from duragent.errors import DuragentError
from duragent.journal.admit import Already, admit
from duragent.journal.apply import reduce
from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    Call,
    Event,
    MessageReceived,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    OwnerClaimed,
    PolicyFinding,
    SessionCreated,
    ToolFinished,
    ToolLost,
    ToolResolved,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.inputs import Cancel, Close, Decision, Input, Message, Pause, Resume
from duragent.journal.limits import TurnLimits
from duragent.journal.next_step import (
    AskModel,
    EndTurn,
    RecoverCall,
    RunTool,
    SettleCall,
    SettleModel,
    StartTurn,
    next_step,
)
from duragent.journal.record import Record
from duragent.journal.state import SessionState

TS = "2026-11-20T23:58:16.123Z"
LIMITS = TurnLimits(steps=2)
CHOICES = st.lists(st.integers(0, 99), min_size=10, max_size=120)


@dataclass
class History:
    """`batches`: the records of each commit, in order. `states`: the state after each of them."""

    batches: list[list[Record]] = field(default_factory=list)
    states: list[SessionState] = field(default_factory=list)

    @property
    def state(self) -> SessionState:
        return self.states[-1] if self.states else SessionState("s")

    @property
    def records(self) -> list[Record]:
        return [record for batch in self.batches for record in batch]

    def commit(self, events: Sequence[Event]) -> None:
        if events:
            seq = self.state.seq
            batch = [Record(seq + number, TS, event) for number, event in enumerate(events, 1)]
            self.states.append(reduce(self.state, batch))
            self.batches.append(batch)

    def questions_of_answers(self) -> list[int]:
        """The seqs whose answer a client may wait for: of messages and of decisions that persons posted."""
        waited = (MessageReceived, ApprovalDecided, ToolResolved)
        return [batch[0].seq for batch in self.batches if isinstance(batch[0].event, waited)] + [
            record.seq for batch in self.batches for record in batch[1:] if isinstance(record.event, MessageReceived)
        ]


def history(choices: Sequence[int]) -> History:
    """The history that these numbers choose; it ends where they end."""
    told = History()
    told.commit([SessionCreated(agent="assistant"), OwnerClaimed(epoch=1, node="n")])
    for at, choice in enumerate(choices):
        told.commit(_posted(told.state, choice, at) if choice % 4 == 0 else _performed(told.state, choice, at))
    return told


# --- what people post -----------------------------------------------------------------------------------------------


def _posted(state: SessionState, choice: int, at: int) -> Sequence[Event]:
    try:
        admitted = admit(state, _input(state, choice, at), f"m{at}")
    except DuragentError:
        return []
    return [] if isinstance(admitted, Already) else admitted


def _input(state: SessionState, choice: int, at: int) -> Input:
    decisions = ("allow_once", "deny") if state.asks and state.asks.status == "waiting" else ("retry", "done", "failed")
    if state.asks is not None and choice % 3:
        return Decision(call=state.asks.call, decision=decisions[at % len(decisions)])
    kinds: tuple[Callable[[], Input], ...] = (
        lambda: Message(text=f"message {at}"),
        lambda: Message(text=f"message {at}"),
        lambda: Pause(reason=f"pause {at}" if at % 2 else ""),
        lambda: Resume(),
        lambda: Resume(),
        lambda: Cancel() if at % 2 == 0 else Message(text="no stop"),
        lambda: Close(reason="the end") if at % 8 == 0 else Message(text="no end"),
    )
    return kinds[choice // 3 % len(kinds)]()


# --- what the engine does -------------------------------------------------------------------------------------------


def _performed(state: SessionState, choice: int, at: int) -> Sequence[Event]:  # one return a step
    turn = state.turn
    if turn is not None and turn.asking is not None and turn.asking.status == "open":
        return _model_ends(state, choice, at)
    if turn is not None and state.paused and turn.calls and turn.calls[0].status == "started":
        # What runs may run to its end, or be lost, while the session is paused.
        return _call_ends(turn.id, turn.calls[0].call, choice)
    match next_step(state, LIMITS):
        case StartTurn(trigger=trigger):
            return [TurnStarted(turn=f"t{at}", trigger=trigger)]
        case AskModel() as asks:
            fields = {"epoch": state.epoch, "model": "m", "input_seq": state.seq}
            return [ModelCalled(turn=asks.turn, step=asks.step, attempt=asks.attempt, **fields)]
        case SettleModel():
            return _model_ends(state, choice, at)
        case RunTool() as runs:
            return _call_begins(state, runs, choice)
        case RecoverCall() as runs:
            return _call_ends(runs.turn, runs.call.call, choice)
        case SettleCall() as settles:
            return [ToolFinished(turn=settles.turn, call=settles.call.call, outcome=settles.outcome)]
        case EndTurn() as ends:
            return [TurnEnded(turn=ends.turn, outcome=ends.outcome, code=ends.code, reason=ends.reason)]
        case None:
            return []


def _model_ends(state: SessionState, choice: int, at: int) -> Sequence[Event]:
    assert state.turn is not None
    assert state.turn.asking is not None
    asking = state.turn.asking
    place = {"turn": state.turn.id, "step": asking.step, "attempt": asking.attempt}
    partial = {"partial_text": f"partial {at}", "message_id": f"p{at}"} if at % 4 else {}
    if state.closed or state.turn.cancelled:
        return [ModelFailed(**place, error="cancelled", **partial)]
    if state.paused:
        return [ModelFailed(**place, error="paused", retry=True, **partial)]
    match choice // 4 % 8:
        case 0 | 1:
            return [ModelReplied(message_id=f"r{at}", **place, text=f"reply {at}")]
        case 2 | 3 | 4 | 5:
            calls = tuple(Call(call=f"c{at}-{number}", tool="bash", arguments="{}") for number in range(1 + choice % 2))
            return [ModelReplied(message_id=f"r{at}", **place, text=f"looking {at}", calls=calls)]
        case 6:
            return [ModelFailed(**place, error="model-unavailable", retry=True, **partial)]
        case _:
            return [ModelFailed(**place, error="model-unavailable", message="no model", **partial)]


def _call_begins(state: SessionState, step: RunTool, choice: int) -> Sequence[Event]:
    call = step.call
    if call.status == "requested" and choice % 2:
        asked = {"invocation": "rm x", "findings": (PolicyFinding(text="rm x", reason="not allowed"),)}
        return [ApprovalRequested(turn=step.turn, call=call.call, tool="bash", arguments_sha256="5a", **asked)]
    return [ToolStarted(turn=step.turn, call=call.call, tool="bash", attempt=call.attempt + 1, epoch=state.epoch)]


def _call_ends(turn: str, call: str, choice: int) -> Sequence[Event]:
    lost = ToolLost(turn=turn, call=call, evidence="no result")
    match choice % 5:
        case 0:
            return [lost.model_copy(update={"asks": True})]
        case 1:
            return [lost, ToolResolved(turn=turn, call=call, resolution="retry")]
        case _:
            return [ToolFinished(turn=turn, call=call, tool="bash", outcome="ok")]
