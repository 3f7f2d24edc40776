"""Tasks that outlive their caller, that the stop of the server ends, or that may fail."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from duragent.errors import DuragentError, Stopping
from duragent.shield import shielded

HANG_SECONDS = 0.5
"""The longest wait, at a stop, for calls to a disk that may not answer."""

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class StoppableTasks:
    """Tasks that survive the cancellation of their caller, but not the stop of the server."""

    def __init__(self) -> None:
        self._working: set[asyncio.Future[None]] = set()

    async def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for the work. Raises Stopping when `stop` ended it."""
        working = asyncio.ensure_future(work)
        self._working.add(working)
        working.add_done_callback(self._working.discard)
        try:
            await shielded(working)
        except asyncio.CancelledError:
            if working.cancelled():
                raise Stopping from None
            raise

    async def stop(self) -> None:
        """Cancel them, and wait until they have ended."""
        working = list(self._working)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)


class TaskSet:
    """Running tasks, so that those which hang can be cancelled at the end."""

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


async def best_effort(work: Awaitable[object]) -> None:
    """Do work that is repeated later anyway: log a failure, do not raise it."""
    try:
        await work
    except (DuragentError, OSError) as error:
        _log.warning("housekeeping: %s", error)


async def bounded(seconds: float, *works: Coroutine[Any, Any, object]) -> None:
    """Do all of it at the same time. Cancel what has not ended in time, and do not wait for it.

    Raises the first error, after all have ended.
    """
    working = [asyncio.ensure_future(work) for work in works]
    if not working:
        return
    ended, hanging = await asyncio.wait(working, timeout=seconds)
    for task in hanging:
        task.cancel()
    if hanging:
        _log.warning("the disk has not answered for %g s: not waiting for it any longer", seconds)
    for task in ended:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
