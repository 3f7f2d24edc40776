"""What now? `next_step` is a pure function of the state: live, after a restart, after an approval, always this one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from duragent.journal.events import CallOutcome, TurnOutcome
from duragent.journal.state import NOT_THE_MODEL, Asking, OpenCall, OpenTurn, SessionState

MAX_BACKOFF_SECONDS = 60.0
OUTCOME_UNKNOWN = "OUTCOME UNKNOWN: the server stopped while this ran. It may have completed. Check before repeating."


@dataclass(frozen=True, slots=True)
class StartTurn:
    """Begin to answer; `trigger` is the seq of the oldest message that waits."""

    trigger: int


@dataclass(frozen=True, slots=True)
class AskModel:
    """Ask the model, not before the given moment."""

    turn: str
    step: int
    attempt: int
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class SettleModel:
    """Record that a question to the model was orphaned: its asker is gone."""

    turn: str
    step: int
    attempt: int


@dataclass(frozen=True, slots=True)
class RunTool:
    turn: str
    call: OpenCall


@dataclass(frozen=True, slots=True)
class SettleCall:
    """Give a call its result without running it."""

    turn: str
    call: OpenCall
    outcome: CallOutcome
    content: str


@dataclass(frozen=True, slots=True)
class EndTurn:
    turn: str
    outcome: TurnOutcome
    code: str = ""
    reason: str = ""


Step = StartTurn | AskModel | SettleModel | RunTool | SettleCall | EndTurn


@dataclass(frozen=True, slots=True)
class Limits:
    """`attempts` of one question when the model fails; `recoveries` of one turn without progress; `steps` of a turn."""

    attempts: int = 4
    retry_base_seconds: float = 1.0
    recoveries: int = 3
    steps: int = 10


def next_step(state: SessionState, limits: Limits) -> Step | None:
    """The one thing to do now; None: wait for an input."""
    turn = state.turn
    if turn is None:
        can_start = state.waiting and not state.paused and not state.closed
        return StartTurn(state.waiting[0]) if can_start else None
    asking = turn.asking
    if asking is not None and asking.status == "open":
        # Whoever asks stays with the question until it is replied or failed; one that is open here has lost its asker.
        return SettleModel(turn.id, asking.step, asking.attempt)
    if turn.cancelled or state.closed:
        return _wind_up(turn, "cancelled", EndTurn(turn.id, "cancelled"))
    if turn.recoveries > limits.recoveries:
        reason = f"the server stopped {turn.recoveries} times in this turn; send a message to go on"
        return _wind_up(turn, "interrupted", EndTurn(turn.id, "paused", "too-many-recoveries", reason))
    if state.paused:
        return None
    return _go_on(turn, asking, limits)


def _wind_up(turn: OpenTurn, outcome: Literal["cancelled", "interrupted"], end: EndTurn) -> Step:
    """First a result for every open call, then the end."""
    if turn.calls:
        return SettleCall(turn.id, turn.calls[0], outcome, f"The call was {outcome}.")
    return end


def _go_on(turn: OpenTurn, asking: Asking | None, limits: Limits) -> Step:
    if turn.calls:
        call = turn.calls[0]
        if call.status == "started":
            return SettleCall(turn.id, call, "interrupted", OUTCOME_UNKNOWN)
        return RunTool(turn.id, call)
    if asking is None:
        return AskModel(turn.id, 1, 1)
    if asking.status == "failed":
        if not asking.retry:
            return EndTurn(turn.id, "failed", asking.error, asking.message)
        return AskModel(turn.id, asking.step, asking.attempt + 1, _not_before(asking, turn.failures, limits))
    if turn.final:
        return EndTurn(turn.id, "completed")
    if asking.step >= limits.steps:
        reason = f"the model asked for tools {asking.step} times (max_tool_iterations); send a message to go on"
        return EndTurn(turn.id, "paused", "max-tool-iterations", reason)
    return AskModel(turn.id, asking.step + 1, 1)


def _not_before(asking: Asking, failures: int, limits: Limits) -> datetime | None:
    """When to ask again: the provider's wish, or a pause that doubles; at once when it was no failure of the model."""
    if asking.error in NOT_THE_MODEL:
        return None
    backoff = min(limits.retry_base_seconds * 2 ** max(failures - 1, 0), MAX_BACKOFF_SECONDS)
    seconds = backoff if asking.retry_after_seconds is None else asking.retry_after_seconds
    return datetime.fromisoformat(asking.failed_at) + timedelta(seconds=seconds)
