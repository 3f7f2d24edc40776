"""What is done for all sessions: at the start, and then at intervals, each by one `tick_*` method.

A tick that fails is logged and repeated at the next interval; it never ends the server.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from duragent.errors import Unavailable
from duragent.session.checks import Checks
from duragent.session.expiry import expired_approvals, expired_sessions
from duragent.session.index import Index
from duragent.session.live_sessions import LiveSessions
from duragent.session.tasks import best_effort
from duragent.turn.ports import Ports

INDEX_SECONDS = 30.0
"""Between two saves of the list, and between two looks at failed and damaged sessions."""

EXPIRY_SECONDS = 3600.0
"""Between two looks for sessions that expired."""

APPROVAL_SECONDS = 30.0
"""Between two looks for approvals that expired."""


class Housekeeping:
    """Started by `run`. Tests call single ticks."""

    checks: Checks
    """Whether the logs are whole."""

    def __init__(self, ports: Ports, live: LiveSessions, index: Index) -> None:
        self._ports, self._live, self._index = ports, live, index
        self.checks = Checks(ports, live, index)

    async def run(self) -> None:
        """Go on with what was interrupted, then keep house until cancelled."""
        await self.start()
        ticks = (
            (INDEX_SECONDS, self.tick_index),
            (INDEX_SECONDS, self.tick_failed),
            (INDEX_SECONDS, self.checks.tick_damaged),
            (EXPIRY_SECONDS, self.tick_expired_sessions),
            (APPROVAL_SECONDS, self.tick_expired_approvals),
            (self._ports.settings.idle_unload_seconds / 4, self.tick_idle),
        )
        async with asyncio.TaskGroup() as tasks:
            for seconds, tick in ticks:
                tasks.create_task(self._every(seconds, tick))

    async def _every(self, seconds: float, tick: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._ports.clock.sleep(seconds)
            await best_effort(tick())

    async def start(self) -> None:
        """Fill the list, open the sessions that have work and those that must be read, and clear spool and /tmp."""
        doubtful = await self._index.fill(self._ports.store)
        working = [state.session_id for state in self._index.states() if state.has_work]
        unread = await self.checks.open_all(dict.fromkeys([*working, *doubtful]))
        self._index.settle()
        # A session that cannot be read now may wait for any result.
        sweep = self._ports.workbench.spool.sweep
        await best_effort(sweep(lambda name, call: name in unread or self._awaited(name, call)))
        await best_effort(self._sweep_temporary(unread))

    async def _sweep_temporary(self, unread: Collection[str]) -> None:
        """Remove the /tmp of sessions that a server before this one had in memory and this one has not."""
        folders = self._ports.workbench.temporary
        names = await asyncio.to_thread(lambda: list(folders.names() if folders else ()))
        for name in names:
            if name not in unread:
                await self._live.remove_temporary(name)

    def _awaited(self, session_id: str, call: str) -> bool:
        """Whether the log says of this call that it runs, or is not fit to say; an old row says nothing."""
        row = self._index.rows.get(session_id)
        calls = row.state.turn.calls if row and row.state.turn else ()
        started = any(open_call.call == call and open_call.status == "started" for open_call in calls)
        commanding = row.state.commanding if row else None
        typed = commanding is not None and commanding.command_id == call
        return started or typed or (row is not None and (row.old or row.problem is not None))

    async def tick_index(self) -> None:
        """Save the list for the next start, if it has changed."""
        await self._index.save(
            self._ports.store, lambda: {session.id for session in self._live if session.writer.writing}
        )

    async def tick_failed(self) -> None:
        """Reopen the sessions that the disk failed: they go on by themselves when the cause is gone."""
        for session in self._live:
            if isinstance(session.problem, Unavailable):
                await best_effort(self._live.open(session.id))

    async def tick_expired_sessions(self) -> None:
        """Close the sessions that were not used for longer than they may be."""
        for session_id, close in expired_sessions(self._index.states(), self._ports):
            await best_effort(self._live.post(session_id, close))

    async def tick_expired_approvals(self) -> None:
        """Deny the approvals that were not given in time."""
        for session_id, denial in expired_approvals(self._index.states(), self._ports):
            await best_effort(self._live.post(session_id, denial))

    async def tick_idle(self) -> None:
        """Unload the sessions that were idle for `idle_unload_seconds`."""
        old = self._ports.clock.monotonic() - self._ports.settings.idle_unload_seconds
        for session in self._live:
            if session.last_used < old and not session.busy:
                await self._live.unload(session)
