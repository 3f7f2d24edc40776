"""Doing the one thing that `next_step` named: a table of who does it, and what happens when nobody thought of it.

Each intent is durable before its effect, each result before anybody is told. `asking.py` calls models, `acting.py`
tools, and nothing else does.
"""

import logging
from collections.abc import Sequence
from typing import assert_never

from duragent.agent.spec import AgentSpec
from duragent.errors import DuragentError, SessionDeleted, StoreError
from duragent.journal.events import Event, TurnEnded, TurnStarted
from duragent.journal.limits import TurnLimits
from duragent.journal.next_step import (
    AskModel,
    EndTurn,
    RecoverCall,
    RunTool,
    SettleCall,
    SettleModel,
    StartTurn,
    Step,
)
from duragent.journal.state import SessionState
from duragent.text import without_surrogates
from duragent.turn.host import TurnHost, why_stop
from duragent.turn.limits_of_agent import limits_of
from duragent.turn.model_call import ModelCaller
from duragent.turn.ports import Ports
from duragent.turn.tool_calls import ToolCalls
from duragent.turn.turn_agent import TurnAgent

_log = logging.getLogger(__name__)


class Turn:
    """Performs the steps of one session's turns."""

    def __init__(self, stage: TurnHost, ports: Ports) -> None:
        self._stage, self._ports = stage, ports
        self._speaker = TurnAgent(ports.agents, ports.means)
        self._asker = ModelCaller(stage, ports, self._speaker)
        self._doer = ToolCalls(stage, ports, self._speaker)

    @property
    def limits(self) -> TurnLimits:
        return limits_of(self._ports.settings, self._spec())

    def _spec(self) -> AgentSpec | None:
        """Of who spoke here last; of a session that was just opened, of who will."""
        try:
            agent = self._speaker.agent or self._ports.agents.get(self._stage.state.agent)
        except DuragentError:
            return None
        return agent.spec

    async def perform(self, step: Step) -> None:
        """Do it. A fault that nobody thought of ends the turn, which would otherwise stay open for ever."""
        try:
            await self._perform(step)
        except (StoreError, SessionDeleted):
            raise
        except Exception as error:
            turn = self._stage.state.turn
            if turn is None and not isinstance(step, StartTurn):
                raise
            _log.exception("%s failed in an unexpected way", step)
            reason = without_surrogates(f"unexpected {type(error).__name__}: {error}")
            if turn is not None:
                await self._end(EndTurn(turn.id, "failed", "internal-error", reason))
            elif isinstance(step, StartTurn):
                await self._not_started(self._ports.clock.new_id("turn"), step, "internal-error", reason)

    async def abandon(self) -> None:
        """The session goes for good: nothing that it started runs on."""
        await self._doer.abandon()

    async def _perform(self, step: Step) -> None:
        match step:
            case StartTurn():
                await self._start(step)
            case AskModel():
                await self._asker.ask(step)
            case SettleModel():
                await self._asker.settle(step)
            case RunTool():
                await self._doer.run(step)
            case RecoverCall():
                await self._doer.recover(step)
            case SettleCall():
                await self._doer.settle(step)
            case EndTurn():
                await self._end(step, unless_cancelled=step.outcome != "cancelled")
            case _:
                assert_never(step)

    async def _start(self, step: StartTurn) -> None:
        turn = self._ports.clock.new_id("turn")
        try:
            agent = self._speaker.begin(turn, self._stage.state.agent)
        except DuragentError as error:
            await self._not_started(turn, step, error.code, str(error))
            return
        started = TurnStarted(turn=turn, trigger=step.trigger, agent_fingerprint=agent.fingerprint)
        await self._stage.commit(lambda state: [] if state.paused or state.closed else [started])

    async def _not_started(self, turn: str, step: StartTurn, code: str, reason: str) -> None:
        """The message gets an end all the same: its client waits for one."""
        failed = TurnEnded(turn=turn, outcome="failed", code=code, reason=reason)
        await self._stage.commit(
            lambda state: [] if state.turn else [TurnStarted(turn=turn, trigger=step.trigger), failed]
        )

    async def _end(self, step: EndTurn, *, unless_cancelled: bool = False) -> None:
        """With `unless_cancelled` nothing ends when somebody has cancelled on the way: `next_step` winds it up then."""
        ended = TurnEnded(turn=step.turn, outcome=step.outcome, code=step.code, reason=step.reason)

        def decide(state: SessionState) -> Sequence[Event]:
            if state.turn is None or state.turn.id != step.turn:
                return []
            return [] if unless_cancelled and why_stop(state, False) == "cancelled" else [ended]

        await self._stage.commit(decide)
