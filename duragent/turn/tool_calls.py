"""The tool calls of a reply: which may run, which a person is asked about, and their start.

The law: `tool_started` is durable before the effect, `tool_finished` before the model gets the result. A call that may
have run is never run again in silence; see `recovery_of_calls`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from duragent.agent.load import Agent
from duragent.agent.skills import Skill
from duragent.crashpoint import crashpoint
from duragent.errors import AgentBroken, AgentNotFound, DuragentError
from duragent.journal.events import (
    ApprovalRequested,
    Event,
    FileBefore,
    ModelReplied,
    PolicyFinding,
    ToolFinished,
    ToolStarted,
    TurnStarted,
)
from duragent.journal.next_step import RunTool
from duragent.journal.record import Record, timestamp
from duragent.journal.state import REASON_MAX, OpenCall, SessionState
from duragent.policy import guards
from duragent.policy.skills import SKILL_TOOL, active_skills, narrowing, refused_by_skill
from duragent.text import without_surrogates
from duragent.tools.base import Places, Tool
from duragent.turn.access_now import private_notes
from duragent.turn.authorize import (
    THIS_SESSION,
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
from duragent.turn.checkpoint import keep, planned
from duragent.turn.history import HistoryNeed, read_call
from duragent.turn.host import TurnHost, why_stop
from duragent.turn.ports import Ports
from duragent.turn.preview import preview_of
from duragent.turn.recovery_of_calls import CallRecovery
from duragent.turn.tool_run import ToolRunner
from duragent.turn.turn_agent import TurnAgent
from duragent.turn.workbench import LoadedAgent

PRIOR_TOKENS = 40_000
"""How far back guards look where the agent sets no bound."""

AT_ONCE = 8
"""How many calls that change nothing run side by side."""

_ABOUT_SKILLS = (TurnStarted, ModelReplied, ToolFinished)


class ToolCalls:
    """Runs the tool calls of one session."""

    def __init__(
        self, host: TurnHost, ports: Ports, turn_agent: TurnAgent, runner: ToolRunner, recovery: CallRecovery
    ) -> None:
        self._host, self._ports, self._agent = host, ports, turn_agent
        self._runner, self._recovery = runner, recovery

    async def run(self, step: RunTool) -> None:
        """Run the call, and those behind it that change nothing; or ask a person; or tell the model why not."""
        try:
            resolved, judgement = await self._judgement(step.turn, step.call)
        except (AgentNotFound, AgentBroken) as error:
            if self._is_open(self._host.state, step):
                await self._recovery.give_up(step.turn, error)
            return
        if resolved is None or isinstance(judgement, Refused):
            assert isinstance(judgement, Refused)
            if await self._commit_open(step, _refused(step, judgement)) and step.call.attempt:
                await self._runner.tidy(step.call.call)
        elif isinstance(judgement, NeedsApproval):
            await self._ask(step, resolved, judgement)
        else:
            await self._start([(resolved, judgement), *await self._run_along(step, resolved)], step)

    # --- may it run? ------------------------------------------------------------------------------------------------

    async def _judgement(self, turn: str, call: OpenCall) -> tuple[ResolvedCall | None, Judgement]:
        loaded = await self._agent.at(turn, self._host.state.agent)
        agent = loaded.agent
        resolved = resolve(await read_call(self._host, call.call), loaded.tools)
        if isinstance(resolved, Refused):
            return None, resolved
        if why := refused_by_skill(resolved.invocation, await self._narrowing(loaded)):
            return resolved, Refused(why, denied=True)
        private = await private_notes(self._host, agent)
        policy = await self._ports.workbench.policy(agent, loaded.tools.unasked, private)
        if call.status == "approved":
            decided = reversed(self._host.state.decided)
            by = next((decision.by for decision in decided if decision.call == call.call), "")
            if elsewhere := await self._elsewhere(loaded, call, resolved):
                return resolved, elsewhere
            return resolved, await asyncio.to_thread(reauthorize, resolved, policy, call.arguments_sha256, by)
        policy = policy.allowing(self._host.state.allowed, THIS_SESSION)
        prior = await self._prior(loaded, resolved)
        return resolved, await asyncio.to_thread(authorize, resolved, policy, agent, prior)

    async def _elsewhere(self, loaded: LoadedAgent, call: OpenCall, resolved: ResolvedCall) -> NeedsApproval | None:
        """Ask again when the call would not run where the approval said that it would."""
        if not call.place or not resolved.tool.by_command:
            return None
        try:
            place = (await self._place(loaded.agent, resolved))[:REASON_MAX]
        except DuragentError:
            # The tool fails for the same reason, and its result says so: nothing runs.
            return None
        if place == call.place:
            return None
        why = f"it was approved for another place: {call.place}"
        return NeedsApproval("the place has changed", (PolicyFinding(text=resolved.shown[:2_000], reason=why),), ())

    async def _places(self, agent: Agent) -> Places:
        """Where the call happens: what is closed to it is not looked at before it either."""
        private = await private_notes(self._host, agent)
        return await asyncio.to_thread(self._ports.workbench.places, agent, private)

    async def _place(self, agent: Agent, resolved: ResolvedCall) -> str:
        """Where the command of the call runs, for people; "" without a command. Raises SandboxUnavailable."""
        # In a thread: the first call tries out the sandbox, which may take seconds.
        return await asyncio.to_thread(self._ports.workbench.place, agent) if resolved.tool.by_command else ""

    async def _prior(self, loaded: LoadedAgent, resolved: ResolvedCall) -> list[guards.PriorCall]:
        """The calls before this one, as far as the model sees them; none when no guard needs them."""
        if not guards.with_defaults(loaded.agent.spec.hooks, [resolved.tool.name]).before_tool:
            return []
        tokens = loaded.agent.spec.session.context.max_history_tokens or PRIOR_TOKENS
        records, _ = await self._host.newest(HistoryNeed(tokens))
        return prior_calls(records, resolved.call.call)

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
                events += [record.event for record in records if isinstance(record.event, _ABOUT_SKILLS)]
            self._agent.skills = active_skills(events)
        return narrowing(self._agent.skills, loaded.tools.skills)

    async def _run_along(self, step: RunTool, first: ResolvedCall) -> list[tuple[ResolvedCall, Allowed]]:
        """The calls right behind it that may run at the same time."""
        turn = self._host.state.turn
        others: list[tuple[ResolvedCall, Allowed]] = []
        if turn is None or first.effect != "pure" or step.call.status != "requested":
            return others
        for call in turn.calls[1:AT_ONCE]:
            resolved, judgement = await self._judgement(step.turn, call)
            if resolved is None or not isinstance(judgement, Allowed) or resolved.effect != "pure":
                break
            others.append((resolved, judgement))
        return others

    async def _ask(self, step: RunTool, resolved: ResolvedCall, asking: NeedsApproval) -> None:
        agent = (await self._agent.at(step.turn, self._host.state.agent)).agent
        try:
            place = await self._place(agent, resolved)
        except DuragentError as error:
            await self._commit_open(step, _refused(step, Refused(f"Tool execution failed: {error}")))
            return
        hours = self._ports.settings.approval_ttl_hours
        expires = timestamp(self._ports.clock.now() + timedelta(hours=hours)) if hours else None
        requested = ApprovalRequested(
            turn=step.turn,
            call=step.call.call,
            tool=step.call.tool,
            arguments_sha256=resolved.sha256,
            rule=asking.rule,
            invocation=resolved.shown,
            findings=asking.findings,
            patterns=asking.patterns,
            offers=asking.offers,
            preview=await preview_of(resolved, await self._places(agent)),
            place=place,
            expires_at=expires,
        )
        await self._commit_open(step, requested)

    async def _commit_open(self, step: RunTool, event: Event) -> list[Record]:
        """Write the event if the call is still open."""
        return await self._host.commit(lambda state: [event] if self._is_open(state, step) else [])

    def _is_open(self, state: SessionState, step: RunTool) -> bool:
        """Whether the call still waits to be run, and the turn was not stopped."""
        if state.turn is None or state.turn.id != step.turn or why_stop(state, self._host.stopping):
            return False
        return any(call.call == step.call.call and call.status == step.call.status for call in state.turn.calls)

    # --- run it -----------------------------------------------------------------------------------------------------

    async def _start(self, calls: Sequence[tuple[ResolvedCall, Allowed]], step: RunTool) -> None:
        agent = (await self._agent.at(step.turn, self._host.state.agent)).agent
        attempt = step.call.attempt + 1
        if attempt > 1:
            # `recovery_of_calls` has looked at what the earlier attempt left, and decided to run the call again.
            await self._runner.forget(step.call.call)
        events = [await self._intent(resolved, allowed, agent, attempt, step.turn) for resolved, allowed in calls]

        by_session = frozenset[str]().union(*(allowed.by_session for _, allowed in calls))

        def decide(state: SessionState) -> Sequence[Event]:
            if not self._is_open(state, step):
                return []
            if not by_session <= set(state.allowed):
                # It was taken back in between: the call is judged again.
                return []
            return [event.model_copy(update={"epoch": state.epoch}) for event in events]

        if not await self._host.commit(decide):
            return
        crashpoint("tool.started")
        runs = [
            replace(self._runner.run_of(step.turn, resolved, agent, attempt), before=event.before)
            for (resolved, _), event in zip(calls, events, strict=True)
        ]
        endings = (self._recovery.carry_out(run, step.turn) for run in runs)
        outcomes = await asyncio.gather(*endings, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _intent(
        self, resolved: ResolvedCall, allowed: Allowed, agent: Agent, attempt: int, turn: str
    ) -> ToolStarted:
        call = resolved.call.call
        if resolved.tool.by_command:
            await self._ports.workbench.spool.ready()
        try:
            place = await self._place(agent, resolved)
        except DuragentError:
            # The tool fails for the same reason, and its result says so.
            place = "nowhere"
        before: tuple[FileBefore, ...] = ()
        if type(resolved.tool).planned is not Tool.planned:
            files = await planned(resolved, await self._places(agent))
            before = await keep(self._host, self._ports.store, self._ports.clock, files)
        return ToolStarted(
            turn=turn,
            call=call,
            tool=resolved.call.tool,
            attempt=attempt,
            epoch=0,
            effect=resolved.effect,
            idempotency_key=self._runner.key(call),
            deadline=timestamp(self._ports.clock.now() + timedelta(seconds=resolved.tool.timeout_seconds)),
            invocation=resolved.shown,
            rule=without_surrogates(allowed.rule),
            place=place,
            spool=self._ports.workbench.spool.id if resolved.tool.by_command else "",
            before=before,
        )


def _refused(step: RunTool, refused: Refused) -> ToolFinished:
    outcome = "denied" if refused.denied else "error"
    return ToolFinished.model_validate(
        {"turn": step.turn, "call": step.call.call, "tool": step.call.tool, "outcome": outcome}
        | {"content": without_surrogates(refused.content)}
    )
