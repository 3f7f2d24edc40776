"""A person's command in the agent's sandbox, from its request in the log to its end in the log.

The law: it runs once. Its runner leaves the result in the spool under the command's id, as with calls, so that a server
that starts later finds it there; and what the agent's policy denies is denied here too.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from duragent.agent.load import Agent
from duragent.crashpoint import crashpoint
from duragent.errors import DuragentError, RunnerLost, StoreError
from duragent.journal.events import CallOutcome, CommandFinished, CommandRequested, Event
from duragent.journal.state import OpenCommand, SessionState
from duragent.policy.rules import Deny, Invocation, judge
from duragent.process.base import Commands, Finished
from duragent.sandboxes.base import Command
from duragent.text import without_surrogates
from duragent.tools.command_output import command_result
from duragent.turn.host import TurnHost, keep_blob, let_go, when_there_is_room
from duragent.turn.live_output import LiveOutput
from duragent.turn.ports import Ports
from duragent.turn.protected_files import missing, put_aside

SECONDS = 3600.0
"""When it is ended if it still runs then."""

_NOT_AGAIN = Command(("false",), Path("/"))
"""For a command that was started before: a second start of it does nothing."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Run:
    """A command that runs, or is about to."""

    open: OpenCommand
    command: Command = _NOT_AGAIN
    place: str = ""
    """Where it runs, in words; "" where an earlier server started it."""
    watched: tuple[Path, ...] = ()
    """The protected files that do not exist yet."""


