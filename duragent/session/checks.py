"""Are the sessions whole? Each is read when the server starts, and a damaged one again later.

The law: one session that cannot be read, or whose disk does not answer, keeps neither the others nor the start.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from duragent.errors import Damaged, DuragentError, SessionNotFound, Stopping, StoreError
from duragent.session.index import Index
from duragent.session.live_sessions import LiveSessions
from duragent.turn.ports import Ports

if TYPE_CHECKING:
    from duragent.session.session import Session

AT_ONCE = 4
"""How many sessions are read at the same time."""

LOOK_SECONDS = 30.0
"""After this time the others do not wait for one any longer; its reading goes on."""

FIRST_SECONDS, LAST_SECONDS = 25.0, 3600.0
"""A damaged log is read again after the first, then after twice as long each time, up to the last."""

_log = logging.getLogger(__name__)


class Checks:
    """See the module docstring."""

    def __init__(self, ports: Ports, live: LiveSessions, index: Index) -> None:
        self._store, self._clock, self._live, self._index = ports.store, ports.clock, live, index
        self._reading: set[asyncio.Future[bool]] = set()
        self._due: dict[str, tuple[float, float]] = {}
        """By session id: when a damaged log is read again, and how long the wait for that is."""

    async def open_all(self, session_ids: Iterable[str]) -> set[str]:
        """Open and read each session; returns those that could not be opened."""
        at_once, unread = asyncio.Semaphore(AT_ONCE), set[str]()

        async def look(session_id: str) -> None:
            async with at_once:
                reading = asyncio.ensure_future(self._opens(session_id))
                self._reading.add(reading)
                reading.add_done_callback(self._reading.discard)
                await asyncio.wait((reading,), timeout=LOOK_SECONDS)
                if not reading.done():
                    _log.error("session %s cannot be read for now: the disk does not answer", session_id)
                    self._index.fail(session_id, "it cannot be read for now: the disk does not answer")
                if not reading.done() or not reading.result():
                    unread.add(session_id)

        async with asyncio.TaskGroup() as tasks:
            for session_id in session_ids:
                tasks.create_task(look(session_id))
        return unread

    async def _opens(self, session_id: str) -> bool:
        """Whether it could be opened."""
        try:
            await self._look(session_id)
        except SessionNotFound:
            self._index.drop(session_id)
            return True
        except Exception as error:
            # One session must never keep the server from starting.
            if not isinstance(error, Stopping):
                self._index.fail(session_id, f"it cannot be opened: {error}")
                unexpected = None if isinstance(error, DuragentError) else error
                _log.error("session %s cannot be opened: %s", session_id, error, exc_info=unexpected)
            return False
        return True

    async def _look(self, session_id: str) -> None:
        """Let the session go on if it has work, put its state into the list, and read its whole log."""
        async with self._live.borrow(session_id) as session:
            try:
                await self._store.verify(session_id)
            except Damaged as error:
                _log.error("%s", error)
                session.problem = session.problem or error
                self._live.note(session)

    async def tick_damaged(self) -> None:
        """Read the logs of damaged sessions again: a person may have put one right, or the alarm was false."""
        damaged = [session for session in self._live if _has_bad_log(session)]
        self._due = {session.id: self._due.get(session.id, self._first()) for session in damaged}
        for session in damaged:
            due, wait = self._due[session.id]
            if self._clock.monotonic() >= due:
                wait = min(2 * wait, LAST_SECONDS)
                self._due[session.id] = (self._clock.monotonic() + wait, wait)
                if await self._is_whole(session):
                    _log.warning("session %s is whole and goes on", session.id)
                    await self._live.reopen(session)

    def _first(self) -> tuple[float, float]:
        return self._clock.monotonic() + FIRST_SECONDS, FIRST_SECONDS

    async def _is_whole(self, session: "Session") -> bool:
        try:
            # A log that is good, and shorter than it was, has lost something.
            return await self._store.verify(session.id) >= session.state.seq
        except (StoreError, SessionNotFound):
            return False


def _has_bad_log(session: "Session") -> bool:
    return isinstance(session.problem, Damaged) and not session.problem.is_of_blob
