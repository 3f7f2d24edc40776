"""Carrying out a call that is in the log as started, up to the record of its end."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from duragent.agent.load import Agent
from duragent.crashpoint import crashpoint
from duragent.errors import DuragentError, RunnerLost, SandboxUnavailable, StoreError
from duragent.file_types import ATTACHMENT_MAX_BYTES, MAX_ATTACHMENTS, file_name, media_type_of
from duragent.journal.events import Attachment, Event, FileBefore, ToolFinished
from duragent.journal.limits import NUDGE_AT
from duragent.journal.next_step import MAY_HAVE_TAKEN_EFFECT
from duragent.journal.state import SessionState
from duragent.policy import guards
from duragent.policy.skills import SKILL_TOOL
from duragent.process.base import Commands
from duragent.sandboxes.base import Command
from duragent.text import without_surrogates
from duragent.tools.base import CallInfo, ResultFile, ToolContext, ToolResult, failed
from duragent.turn.access_now import private_notes
from duragent.turn.authorize import ResolvedCall, signature
from duragent.turn.checkpoint import changed, kept_by_path
from duragent.turn.host import TurnHost, keep_blob, let_go, when_there_is_room, why_stop
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
    """One attempt at a call, with what it runs with."""

    resolved: ResolvedCall
    """The call with its tool and its arguments."""
    agent: Agent
    """The agent that made the call."""
    attempt: int
    """Counts from 1."""
    commands: Commands
    """Runs the call's command, if it has one."""
    live: LiveOutput
    """What the command has printed so far."""
    attached: bool = False
    """The command was started before: wait for its end, and never start it again."""
    before: tuple[FileBefore, ...] = ()
    """The files that it is to change, as the log keeps them."""


