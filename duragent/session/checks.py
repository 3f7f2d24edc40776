"""Are the sessions whole? Each is looked at when the server starts, and one that was called damaged again later.

The law: one session that cannot be read, or whose disk does not answer, keeps neither the others nor the start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from duragent.clock import Clock
from duragent.errors import Damaged, DuragentError, SessionNotFound, Stopping, StoreError
from duragent.session.index import Index
from duragent.session.session import Session
from duragent.stores.base import Store

AT_ONCE = 4
LOOK_SECONDS = 30.0
"""So long the others wait for one; it is looked at all the same."""
FIRST_SECONDS, LAST_SECONDS = 25.0, 3600.0
"""A damaged log is read again after the first, then after twice as long each time, up to the last."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckPorts:
    """What `Sessions` lends: `live` are the open sessions, and each function takes an id or a session of these."""

    store: Store
    clock: Clock
    live: Mapping[str, Session]
    index: Index
    open: Callable[[str], Awaitable[Session]]
    reopen: Callable[[Session], Awaitable[object]]
    unload: Callable[[Session], Awaitable[object]]
    note: Callable[[Session], None]


class Checks:
    """See the module docstring."""

    def __init__(self, means: CheckPorts) -> None:
        self._means = means
        self._looking: set[asyncio.Future[bool]] = set()
        self._next: dict[str, tuple[float, float]] = {}

    async def open_all(self, session_ids: Iterable[str]) -> set[str]:
        """Look at each; returns those that could not be opened."""
        at_once, unread = asyncio.Semaphore(AT_ONCE), set[str]()

        async def look(session_id: str) -> None:
            async with at_once:
                looking = asyncio.ensure_future(self._looked(session_id))
                self._looking.add(looking)
                looking.add_done_callback(self._looking.discard)
                await asyncio.wait((looking,), timeout=LOOK_SECONDS)
                if not looking.done():
                    _log.error("session %s cannot be read for now: the disk does not answer", session_id)
                    self._means.index.fail(session_id, "it cannot be read for now: the disk does not answer")
                if not looking.done() or not looking.result():
                    unread.add(session_id)

        async with asyncio.TaskGroup() as tasks:
            for session_id in session_ids:
                tasks.create_task(look(session_id))
        return unread

    async def _looked(self, session_id: str) -> bool:
        """Whether it could be opened."""
        try:
            await self._look(session_id)
        except SessionNotFound:
            self._means.index.drop(session_id)
            return True
        except Exception as error:
            # One session must never keep the server from starting.
            if not isinstance(error, Stopping):
                self._means.index.fail(session_id, f"it cannot be opened: {error}")
                unexpected = None if isinstance(error, DuragentError) else error
                _log.error("session %s cannot be opened: %s", session_id, error, exc_info=unexpected)
            return False
        return True

    async def _look(self, session_id: str) -> None:
        """Let it go on if it has to, and find out what it is and whether it is whole."""
        was_open = session_id in self._means.live
        session = await self._means.open(session_id)
        opened_at = session.last_used
        try:
            await self._means.store.verify(session_id)
        except Damaged as error:
            _log.error("%s", error)
            session.problem = session.problem or error
            self._means.note(session)
        # Do not unload: somebody opened it meanwhile, and reads it under its claim.
        if not was_open and session.last_used == opened_at:
            await self._means.unload(session)

    async def again(self) -> None:
        """Read the logs of damaged sessions once more: a person may have put one right, or the alarm was false."""
        damaged = [session for session in self._means.live.values() if _has_bad_log(session)]
        self._next = {session.id: self._next.get(session.id, self._first()) for session in damaged}
        for session in damaged:
            due, wait = self._next[session.id]
            if self._means.clock.monotonic() >= due:
                wait = min(2 * wait, LAST_SECONDS)
                self._next[session.id] = (self._means.clock.monotonic() + wait, wait)
                if await self._is_whole(session):
                    _log.warning("session %s is whole and goes on", session.id)
                    await self._means.reopen(session)

    def _first(self) -> tuple[float, float]:
        return self._means.clock.monotonic() + FIRST_SECONDS, FIRST_SECONDS

    async def _is_whole(self, session: Session) -> bool:
        try:
            # A log that is good, and shorter than it was, has lost something.
            return await self._means.store.verify(session.id) >= session.state.seq
        except (StoreError, SessionNotFound):
            return False


def _has_bad_log(session: Session) -> bool:
    return isinstance(session.problem, Damaged) and not session.problem.is_of_blob
