"""Carrying out a call that is in the log as started, up to the record of its end."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from duragent.agent.load import Agent
from duragent.crashpoint import crashpoint
from duragent.errors import DuragentError, RunnerLost, StoreError
from duragent.journal.events import Event, ToolFinished
from duragent.journal.limits import NUDGE_AT
from duragent.journal.next_step import MAY_HAVE_TAKEN_EFFECT
from duragent.journal.state import SessionState
from duragent.policy import guards
from duragent.policy.rules import notifications
from duragent.policy.skills import SKILL_TOOL
from duragent.process.base import Commands
from duragent.sandboxes.base import Command
from duragent.subscribers.notify import Notice
from duragent.text import without_surrogates
from duragent.tools.base import CallInfo, ToolContext, ToolResult, failed
from duragent.turn.authorize import ResolvedCall, signature
from duragent.turn.host import CANCEL_SECONDS, TurnHost, let_go, when_there_is_room, why_stop
from duragent.turn.live_output import LiveOutput
from duragent.turn.ports import Ports
from duragent.turn.protected_files import missing, put_aside
from duragent.turn.turn_agent import TurnAgent

COMMAND_MARGIN_SECONDS = 30.0
"""The runner of a command holds the deadline; only when it is this late the server steps in."""

DETAILS_MAX_BYTES = 8 << 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A call on its way, with the seams it needs."""

    known: ResolvedCall
    agent: Agent
    attempt: int
    commands: Commands
    live: LiveOutput
    attached: bool = False
    """Its command was started before: it is only waited for, and never made again."""


