"""How far the turns of an agent may go: the settings of the server and of the agent, as `journal.limits` wants them."""

import sys

from duragent.agent.spec import AgentSpec
from duragent.journal.limits import Budget, TurnLimits
from duragent.turn.settings import SessionsSettings


def limits_of(settings: SessionsSettings, spec: AgentSpec | None) -> TurnLimits:
    """The limits for an agent with this spec; None while it is not known."""
    if spec is None:
        # The turn ends where it needs the agent, and says why; no limit of ours may come before that.
        return TurnLimits(settings.retry_base_seconds, steps=sys.maxsize)
    turn, session = spec.session.turn_budget, spec.session.session_budget
    return TurnLimits(
        settings.retry_base_seconds,
        steps=max(spec.session.max_tool_iterations, 1),
        turn=Budget(turn.tokens, turn.cost_usd, turn.seconds),
        session=Budget(session.tokens, session.cost_usd),
    )
