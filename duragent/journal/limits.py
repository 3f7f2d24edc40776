"""How far a turn may go: what it has used, against what it may use. Pure."""

from dataclasses import dataclass
from datetime import datetime

from duragent.journal.state import OpenTurn, SessionState

NUDGE_AT = 3
"""When the same call had the same result so often, the model gets a note that it repeats itself."""

PAUSE_AT = 5
"""When it had it so often, the turn pauses and waits for a person."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be used up; None: any amount."""

    tokens: int | None = None
    """Input and output together."""
    cost_usd: float | None = None
    """The price of all attempts, as far as it is known."""
    seconds: float | None = None
    """The time of a turn, without the time that it stood still. Sessions have no such limit."""


_UNBOUND = Budget()


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """How far a turn may go."""

    retry_base_seconds: float = 1.0
    """The pause before the model is asked a second time; it doubles from attempt to attempt."""
    recoveries: int = 3
    """How many servers in a row may die in one turn without any progress."""
    restarts: int = 20
    """How many servers may die between two records of work (a reply, a finished call), whatever each had shown."""
    steps: int = 50
    """How often a turn may ask the model."""
    turn: Budget = _UNBOUND
    """What one turn may use."""
    session: Budget = _UNBOUND
    """What all turns of the session may use."""


def recovered_too_often(turn: OpenTurn, limits: TurnLimits) -> str | None:
    """Why the turn must pause for a person: server after server dies in it. None: it may be recovered."""
    if turn.recoveries > limits.recoveries:
        return f"the server stopped {turn.recoveries} times in this turn without progress; send a message to go on"
    if turn.restarts > limits.restarts:
        return f"the server stopped {turn.restarts} times before the answer was whole; send a message to go on"
    return None


def exceeded(state: SessionState, turn: OpenTurn, limits: TurnLimits) -> tuple[str, str] | None:
    """(code, reason) when the turn must pause before it asks the model again; None when it may go on.

    An attempt of unknown end counts in each budget with what was reserved for it: else a server that dies again and
    again would pass them all.
    """
    asking = turn.asking
    if asking is not None and asking.status == "replied":
        if asking.step >= limits.steps:
            used = f"the model asked for tools {asking.step} times (max_tool_iterations)"
            return "max-tool-iterations", f"{used}; send a message to go on"
        if any(times >= PAUSE_AT for _, times in turn.repeats):
            same = f"the model made the same call {PAUSE_AT} times with the same result"
            return "loop-detected", f"{same}; send a message to go on"
    seconds = _worked_seconds(turn, state.updated_at)
    what = _used_up(limits.turn, turn.tokens + turn.unknown_tokens, turn.cost_usd + turn.unknown_usd)
    if not what and limits.turn.seconds is not None and seconds >= limits.turn.seconds:
        what = f"{seconds:.0f} of {limits.turn.seconds:g} seconds"
    if what:
        return "turn-budget", f"the turn has used its budget: {what}; send a message to go on"
    totals = state.totals
    tokens = totals.input_tokens + totals.output_tokens + totals.unknown_tokens
    if what := _used_up(limits.session, tokens, totals.cost_usd + totals.unknown_usd):
        return "session-budget", f"the session has used its budget: {what}; raise spec.session.session_budget to go on"
    return None


def _used_up(budget: Budget, tokens: int, cost_usd: float) -> str:
    if budget.tokens is not None and tokens >= budget.tokens:
        return f"{tokens:,} of {budget.tokens:,} tokens"
    if budget.cost_usd is not None and cost_usd >= budget.cost_usd:
        return f"${cost_usd:.4f} of ${budget.cost_usd:g}"
    return ""


def _worked_seconds(turn: OpenTurn, now: str) -> float:
    try:
        begun, newest = datetime.fromisoformat(turn.started_at), datetime.fromisoformat(now)
        return (newest - begun).total_seconds() - turn.idle_seconds
    except (ValueError, TypeError):
        # A state from before this was counted.
        return 0.0