class ToolRunner:
    """Carries out the calls of one session."""

    def __init__(self, host: TurnHost, ports: Ports, turn_agent: TurnAgent) -> None:
        self._host, self._ports, self._agent = host, ports, turn_agent

    async def carry_out(self, running: ToolRun, turn: str) -> None:
        """Run it and record its end; nothing is recorded when the server stops. Raises RunnerLost."""
        watched = await self._watched(running)
        self._host.begin_output(running.live)
        try:
            result = await self._result(running)
        finally:
            self._host.end_output(running.live)
        if result is None:
            return
        result = await self._without_planted(result, watched)
        crashpoint("tool.ran")
        await self._finish(running, result, turn)
        crashpoint("tool.finished")
        await self.tidy(running.known.call.call)
        if running.known.tool.name == SKILL_TOOL:
            self._agent.skills = None
        if running.known.tool.changes_tools:
            self._agent.load_again()
        await self._notify(running, result)

    async def _watched(self, running: ToolRun) -> tuple[Path, ...]:
        """The files that must not come into being while this runs."""
        if not running.known.tool.by_command:
            return ()
        return await asyncio.to_thread(lambda: missing(self._ports.workbench.places(running.agent).frozen))

    async def _without_planted(self, result: ToolResult, watched: tuple[Path, ...]) -> ToolResult:
        planted = await asyncio.to_thread(put_aside, watched) if watched else []
        if not planted:
            return result
        names = ", ".join(str(path) for path in planted)
        _log.warning("a command of session %s made %s; put aside", self._host.claim.stream_id, names)
        told = f"[{names}: only a person may make this; it was renamed and has no effect]"
        return replace(result, content=f"{result.content}\n\n{told}")

    async def _result(self, running: ToolRun) -> ToolResult | None:
        """What came of it; None when the server stops, and the next one finds out."""
        tool, host = running.known.tool, self._host
        working = asyncio.ensure_future(self._guarded(running))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + tool.timeout_seconds + (COMMAND_MARGIN_SECONDS if tool.by_command else 0.0)
        interrupted = asyncio.ensure_future(host.interrupt.wait())
        try:
            while True:
                left = max(deadline - loop.time(), 0.0)
                await asyncio.wait((working, interrupted), timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    return working.result()
                why = why_stop(host.state, host.stopping)
                if host.stopping and why != "cancelled":
                    return None
                if why == "cancelled" or not interrupted.done():
                    outcome = "cancelled" if why == "cancelled" else "timeout"
                    return await self._stopped(running, working, outcome)
                # Somebody paused the session: what runs may run to its end.
                host.interrupt.clear()
                interrupted = asyncio.ensure_future(host.interrupt.wait())
        finally:
            interrupted.cancel()
            await let_go(working, f"the tool {tool.name}")

    async def _stopped(self, running: ToolRun, working: "asyncio.Future[ToolResult]", outcome: str) -> ToolResult:
        """End it, and what it had said until then."""
        if running.known.tool.by_command:
            await running.commands.end()
            await asyncio.wait((working,), timeout=CANCEL_SECONDS)
            if working.done() and not working.cancelled() and working.exception() is None:
                return working.result()
        warning = "" if running.known.effect == "pure" else f" {MAY_HAVE_TAKEN_EFFECT}"
        if outcome == "cancelled":
            return ToolResult(f"The call was cancelled while it ran.{warning}", "cancelled")
        return ToolResult(f"[timed out after {running.known.tool.timeout_seconds:g} s]{warning}", "timeout")

    async def _guarded(self, running: ToolRun) -> ToolResult:
        """The tool's run; a tool is foreign code, and whatever it raises is one more way to fail."""
        tool, found = running.known.tool, running.known
        try:
            result = await tool.run(found.arguments, await self._context(running))
        except RunnerLost:
            raise
        except DuragentError as error:
            return failed(f"Tool execution failed: {error}")
        except Exception as error:
            _log.exception("the tool %s failed in an unexpected way", tool.name)
            return failed(f"Tool execution failed: unexpected {type(error).__name__}: {error}")
        return result if isinstance(result, ToolResult) else failed(f"Tool execution failed: no result of {tool.name}")

    # --- how it ended -----------------------------------------------------------------------------------------------

    async def _finish(self, running: ToolRun, result: ToolResult, turn: str) -> None:
        found, content = running.known, without_surrogates(result.content)
        sha, size = await self._keep(result.full)
        mark = signature(found, result.outcome, content)
        finished = ToolFinished(
            turn=turn,
            call=found.call.call,
            tool=found.call.tool,
            outcome=result.outcome,
            content=content,
            note=self._note(running, result, mark),
            details=_details(result.details),
            output_sha256=sha,
            output_bytes=size,
            signature=mark,
        )

        def decide(state: SessionState) -> Sequence[Event]:
            calls = state.turn.calls if state.turn else ()
            return [finished] if any(call.call == finished.call for call in calls) else []

        await when_there_is_room(self._host, self._ports.clock, lambda: self._host.commit(decide))

    async def _keep(self, full: bytes | None) -> tuple[str, int]:
        if full is None:
            return "", 0
        sha = hashlib.sha256(full).hexdigest()
        put = partial(self._ports.store.put_blob, self._host.claim, sha, full)
        await when_there_is_room(self._host, self._ports.clock, put)
        return sha, len(full)

    def _note(self, running: ToolRun, result: ToolResult, mark: str) -> str:
        """What the model is told besides: the agent's own notes, and that it goes in circles."""
        found, turn = running.known, self._host.state.turn
        notes = []
        if result.outcome == "ok":
            hooks = guards.with_defaults(running.agent.spec.hooks, [found.tool.name])
            notes.append(guards.notes(hooks, found.as_prior()) or "")
        times = dict(turn.repeats).get(mark, 0) + 1 if turn else 1
        if times >= NUDGE_AT:
            circles = f"You made this same call {times} times with the same result."
            notes.append(f"{circles} Do something else, or say what stands in the way.")
        return "\n".join(note for note in notes if note)

    async def _notify(self, running: ToolRun, result: ToolResult) -> None:
        policy = await self._ports.workbench.policy(running.agent)
        if deliveries := notifications(policy, running.known.invocation):
            session_id, shown = self._host.claim.stream_id, running.known.shown
            notice = Notice(deliveries, session_id, running.agent.name, shown, result.outcome == "ok")
            self._ports.workbench.notify(notice)

    # --- the seams --------------------------------------------------------------------------------------------------

    def key(self, call: str) -> str:
        return f"dur_{self._host.claim.stream_id}_{call}"

    def commands(self, call: str, live: LiveOutput | None = None) -> Commands:
        show = live.add if live else (lambda _: None)
        return self._ports.workbench.spool.commands(self._host.claim.stream_id, call, show)

    async def tidy(self, call: str) -> None:
        """The result is in the log, and what rests elsewhere is not wanted any more; the next start sweeps up too."""
        try:
            await self.forget(call)
        except StoreError as error:
            _log.warning("what is left of call %s stays for now: %s", call, error)

    async def forget(self, call: str) -> None:
        await self._ports.workbench.spool.forget(self._host.claim.stream_id, call)

    def running(self, turn: str, found: ResolvedCall, agent: Agent, attempt: int, *, attached: bool = False) -> ToolRun:
        asking = self._host.state.turn.asking if self._host.state.turn else None
        live = LiveOutput(turn, asking.step if asking else 1, attempt, found.call.call, self._host.publish)
        return ToolRun(found, agent, attempt, self.commands(found.call.call, live), live, attached)

    async def _context(self, running: ToolRun) -> ToolContext:
        workbench, agent, call = self._ports.workbench, running.agent, running.known.call.call
        # It reads a small file for each other workspace of this user.
        places = await asyncio.to_thread(workbench.places, agent)
        return ToolContext(
            agent=agent,
            places=places,
            call=CallInfo(self._host.claim.stream_id, call, running.attempt, self.key(call)),
            commands=running.commands,
            confined=_not_again if running.attached else workbench.confined(agent, places),
        )


def _not_again(
    argv: Sequence[str], *, folder: Path | None = None, env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> Command:
    """For a call whose command was started before: should it come to be started all the same, it does nothing."""
    return Command(("false",), folder or Path("/"))


def _details(details: Mapping[str, Any]) -> dict[str, Any]:
    """Small enough for a line, and plain JSON; what is not is left out."""
    try:
        text = json.dumps(dict(details), allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return {}
    fits = len(text) <= DETAILS_MAX_BYTES and "blob" not in details
    found: dict[str, Any] = json.loads(text) if fits else {}
    return found
