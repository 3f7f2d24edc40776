"""The turns of a session: perform the next step, again and again, until the session needs an input.

`next_step` decides what to do, from the state alone; here it is done. Each intent is durable before its effect, and
each result before a watcher gets it. Only `model_call` calls models, and only `tool_run` runs tools.
"""

import logging
from collections.abc import Sequence
from typing import assert_never

from duragent.agent.spec import AgentSpec
from duragent.errors import DuragentError, SessionDeleted, StoreError, StoreFull, Unavailable
from duragent.journal import next_step as steps
from duragent.journal.events import Event, TurnEnded, TurnStarted
from duragent.journal.limits import TurnLimits
from duragent.journal.state import SessionState
from duragent.text import without_surrogates
from duragent.turn.host import TurnHost, why_stop
from duragent.turn.limits_of_agent import limits_of
from duragent.turn.model_call import ModelCaller
from duragent.turn.ports import Ports
from duragent.turn.recovery_of_calls import CallRecovery
from duragent.turn.tool_calls import ToolCalls
from duragent.turn.tool_run import ToolRunner
from duragent.turn.turn_agent import TurnAgent

_log = logging.getLogger(__name__)


class Turn:
    """Performs the steps of one session's turns."""

    def __init__(self, host: TurnHost, ports: Ports) -> None:
        self._host, self._ports = host, ports
        self._agent = TurnAgent(host.claim.stream_id, ports.agents, ports.workbench)
        self._model = ModelCaller(host, ports, self._agent, self._ended)
        runner = ToolRunner(host, ports, self._agent)
        self._recovery = CallRecovery(host, ports, self._agent, runner)
        self._tools = ToolCalls(host, ports, self._agent, runner, self._recovery)

    async def run(self) -> None:
        """Perform one step after another until there is none. Raises what the log raises when it cannot go on."""
        while step := self.next_step():
            try:
                if self._must_claim(step):
                    await self._host.commit(lambda _: [], claim=True)
                else:
                    await self._perform_or_fail(step)
            except (StoreFull, Unavailable) as error:
                await self._host.wait_for_store(error)

    async def _perform(self, step: steps.Step) -> None:
        """Which part of this room performs which step."""
        match step:
            case steps.StartTurn():
                await self._start(step)
            case steps.AskModel():
                await self._model.ask(step)
            case steps.SettleModel():
                await self._model.settle(step)
            case steps.RunTool():
                await self._tools.run(step)
            case steps.RecoverCall():
                await self._recovery.recover(step)
            case steps.SettleCall():
                await self._recovery.settle(step)
            case steps.EndTurn():
                await self._host.commit(self._ended)
            case _:
                assert_never(step)

    def next_step(self) -> steps.Step | None:
        """What to do now. None: wait for an input, or the session can do nothing more."""
        return self._step_at(self._host.state)

    def _step_at(self, state: SessionState) -> steps.Step | None:
        return steps.next_step(state, self._limits) if self._host.can_work else None

    def _must_claim(self, step: steps.Step) -> bool:
        """Whether another process owns the turn, and this step works for a while before it writes.

        A step that kills the process must leave a record, or the turn is never seen to be without progress.
        """
        return self._host.state.node != self._ports.node and isinstance(step, steps.AskModel | steps.RunTool)

    async def abandon(self) -> None:
        """End everything that this turn started: the session is being deleted."""
        await self._recovery.abandon()

    # --- limits and faults ------------------------------------------------------------------------------------------

    @property
    def _limits(self) -> TurnLimits:
        return limits_of(self._ports.settings, self._spec())

    def _spec(self) -> AgentSpec | None:
        """The spec of the turn's agent; of a session that was just opened, of the agent that the next turn will use."""
        try:
            agent = self._agent.agent or self._ports.agents.get(self._host.state.agent)
        except DuragentError:
            return None
        return agent.spec

    async def _perform_or_fail(self, step: steps.Step) -> None:
        """Perform the step. An unexpected exception ends the turn as failed; otherwise it would stay open for ever."""
        if not why_stop(self._host.state, self._host.stopping):
            self._host.interrupt.clear()
        try:
            await self._perform(step)
        except (StoreError, SessionDeleted):
            raise
        except Exception as error:
            turn = self._host.state.turn
            if turn is None and not isinstance(step, steps.StartTurn):
                raise
            _log.exception("%s failed in an unexpected way", step)
            reason = without_surrogates(f"unexpected {type(error).__name__}: {error}")
            if turn is not None:
                ended = TurnEnded(turn=turn.id, outcome="failed", code="internal-error", reason=reason)
                await self._host.commit(lambda state: [ended] if state.turn and state.turn.id == ended.turn else [])
            elif isinstance(step, steps.StartTurn):
                failed = _not_begun(self._ports.clock.new_id("turn"), step, "internal-error", reason)
                await self._host.commit(lambda state: [] if state.turn else failed)

    # --- the begin and the end of a turn ----------------------------------------------------------------------------

    def begun(self, state: SessionState) -> Sequence[Event]:
        """The events that begin a turn now, for the same write as the message that it answers; none: not now."""
        step = self._step_at(state)
        try:
            return self._beginning(step) if isinstance(step, steps.StartTurn) else []
        except Exception:
            # Once more by itself, where it is known what to do about it: a message must not be lost by it.
            return []

    def _beginning(self, step: steps.StartTurn) -> Sequence[Event]:
        turn = self._ports.clock.new_id("turn")
        try:
            agent = self._agent.begin(turn, self._host.state.agent)
        except DuragentError as error:
            return _not_begun(turn, step, error.code, str(error))
        return [TurnStarted(turn=turn, trigger=step.trigger, agent_fingerprint=agent.fingerprint)]

    async def _start(self, step: steps.StartTurn) -> None:
        events = self._beginning(step)
        await self._host.commit(lambda state: events if isinstance(self._step_at(state), steps.StartTurn) else [])

    def _ended(self, state: SessionState) -> Sequence[Event]:
        """The end of the turn, as this state wants it: a cancel may have come first. None: it goes on."""
        step = self._step_at(state)
        if not isinstance(step, steps.EndTurn):
            return []
        return [TurnEnded(turn=step.turn, outcome=step.outcome, code=step.code, reason=step.reason)]


def _not_begun(turn: str, step: steps.StartTurn, code: str, reason: str) -> Sequence[Event]:
    """A turn that begins and ends in one write: the client of the message waits for an end."""
    failed = TurnEnded(turn=turn, outcome="failed", code=code, reason=reason)
    return [TurnStarted(turn=turn, trigger=step.trigger), failed]
