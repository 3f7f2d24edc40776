"""How work on sessions is done: one at a time for each, and each to its end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from duragent.errors import DuragentError, Stopping

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Door:
    """The lock of one session, and how many want it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wanted: int = 0


class OneAtATime:
    """Locks by session id, which are there only while somebody wants them: `async with alone(session_id)`."""

    def __init__(self) -> None:
        self._doors: dict[str, _Door] = {}

    @asynccontextmanager
    async def __call__(self, session_id: str) -> AsyncIterator[None]:
        door = self._doors.setdefault(session_id, _Door())
        door.wanted += 1
        try:
            async with door.lock:
                yield
        finally:
            door.wanted -= 1
            if not door.wanted:
                del self._doors[session_id]


class UntilStopped:
    """Long work that need not be done: it goes on when its caller goes away, and not when the server stops."""

    def __init__(self) -> None:
        self._working: set[asyncio.Future[None]] = set()

    async def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Raises Stopping when it was stopped."""
        working = asyncio.ensure_future(work)
        self._working.add(working)
        working.add_done_callback(self._working.discard)
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            if working.cancelled():
                raise Stopping from None
            raise

    async def stop(self) -> None:
        working = list(self._working)
        for each in working:
            each.cancel()
        await asyncio.gather(*working, return_exceptions=True)


class Spawned:
    """Tasks that another one waits for, kept so that those which hang can be ended."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def end(self, seconds: float) -> None:
        """Cancel those that do not end within `seconds`."""
        left = set(self._tasks)
        if left:
            _, left = await asyncio.wait(left, timeout=seconds)
        for task in left:
            task.cancel()


async def to_its_end(work: Coroutine[Any, Any, _T]) -> _T:
    """Do the work even if the caller goes away in its middle."""
    return await asyncio.shield(asyncio.ensure_future(work))


async def tried(work: Awaitable[object]) -> None:
    """Housekeeping: what fails now is done another time."""
    try:
        await work
    except (DuragentError, OSError) as error:
        _log.warning("housekeeping: %s", error)


async def within(seconds: float, *works: Coroutine[Any, Any, object]) -> None:
    """Do all of it at once; what has not ended in time is cancelled, and is not waited for.

    Raises the first error, when all have ended.
    """
    working = [asyncio.ensure_future(work) for work in works]
    if not working:
        return
    ended, hanging = await asyncio.wait(working, timeout=seconds)
    for each in hanging:
        each.cancel()
    if hanging:
        _log.warning("the disk has not answered for %g s: not waiting for it any longer", seconds)
    for each in ended:
        if not each.cancelled() and (error := each.exception()) is not None:
            raise error