class PersonsCommand:
    """Runs the commands that people type in one session. `changed` is set when the state may say that one must stop."""

    def __init__(self, host: TurnHost, ports: Ports, changed: asyncio.Event) -> None:
        self._host, self._ports, self._changed = host, ports, changed

    async def finish(self, open_command: OpenCommand) -> None:
        """Run it unless it has run, and record its end; nothing when the server stops.

        Raises StoreFull, Unavailable: try again later.
        """
        requested = await self._requested(open_command)
        spool = self._ports.workbench.spool
        evidence = await spool.evidence(self._host.claim.stream_id, open_command.command_id, open_command.spool)
        if evidence == "unknown":
            await self._commands(open_command).end()
            await self._record(self._end(open_command, "interrupted", "It may have run: the server stopped meanwhile."))
        elif evidence == "never_started":
            await self._start(open_command, requested)
        else:
            await self._carry_out(_Run(open_command, watched=await self._watched()))

    async def abandon(self, open_command: OpenCommand) -> None:
        """End it and remove what it left."""
        await self._ports.workbench.spool.forget(self._host.claim.stream_id, open_command.command_id)

    async def _requested(self, open_command: OpenCommand) -> CommandRequested:
        for record in await self._host.read_records(open_command.seq - 1, 1):
            if isinstance(record.event, CommandRequested):
                return record.event
        raise StoreError(f"the log has no command at record {open_command.seq}")

    # --- run it -----------------------------------------------------------------------------------------------------

    async def _start(self, open_command: OpenCommand, requested: CommandRequested) -> None:
        """Unless the policy denies it, or it was stopped before it ran."""
        open_now = self._host.state.commanding
        if open_now is None or open_now.cancelled:
            await self._record(self._end(open_command, "cancelled", "It was stopped before it ran."))
            return
        workbench = self._ports.workbench
        try:
            agent = self._ports.agents.get(self._host.state.agent)
            if denied := await self._denied(agent, requested.command):
                await self._record(self._end(open_command, "denied", "The policy denies it.", by_rule=denied))
                return
            places = await asyncio.to_thread(workbench.places, agent)
            place = await asyncio.to_thread(workbench.place, agent)
            make = workbench.confined(agent, places, self._host.claim.stream_id)
            command = await asyncio.to_thread(make, ["bash", "-c", requested.command])
        except StoreError:
            raise
        except DuragentError as error:
            await self._record(self._end(open_command, "error", f"It could not be started: {error}"))
            return
        watched = await asyncio.to_thread(missing, places.frozen)
        crashpoint("command.ready")
        await self._carry_out(_Run(open_command, command, place, watched))

    async def _watched(self) -> tuple[Path, ...]:
        """The protected files that are missing while a command runs that an earlier server started."""
        try:
            agent = self._ports.agents.get(self._host.state.agent)
        except DuragentError:
            return ()
        return await asyncio.to_thread(lambda: missing(self._ports.workbench.places(agent).frozen))

    async def _denied(self, agent: Agent, command: str) -> str:
        """The rule that denies the command; "" when none does. Who types a command need not be asked about it."""
        policy = await self._ports.workbench.policy(agent)
        asking = replace(policy, mode="ask") if policy.mode == "restrict" else policy
        verdict = await asyncio.to_thread(judge, asking, Invocation("bash", "bash", command))
        return without_surrogates(f"{verdict.source}: {verdict.rule}") if isinstance(verdict, Deny) else ""

    async def _carry_out(self, run: _Run) -> None:
        """Run it, or wait for the end of the one that runs, and record that."""
        live = LiveOutput("", 1, 1, run.open.command_id, self._host.publish)
        self._host.begin_output(live)
        try:
            finished = await self._to_the_end(run, self._commands(run.open, live))
        except RunnerLost as error:
            await self._record(self._end(run.open, "interrupted", f"It may have run: {error}"))
            return
        finally:
            self._host.end_output(live)
        if finished is not None:
            crashpoint("command.ran")
            await self._record(await self._result(run, finished))

    async def _to_the_end(self, run: _Run, commands: Commands) -> Finished | None:
        """How it ended; None when the server stops before that. Raises RunnerLost, Unavailable."""
        working = asyncio.ensure_future(commands.run(run.command, timeout_seconds=SECONDS))
        try:
            while not working.done():
                self._changed.clear()
                open_now = self._host.state.commanding
                if open_now is not None and open_now.cancelled:
                    await commands.end()
                    return await working
                if not self._host.can_work:
                    return None
                changed = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait((working, changed), return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
            return working.result()
        finally:
            await let_go(working, "a person's command", self._ports.cancel_seconds)

    # --- how it ended -----------------------------------------------------------------------------------------------

    async def _result(self, run: _Run, finished: Finished) -> CommandFinished:
        result = await command_result(finished, call=run.open.command_id, timeout_seconds=SECONDS)
        content = without_surrogates(result.content)
        if created := await asyncio.to_thread(put_aside, run.watched):
            names = ", ".join(str(path) for path in created)
            content += f"\n\n[{names}: this can only be made outside of duragent; it was renamed and has no effect]"
        end = self._end(run.open, result.outcome, content)
        sha = ""
        if result.full is not None:
            sha = await keep_blob(self._host, self._ports.store, self._ports.clock, result.full)
        kept = {"output_sha256": sha, "output_bytes": len(result.full or b"")}
        return end.model_copy(update={"details": dict(result.details), "place": run.place, **kept})

    def _end(
        self, open_command: OpenCommand, outcome: CallOutcome, content: str, *, by_rule: str = ""
    ) -> CommandFinished:
        return CommandFinished(command_id=open_command.command_id, outcome=outcome, content=content, by_rule=by_rule)

    async def _record(self, finished: CommandFinished) -> None:
        """Write the end, unless it is there, and remove the spooled result, which is in the log now."""

        def decide(state: SessionState) -> Sequence[Event]:
            is_open = state.commanding is not None and state.commanding.command_id == finished.command_id
            return [finished] if is_open else []

        # Here, and not by another attempt: that would know neither where it ran nor what was put aside.
        await when_there_is_room(self._host, self._ports.clock, lambda: self._host.commit(decide))
        crashpoint("command.finished")
        try:
            await self._ports.workbench.spool.forget(self._host.claim.stream_id, finished.command_id)
        except StoreError as error:
            _log.warning("what is left of a person's command stays for now: %s", error)

    def _commands(self, open_command: OpenCommand, live: LiveOutput | None = None) -> Commands:
        show = live.add if live else (lambda _: None)
        return self._ports.workbench.spool.commands(self._host.claim.stream_id, open_command.command_id, show)
