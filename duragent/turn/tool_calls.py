"""Running the tools that the model asks for, and finding out what became of a call that nobody waits for any more.

The law: `tool_started` is durable before the effect, `tool_finished` before the model is told. A call that may have run
is never run again in silence.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from duragent.agent.load import Agent
from duragent.agent.skills import Skill
from duragent.crashpoint import crashpoint
from duragent.errors import AgentBroken, AgentNotFound, DuragentError, RunnerLost, StoreError
from duragent.journal.events import (
    ApprovalRequested,
    Event,
    ModelReplied,
    PolicyFinding,
    ToolFinished,
    ToolLost,
    ToolResolved,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.next_step import OUTCOME_UNKNOWN, RecoverCall, RunTool, SettleCall, stopped
from duragent.journal.record import Record, timestamp
from duragent.journal.state import REASON_MAX, OpenCall, SessionState
from duragent.policy import guards
from duragent.policy.skills import SKILL_TOOL, active_skills, narrowing, refused_by_skill
from duragent.text import without_surrogates
from duragent.turn.authorize import (
    Allowed,
    Judgement,
    NeedsApproval,
    Refused,
    ResolvedCall,
    authorize,
    prior_calls,
    reauthorize,
    resolve,
)
from duragent.turn.history import HistoryNeed
from duragent.turn.host import TurnHost, why_stop
from duragent.turn.ports import Ports
from duragent.turn.tool_run import ToolRun, ToolRunner
from duragent.turn.turn_agent import TurnAgent
from duragent.turn.workbench import LoadedAgent

PRIOR_TOKENS = 40_000
"""How far back guards look where the agent sets no bound."""

AT_ONCE = 8
"""How many calls that change nothing run side by side."""

ATTEMPTS = 4
"""How often a call that may be repeated is started before the model is told that it has no result."""

_ABOUT_SKILLS = (TurnStarted, ModelReplied, ToolFinished)
_log = logging.getLogger(__name__)


class ToolCalls:
    """Acts for one session."""

    def __init__(self, host: TurnHost, ports: Ports, turn_agent: TurnAgent) -> None:
        self._host, self._ports, self._agent = host, ports, turn_agent
        self._execution = ToolRunner(host, ports, turn_agent)

    # --- the three steps --------------------------------------------------------------------------------------------

    async def run(self, step: RunTool) -> None:
        """Run the call, and those behind it that change nothing; or ask a person, or tell the model why not."""
        try:
            found, judgement = await self._judgement(step.turn, step.call)
        except (AgentNotFound, AgentBroken) as error:
            if self._is_open(self._host.state, step):
                await self._give_up(step, error)
            return
        if found is None or isinstance(judgement, Refused):
            assert isinstance(judgement, Refused)
            if await self._commit_open(step, _refused(step, judgement)) and step.call.attempt:
                await self._execution.tidy(step.call.call)
        elif isinstance(judgement, NeedsApproval):
            await self._ask(step, found, judgement)
        else:
            await self._start([(found, judgement), *await self._beside(step, found)], step)

    async def recover(self, step: RecoverCall) -> None:
        """Pick the call up where it stands, or say that it is lost."""
        call, spool = step.call, self._ports.workbench.spool
        try:
            loaded = await self._agent.at(step.turn, self._host.state.agent)
        except (AgentNotFound, AgentBroken) as error:
            await self._give_up(step, error)
            return
        found = resolve(await self._call(call.call), loaded.tools)
        if not isinstance(found, ResolvedCall) or not found.tool.by_command:
            # It may have been a command, of a tool that the agent has no more.
            await self._execution.commands(call.call).end()
            await self._lose(step.turn, call, found, "the server stopped while it ran")
            return
        evidence = await spool.evidence(self._host.claim.stream_id, call.call, call.spool)
        if evidence == "never_started":
            lost = ToolLost(turn=step.turn, call=call.call, evidence="its command was never started")
            await self._host.commit(lambda _: [lost, ToolResolved(call=call.call, resolution="retry", by="evidence")])
        elif evidence == "unknown":
            # What goes on of it without a runner has no deadline, and nobody would ever know how it ended.
            await self._execution.commands(call.call).end()
            why = "the server stopped while it ran, and its command left no result"
            await self._lose(step.turn, call, found, why)
        else:
            running = self._execution.running(step.turn, found, loaded.agent, call.attempt, attached=True)
            await self._carry_out(running, step)

    async def settle(self, step: SettleCall) -> None:
        """Give the call a result without running it; what still runs of it is ended."""
        if step.call.status == "started":
            await self._execution.commands(step.call.call).end()
        note = {"turn": step.turn, "call": step.call.call, "tool": step.call.tool}
        finished = ToolFinished(**note, outcome=step.outcome, content=step.content)
        await self._host.commit(lambda _: [finished])
        await self._execution.tidy(step.call.call)

    async def abandon(self) -> None:
        """The session goes for good: end what still runs."""
        turn = self._host.state.turn
        for call in turn.calls if turn else ():
            if call.status == "started":
                await self._execution.tidy(call.call)

    # --- may it run? ------------------------------------------------------------------------------------------------

    async def _judgement(self, turn: str, call: OpenCall) -> tuple[ResolvedCall | None, Judgement]:
        loaded = await self._agent.at(turn, self._host.state.agent)
        agent = loaded.agent
        found = resolve(await self._call(call.call), loaded.tools)
        if isinstance(found, Refused):
            return None, found
        if why := refused_by_skill(found.invocation, await self._narrowing(loaded)):
            return found, Refused(why, denied=True)
        policy = await self._ports.workbench.policy(agent, loaded.tools.unasked)
        if call.status == "approved":
            by = next((each.by for each in reversed(self._host.state.decided) if each.call == call.call), "")
            if elsewhere := await self._elsewhere(loaded, call, found):
                return found, elsewhere
            return found, await asyncio.to_thread(reauthorize, found, policy, call.arguments_sha256, by)
        prior = await self._prior(loaded, found)
        return found, await asyncio.to_thread(authorize, found, policy, agent, prior)

    async def _elsewhere(self, loaded: LoadedAgent, call: OpenCall, found: ResolvedCall) -> NeedsApproval | None:
        """The question again, when it would not run where the person was told that it would."""
        if not call.place or not found.tool.by_command:
            return None
        try:
            place = (await self._place(loaded.agent, found))[:REASON_MAX]
        except DuragentError:
            # The tool itself will say so, as its result: nothing runs.
            return None
        if place == call.place:
            return None
        why = f"it was approved for another place: {call.place}"
        return NeedsApproval("the place has changed", (PolicyFinding(text=found.shown[:2_000], reason=why),), ())

    async def _place(self, agent: Agent, found: ResolvedCall) -> str:
        """Where its command runs, for people; "" without one. Raises SandboxUnavailable."""
        # In a thread: the first time a sandbox is tried out, which may take seconds.
        return await asyncio.to_thread(self._ports.workbench.place, agent) if found.tool.by_command else ""

    async def _prior(self, loaded: LoadedAgent, found: ResolvedCall) -> list[guards.PriorCall]:
        """The calls before this one, as far as the model sees them; none when no guard asks for them."""
        if not guards.with_defaults(loaded.agent.spec.hooks, [found.tool.name]).before_tool:
            return []
        tokens = loaded.agent.spec.session.context.max_history_tokens or PRIOR_TOKENS
        records, _ = await self._host.newest(HistoryNeed(tokens))
        return prior_calls(records, found.call.call)

    async def _narrowing(self, loaded: LoadedAgent) -> tuple[Skill, ...]:
        """The skills that are active in this turn and narrow what it may do."""
        turn = self._host.state.turn
        if turn is None or loaded.tools.get(SKILL_TOOL) is None:
            return ()
        if self._agent.skills is None:
            events: list[Event] = []
            after = turn.trigger - 1
            while records := await self._host.read_records(after, 1_000):
                after = records[-1].seq
                events += [each.event for each in records if isinstance(each.event, _ABOUT_SKILLS)]
            self._agent.skills = active_skills(events)
        return narrowing(self._agent.skills, loaded.tools.skills)

    async def _beside(self, step: RunTool, first: ResolvedCall) -> list[tuple[ResolvedCall, Allowed]]:
        """The calls right behind it that may run along with it."""
        turn = self._host.state.turn
        beside: list[tuple[ResolvedCall, Allowed]] = []
        if turn is None or first.effect != "pure" or step.call.status != "requested":
            return beside
        for call in turn.calls[1:AT_ONCE]:
            found, judgement = await self._judgement(step.turn, call)
            if found is None or not isinstance(judgement, Allowed) or found.effect != "pure":
                break
            beside.append((found, judgement))
        return beside

    async def _ask(self, step: RunTool, found: ResolvedCall, asking: NeedsApproval) -> None:
        agent = (await self._agent.at(step.turn, self._host.state.agent)).agent
        try:
            place = await self._place(agent, found)
        except DuragentError as error:
            await self._commit_open(step, _refused(step, Refused(f"Tool execution failed: {error}")))
            return
        hours = self._ports.settings.approval_ttl_hours
        expires = timestamp(self._ports.clock.now() + timedelta(hours=hours)) if hours else None
        requested = ApprovalRequested(
            turn=step.turn,
            call=step.call.call,
            tool=step.call.tool,
            arguments_sha256=found.sha256,
            rule=asking.rule,
            invocation=found.shown,
            findings=asking.findings,
            patterns=asking.patterns,
            place=place,
            expires_at=expires,
        )
        await self._commit_open(step, requested)

    async def _commit_open(self, step: RunTool, event: Event) -> list[Record]:
        """Say this of the call, if it is still open."""
        return await self._host.commit(lambda state: [event] if self._is_open(state, step) else [])

    def _is_open(self, state: SessionState, step: RunTool) -> bool:
        """Whether the call still waits to be run, and nobody has stopped the turn."""
        if state.turn is None or state.turn.id != step.turn or why_stop(state, self._host.stopping):
            return False
        return any(call.call == step.call.call and call.status == step.call.status for call in state.turn.calls)

    # --- run it -----------------------------------------------------------------------------------------------------

    async def _start(self, calls: Sequence[tuple[ResolvedCall, Allowed]], step: RunTool) -> None:
        agent = (await self._agent.at(step.turn, self._host.state.agent)).agent
        attempt = step.call.attempt + 1
        if attempt > 1:
            # What an earlier attempt left behind was looked at before it was decided to run again.
            await self._execution.forget(step.call.call)
        events = [await self._intent(found, allowed, agent, attempt, step.turn) for found, allowed in calls]

        def decide(state: SessionState) -> Sequence[Event]:
            if not self._is_open(state, step):
                return []
            return [event.model_copy(update={"epoch": state.epoch}) for event in events]

        if not await self._host.commit(decide):
            return
        crashpoint("tool.started")
        running = [self._execution.running(step.turn, found, agent, attempt) for found, _ in calls]
        outcomes = await asyncio.gather(*(self._carry_out(each, step) for each in running), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _intent(
        self, found: ResolvedCall, allowed: Allowed, agent: Agent, attempt: int, turn: str
    ) -> ToolStarted:
        call = found.call.call
        if found.tool.by_command:
            await self._ports.workbench.spool.ready()
        try:
            place = await self._place(agent, found)
        except DuragentError:
            # The tool itself will say so, as its result.
            place = "nowhere"
        return ToolStarted(
            turn=turn,
            call=call,
            tool=found.call.tool,
            attempt=attempt,
            epoch=0,
            effect=found.effect,
            idempotency_key=self._execution.key(call),
            deadline=timestamp(self._ports.clock.now() + timedelta(seconds=found.tool.timeout_seconds)),
            invocation=found.shown,
            rule=without_surrogates(allowed.rule),
            place=place,
            spool=self._ports.workbench.spool.id if found.tool.by_command else "",
        )

    async def _carry_out(self, running: ToolRun, step: RunTool | RecoverCall) -> None:
        try:
            await self._execution.carry_out(running, step.turn)
        except RunnerLost as error:
            turn = self._host.state.turn
            for call in turn.calls if turn else ():
                if call.call == running.known.call.call:
                    await self._lose(step.turn, call, running.known, str(error))

    # --- what became of it ------------------------------------------------------------------------------------------

    async def _lose(self, turn: str, call: OpenCall, found: ResolvedCall | Refused, evidence: str) -> None:
        """The call may have run. Its effect class, and who could be asked, decide what comes next."""
        shown = found.shown if isinstance(found, ResolvedCall) else ""
        lost = ToolLost(turn=turn, call=call.call, evidence=evidence, invocation=shown)
        if call.effect in ("pure", "idempotent") and call.attempt < ATTEMPTS:
            again = ToolResolved(call=call.call, resolution="retry", by=f"effect class: {call.effect}")
            await self._host.commit(lambda _: [lost, again])
        elif call.effect == "unsafe" and await self._somebody_answers():
            await self._host.commit(lambda _: [lost.model_copy(update={"asks": True})])
        else:
            finished = _interrupted(turn, call, OUTCOME_UNKNOWN)
            await self._host.commit(lambda _: [lost, finished])

    async def _give_up(self, step: RunTool | RecoverCall, error: DuragentError) -> None:
        """Nobody can go on with this turn: what still runs is ended, every open call gets a result, the turn fails."""
        turn = self._host.state.turn
        calls = turn.calls if turn else ()
        for call in calls:
            if call.status == "started":
                await self._execution.commands(call.call).end()
        settled = [_interrupted(step.turn, call, stopped(call, "interrupted")) for call in calls]
        ended = TurnEnded(turn=step.turn, outcome="failed", code=error.code, reason=str(error))
        await self._host.commit(lambda _: [*settled, ended])
        for call in calls:
            await self._execution.tidy(call.call)

    async def _somebody_answers(self) -> bool:
        agent = self._agent.agent
        return agent is not None and (await self._ports.workbench.policy(agent)).mode == "ask"

    # --- the seams --------------------------------------------------------------------------------------------------

    async def _call(self, call_id: str) -> Any:
        """The call as the model wrote it."""
        turn = self._host.state.turn
        seq = turn.reply_seq if turn else 0
        for record in await self._host.read_records(seq - 1, 1) if seq else ():
            if isinstance(record.event, ModelReplied):
                for call in record.event.calls:
                    if call.call == call_id:
                        return call
        raise StoreError(f"the log has no call '{call_id}' at record {seq}")


def _interrupted(turn: str, call: OpenCall, content: str) -> ToolFinished:
    return ToolFinished(turn=turn, call=call.call, tool=call.tool, outcome="interrupted", content=content)


def _refused(step: RunTool, refused: Refused) -> ToolFinished:
    outcome = "denied" if refused.denied else "error"
    return ToolFinished.model_validate(
        {"turn": step.turn, "call": step.call.call, "tool": step.call.tool, "outcome": outcome}
        | {"content": without_surrogates(refused.content)}
    )
