"""What now? `next_step` is a pure function of the state: live, after a restart, after an approval, always this one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, assert_never

from duragent.journal.events import CallOutcome, TurnOutcome
from duragent.journal.limits import TurnLimits, exceeded, recovered_too_often
from duragent.journal.state import NOT_THE_MODEL, ModelAttempt, OpenCall, OpenTurn, SessionState

MAX_BACKOFF_SECONDS = 60.0
OUTCOME_UNKNOWN = "OUTCOME UNKNOWN: the server stopped while this ran. It may have completed. Check before repeating."
MAY_HAVE_TAKEN_EFFECT = "It may have taken effect. Check before repeating."
DECLINED = "the model declined to answer, and gave no reason (content_filter)"
SKIPPED = "Skipped: a new message from the user came in before this call was run."


@dataclass(frozen=True, slots=True)
class StartTurn:
    """Begin to answer."""

    trigger: int
    """The oldest message that waits."""


@dataclass(frozen=True, slots=True)
class AskModel:
    """Ask the model, not before the given moment."""

    turn: str
    """The turn that it is of."""
    step: int
    """Counts the questions of the turn, from 1."""
    attempt: int
    """Counts the attempts at this question, from 1."""
    not_before: datetime | None = None
    """The end of the pause after a failure; None: at once."""


@dataclass(frozen=True, slots=True)
class SettleModel:
    """Record that a question to the model has no end: the server that asked is gone."""

    turn: str
    """The turn that it is of."""
    step: int
    """The question."""
    attempt: int
    """The attempt at it."""


@dataclass(frozen=True, slots=True)
class RunTool:
    """Authorize the call, then run it, ask a person, or refuse it. An approved call is authorized once more."""

    turn: str
    """The turn that it is of."""
    call: OpenCall
    """The call, requested or approved."""


@dataclass(frozen=True, slots=True)
class RecoverCall:
    """Find out what became of a call that an earlier server, or an interrupted turn, started."""

    turn: str
    """The turn that it is of."""
    call: OpenCall
    """The call, started."""


@dataclass(frozen=True, slots=True)
class SettleCall:
    """Give a call its result without running it."""

    turn: str
    """The turn that it is of."""
    call: OpenCall
    """The call, in any status."""
    outcome: CallOutcome
    """What its result says."""
    content: str
    """What the model is shown as the result."""


@dataclass(frozen=True, slots=True)
class EndTurn:
    """Record that the turn is over."""

    turn: str
    """The turn that it is of."""
    outcome: TurnOutcome
    """How it ends; a paused one is taken up again by a person's message."""
    code: str = ""
    """The error of a failed or paused turn; "" of others."""
    reason: str = ""
    """A sentence for people."""


Step = StartTurn | AskModel | SettleModel | RunTool | RecoverCall | SettleCall | EndTurn


def next_step(state: SessionState, limits: TurnLimits) -> Step | None:
    """The one thing to do now; None: wait for an input."""
    turn = state.turn
    if turn is None:
        can_start = state.waiting and state.undoing is None and not state.paused and not state.closed
        return StartTurn(state.waiting[0]) if can_start else None
    asking = turn.asking
    if asking is not None and asking.status == "open":
        # The turn waits for the end of each question before it comes here: an open one was asked by a dead server.
        return SettleModel(turn.id, asking.step, asking.attempt)
    if turn.cancelled or state.closed:
        return _wind_up(turn, "cancelled", EndTurn(turn.id, "cancelled"))
    if (reason := recovered_too_often(turn, limits)) is not None:
        return _wind_up(turn, "interrupted", EndTurn(turn.id, "paused", "too-many-recoveries", reason))
    if state.paused:
        return None
    return _go_on(state, turn, asking, limits)


def _wind_up(turn: OpenTurn, outcome: Literal["cancelled", "interrupted"], end: EndTurn) -> Step:
    """First a result for every open call, then the end."""
    if turn.calls:
        return SettleCall(turn.id, turn.calls[0], outcome, stopped(turn.calls[0], outcome))
    return end


def stopped(call: OpenCall, outcome: Literal["cancelled", "interrupted"]) -> str:
    """The result of a call that is stopped, for the model. One that was ever started may have taken effect."""
    return f"The call was {outcome}" + (f" while it ran. {MAY_HAVE_TAKEN_EFFECT}" if call.attempt else ".")


def _go_on(state: SessionState, turn: OpenTurn, asking: ModelAttempt | None, limits: TurnLimits) -> Step | None:
    if turn.calls:
        return _next_call(state, turn, turn.calls[0])
    if asking is not None and asking.status == "failed" and not asking.retry:
        return EndTurn(turn.id, "failed", asking.error, asking.message)
    if turn.final:
        return EndTurn(turn.id, "failed", "model-refused", DECLINED) if turn.refused else EndTurn(turn.id, "completed")
    if (over := exceeded(state, turn, limits)) is not None:
        return EndTurn(turn.id, "paused", *over)
    if asking is None:
        return AskModel(turn.id, 1, 1)
    if asking.status == "failed":
        return AskModel(turn.id, asking.step, asking.attempt + 1, _not_before(asking, turn.failures, limits))
    return AskModel(turn.id, asking.step + 1, 1)


def _next_call(state: SessionState, turn: OpenTurn, call: OpenCall) -> Step | None:
    match call.status:
        case "started":
            return RecoverCall(turn.id, call)
        case "waiting":
            return None
        case "lost":
            return None if call.asks else SettleCall(turn.id, call, "interrupted", OUTCOME_UNKNOWN)
        case "denied":
            return SettleCall(turn.id, call, "denied", "The call was denied by the user.")
        # What the model noted without waiting for it is no plan that a new message may have changed.
        case "requested" if not call.quiet and _has_newer_message(state, turn):
            return SettleCall(turn.id, call, "skipped", SKIPPED)
        case "requested" | "approved":
            return RunTool(turn.id, call)
        case _:
            assert_never(call.status)


def _has_newer_message(state: SessionState, turn: OpenTurn) -> bool:
    """Whether a person said something that the model has not seen."""
    return turn.asking is not None and any(seq > turn.asking.input_seq for seq in state.waiting_from_people)


def _not_before(asking: ModelAttempt, failures: int, limits: TurnLimits) -> datetime | None:
    """When to ask again: after the pause that the provider wants, else one that doubles; None (at once) when the
    attempt was stopped from outside.
    """
    if asking.error in NOT_THE_MODEL:
        return None
    backoff = min(limits.retry_base_seconds * 2 ** max(failures - 1, 0), MAX_BACKOFF_SECONDS)
    seconds = backoff if asking.retry_after_seconds is None else asking.retry_after_seconds
    return datetime.fromisoformat(asking.failed_at) + timedelta(seconds=seconds)