class ToolRunner:
    """Carries out the calls of one session."""

    def __init__(self, host: TurnHost, ports: Ports, turn_agent: TurnAgent) -> None:
        self._host, self._ports, self._agent = host, ports, turn_agent

    async def carry_out(self, run: ToolRun, turn: str) -> None:
        """Run the call and record its end. When the server stops, record nothing. Raises RunnerLost."""
        watched = await self._watched(run)
        self._host.begin_output(run.live)
        try:
            async with self._notes_watched(run):
                result = await self._result(run)
        finally:
            self._host.end_output(run.live)
        if result is None:
            return
        result = await self._put_aside(result, watched)
        crashpoint("tool.ran")
        await self._finish(run, result, turn)
        crashpoint("tool.finished")
        await self.tidy(run.resolved.call.call)
        if run.resolved.tool.name == SKILL_TOOL:
            self._agent.skills = None
        if run.resolved.tool.changes_tools:
            self._agent.load_again()

    async def _watched(self, run: ToolRun) -> tuple[Path, ...]:
        """The protected files that do not exist yet: a command must not create them."""
        if not run.resolved.tool.by_command:
            return ()
        return await asyncio.to_thread(lambda: missing(self._ports.workbench.places(run.agent).frozen))

    def _notes_watched(self, run: ToolRun) -> AbstractAsyncContextManager[None]:
        """A command in no sandbox can change its agent's notes: what it changes waits for a person."""
        watched, agent = self._ports.watched_notes, run.agent
        if watched is None or agent.spec.memory is None or not run.resolved.tool.by_command:
            return nullcontext()
        try:
            confined = self._ports.workbench.sandbox_for(agent).name != "trust"
        except SandboxUnavailable:
            confined = True  # no command runs
        return nullcontext() if confined else watched(agent, run.attached)

    async def _put_aside(self, result: ToolResult, watched: tuple[Path, ...]) -> ToolResult:
        """Rename the protected files that the command has created, and say so in its result."""
        created = await asyncio.to_thread(put_aside, watched) if watched else []
        if not created:
            return result
        names = ", ".join(str(path) for path in created)
        _log.warning("a command of session %s made %s; put aside", self._host.claim.stream_id, names)
        notice = f"[{names}: only a person may make this; it was renamed and has no effect]"
        return replace(result, content=f"{result.content}\n\n{notice}")

    async def _result(self, run: ToolRun) -> ToolResult | None:
        """The result; None when the server stops: the next one finds it out."""
        tool, host = run.resolved.tool, self._host
        working = asyncio.ensure_future(self._guarded(run))
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
                    return await self._stopped(run, working, outcome)
                # The session was paused: what runs may run to its end.
                host.interrupt.clear()
                interrupted = asyncio.ensure_future(host.interrupt.wait())
        finally:
            interrupted.cancel()
            await let_go(working, f"the tool {tool.name}", self._ports.cancel_seconds)

    async def _stopped(self, run: ToolRun, working: "asyncio.Future[ToolResult]", outcome: str) -> ToolResult:
        """End the call; its result has what it printed until then."""
        if run.resolved.tool.by_command:
            await run.commands.end()
            await asyncio.wait((working,), timeout=self._ports.cancel_seconds)
            if working.done() and not working.cancelled() and working.exception() is None:
                return working.result()
        warning = "" if run.resolved.effect == "pure" else f" {MAY_HAVE_TAKEN_EFFECT}"
        if outcome == "cancelled":
            return ToolResult(f"The call was cancelled while it ran.{warning}", "cancelled")
        return ToolResult(f"[timed out after {run.resolved.tool.timeout_seconds:g} s]{warning}", "timeout")

    async def _guarded(self, run: ToolRun) -> ToolResult:
        """Run the tool. A tool is foreign code: any exception that it raises becomes a failed result."""
        tool, resolved = run.resolved.tool, run.resolved
        try:
            result = await tool.run(resolved.arguments, await self._context(run))
        except RunnerLost:
            raise
        except DuragentError as error:
            return failed(f"Tool execution failed: {error}")
        except Exception as error:
            _log.exception("the tool %s failed in an unexpected way", tool.name)
            return failed(f"Tool execution failed: unexpected {type(error).__name__}: {error}")
        return result if isinstance(result, ToolResult) else failed(f"Tool execution failed: no result of {tool.name}")

    # --- how it ended -----------------------------------------------------------------------------------------------

    async def _finish(self, run: ToolRun, result: ToolResult, turn: str) -> None:
        resolved, content = run.resolved, without_surrogates(result.content)
        sha, size = await self._keep(result.full)
        files = await self._attached(result.files)
        mark = signature(resolved, result.outcome, "\n".join([content, *(file.sha256 for file in files)]))
        finished = ToolFinished(
            turn=turn,
            call=resolved.call.call,
            tool=resolved.call.tool,
            outcome=result.outcome,
            content=content,
            note=self._note(run, result, mark),
            details=_details(result.details),
            output_sha256=sha,
            output_bytes=size,
            notice=await self._notice(run),
            signature=mark,
            changed=changed(run.before) if result.outcome == "ok" else (),
            attachments=files,
            outside=resolved.tool.outside or None,
        )

        def decide(state: SessionState) -> Sequence[Event]:
            calls = state.turn.calls if state.turn else ()
            return [finished] if any(call.call == finished.call for call in calls) else []

        async with self._announced(finished.notice):
            await when_there_is_room(self._host, self._ports.clock, lambda: self._host.commit(decide))

    def _announced(self, notice: str) -> AbstractAsyncContextManager[None]:
        """For the commit of a result: a notice of it survives a crash right after the commit."""
        if not notice or self._ports.notices is None:
            return nullcontext()
        return self._ports.notices.expecting(self._host.claim.stream_id, self._host.state.seq)

    async def _keep(self, full: bytes | None) -> tuple[str, int]:
        if full is None:
            return "", 0
        return await keep_blob(self._host, self._ports.store, self._ports.clock, full), len(full)

    async def _attached(self, files: Sequence[ResultFile]) -> tuple[Attachment, ...]:
        """The files of a result, kept as blobs. What is too much is left out: a tool is foreign code."""
        kept = []
        for file in files[:MAX_ATTACHMENTS]:
            if len(file.content) > ATTACHMENT_MAX_BYTES:
                _log.warning("a result had a file of %d bytes, which is left out", len(file.content))
                continue
            media_type = await asyncio.to_thread(media_type_of, file.content)
            sha256 = await keep_blob(self._host, self._ports.store, self._ports.clock, file.content)
            name, size = file_name(without_surrogates(file.name)), len(file.content)
            kept.append(Attachment(name=name, media_type=media_type, sha256=sha256, size_bytes=size))
        return tuple(kept)

    def _note(self, run: ToolRun, result: ToolResult, mark: str) -> str:
        """What the model gets besides the result: the agent's own notes, and a nudge when it repeats itself."""
        resolved, turn = run.resolved, self._host.state.turn
        notes = []
        if result.outcome == "ok":
            hooks = guards.with_defaults(run.agent.spec.hooks, [resolved.tool.name])
            notes.append(guards.notes(hooks, resolved.as_prior()) or "")
        times = dict(turn.repeats).get(mark, 0) + 1 if turn else 1
        if times >= NUDGE_AT:
            circles = f"You made this same call {times} times with the same result."
            notes.append(f"{circles} Do something else, or say what stands in the way.")
        return "\n".join(note for note in notes if note)

    async def _notice(self, run: ToolRun) -> str:
        """The call in one line, when the policy wants its end told; else ""."""
        wants = await self._ports.workbench.wants_notice(run.agent, run.resolved.invocation)
        return run.resolved.shown if wants else ""

    # --- what a run needs -------------------------------------------------------------------------------------------

    def key(self, call: str) -> str:
        """The idempotency key: the same for every attempt at the call."""
        return f"dur_{self._host.claim.stream_id}_{call}"

    def commands(self, call: str, live: LiveOutput | None = None) -> Commands:
        """Runs and ends the command of the call; what it prints goes to `live`."""
        show = live.add if live else (lambda _: None)
        return self._ports.workbench.spool.commands(self._host.claim.stream_id, call, show)

    async def tidy(self, call: str) -> None:
        """Remove the spooled result, which is in the log now. After a failure the next start removes it."""
        try:
            await self.forget(call)
        except StoreError as error:
            _log.warning("what is left of call %s stays for now: %s", call, error)

    async def forget(self, call: str) -> None:
        """Remove the spooled result of the call. Raises StoreError."""
        await self._ports.workbench.spool.forget(self._host.claim.stream_id, call)

    def run_of(
        self, turn: str, resolved: ResolvedCall, agent: Agent, attempt: int, *, attached: bool = False
    ) -> ToolRun:
        """The run of a call that is recorded as started."""
        asking = self._host.state.turn.asking if self._host.state.turn else None
        live = LiveOutput(turn, asking.step if asking else 1, attempt, resolved.call.call, self._host.publish)
        return ToolRun(resolved, agent, attempt, self.commands(resolved.call.call, live), live, attached)

    async def _context(self, run: ToolRun) -> ToolContext:
        workbench, agent, call = self._ports.workbench, run.agent, run.resolved.call.call
        # In a thread: this reads a small file for each other workspace of this user.
        places = await asyncio.to_thread(workbench.places, agent, await private_notes(self._host, agent))
        return ToolContext(
            agent=agent,
            places=places,
            call=CallInfo(self._host.claim.stream_id, call, run.attempt, self.key(call)),
            commands=run.commands,
            confined=_not_again if run.attached else workbench.confined(agent, places, self._host.claim.stream_id),
            kept=kept_by_path(run.before),
        )


def _not_again(
    argv: Sequence[str], *, folder: Path | None = None, env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> Command:
    """For a call whose command was started before: a second start of it does nothing."""
    return Command(("false",), folder or Path("/"))


def _details(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details as plain JSON, {} when they are not JSON or too long for a line."""
    try:
        text = json.dumps(dict(details), allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return {}
    fits = len(text) <= DETAILS_MAX_BYTES and "blob" not in details
    plain: dict[str, Any] = json.loads(text) if fits else {}
    return plain
