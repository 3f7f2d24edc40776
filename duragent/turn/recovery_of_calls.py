"""What becomes of calls that were started and have no result: after a crash, a lost runner, or a stop.

The law: a call that may have run is run again only if its effect class allows it; otherwise a person decides, or the
model gets a result that says that the outcome is unknown.
"""

from duragent.errors import AgentBroken, AgentNotFound, DuragentError, RunnerLost
from duragent.journal.events import ToolFinished, ToolLost, ToolResolved, TurnEnded
from duragent.journal.next_step import OUTCOME_UNKNOWN, RecoverCall, SettleCall, stopped
from duragent.journal.state import OpenCall
from duragent.turn.authorize import Refused, ResolvedCall, resolve
from duragent.turn.history import read_call
from duragent.turn.host import TurnHost
from duragent.turn.ports import Ports
from duragent.turn.tool_run import ToolRun, ToolRunner
from duragent.turn.turn_agent import TurnAgent

ATTEMPTS = 4
"""How often a call that may be repeated is started before the model gets a result that says that there is none."""


class CallRecovery:
    """Finds out what became of the started calls of one session, and gives results to those that must not run."""

    def __init__(self, host: TurnHost, ports: Ports, turn_agent: TurnAgent, runner: ToolRunner) -> None:
        self._host, self._ports, self._agent, self._runner = host, ports, turn_agent, runner

    async def recover(self, step: RecoverCall) -> None:
        """Wait for the end of the call's command, or record that the call is lost."""
        call, spool = step.call, self._ports.workbench.spool
        try:
            loaded = await self._agent.at(step.turn, self._host.state.agent)
        except (AgentNotFound, AgentBroken) as error:
            await self.give_up(step.turn, error)
            return
        resolved = resolve(await read_call(self._host, call.call), loaded.tools)
        if not isinstance(resolved, ResolvedCall) or not resolved.tool.by_command:
            # It may have been the command of a tool that the agent does not have any longer.
            await self._runner.commands(call.call).end()
            await self._lose(step.turn, call, resolved, "the server stopped while it ran")
            return
        evidence = await spool.evidence(self._host.claim.stream_id, call.call, call.spool)
        if evidence == "never_started":
            lost = ToolLost(turn=step.turn, call=call.call, evidence="its command was never started")
            await self._host.commit(lambda _: [lost, ToolResolved(call=call.call, resolution="retry", by="evidence")])
        elif evidence == "unknown":
            # A command without a runner has no deadline, and its end would never be known.
            await self._runner.commands(call.call).end()
            why = "the server stopped while it ran, and its command left no result"
            await self._lose(step.turn, call, resolved, why)
        else:
            run = self._runner.run_of(step.turn, resolved, loaded.agent, call.attempt, attached=True)
            await self.carry_out(run, step.turn)

    async def carry_out(self, run: ToolRun, turn: str) -> None:
        """Carry the call out, up to the record of its end; record that it is lost when its runner is."""
        try:
            await self._runner.carry_out(run, turn)
        except RunnerLost as error:
            open_turn = self._host.state.turn
            for call in open_turn.calls if open_turn else ():
                if call.call == run.resolved.call.call:
                    await self._lose(turn, call, run.resolved, str(error))

    async def settle(self, step: SettleCall) -> None:
        """Give the call a result without running it, and end what still runs of it."""
        if step.call.status == "started":
            await self._runner.commands(step.call.call).end()
        note = {"turn": step.turn, "call": step.call.call, "tool": step.call.tool}
        finished = ToolFinished(**note, outcome=step.outcome, content=step.content)
        await self._host.commit(lambda _: [finished])
        await self._runner.tidy(step.call.call)

    async def abandon(self) -> None:
        """End what still runs: the session is being deleted."""
        turn = self._host.state.turn
        for call in turn.calls if turn else ():
            if call.status == "started":
                await self._runner.tidy(call.call)

    async def _lose(self, turn: str, call: OpenCall, resolved: ResolvedCall | Refused, evidence: str) -> None:
        """Record that the call may have run. Its effect class, and whether a person answers, decide what comes next."""
        shown = resolved.shown if isinstance(resolved, ResolvedCall) else ""
        lost = ToolLost(turn=turn, call=call.call, evidence=evidence, invocation=shown)
        if call.effect in ("pure", "idempotent") and call.attempt < ATTEMPTS:
            again = ToolResolved(call=call.call, resolution="retry", by=f"effect class: {call.effect}")
            await self._host.commit(lambda _: [lost, again])
        elif call.effect == "unsafe" and await self._is_answered():
            await self._host.commit(lambda _: [lost.model_copy(update={"asks": True})])
        else:
            finished = _interrupted(turn, call, OUTCOME_UNKNOWN)
            await self._host.commit(lambda _: [lost, finished])

    async def give_up(self, turn_id: str, error: DuragentError) -> None:
        """Fail a turn that cannot go on: end what still runs of it, and give every open call a result."""
        turn = self._host.state.turn
        calls = turn.calls if turn else ()
        for call in calls:
            if call.status == "started":
                await self._runner.commands(call.call).end()
        settled = [_interrupted(turn_id, call, stopped(call, "interrupted")) for call in calls]
        ended = TurnEnded(turn=turn_id, outcome="failed", code=error.code, reason=str(error))
        await self._host.commit(lambda _: [*settled, ended])
        for call in calls:
            await self._runner.tidy(call.call)

    async def _is_answered(self) -> bool:
        """Whether the policy lets a person decide."""
        agent = self._agent.agent
        return agent is not None and (await self._ports.workbench.policy(agent)).mode == "ask"


def _interrupted(turn: str, call: OpenCall, content: str) -> ToolFinished:
    return ToolFinished(turn=turn, call=call.call, tool=call.tool, outcome="interrupted", content=content)
