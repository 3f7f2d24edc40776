"""How many requests are worked on at a time: those above the limit wait their turn.

There are three kinds, each with the same limit for itself, because they last differently long: plain requests, requests
that wait for the end of a turn, and streams, which may stay open for days. So no number of streams, and no number of
turns that wait for a person, keeps anyone from listing, cancelling or deciding.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from duragent.server.problems import RequestRefused
from duragent.server.stop import Stop

RETRY_AFTER_SECONDS = 1

Kind = Literal["request", "answer", "stream"]


class InFlight:
    """`limit` requests of each kind at a time. A request waits for its turn for at most `patience_seconds`.

    Of each kind `queue_max` may wait.
    """

    def __init__(self, limit: int, patience_seconds: float, stop: Stop, queue_max: int) -> None:
        self._limit, self._patience_seconds, self._stop = limit, patience_seconds, stop
        self._queue_max = queue_max
        self._working = {kind: asyncio.Semaphore(limit) for kind in ("request", "answer", "stream")}
        self._queued = dict.fromkeys(self._working, 0)

    @asynccontextmanager
    async def turn(self, kind: Kind) -> AsyncIterator[None]:
        """Raises Refused (`busy`) before anything of the request was done, and Stopping."""
        working = self._working[kind]
        if working.locked():
            await self._wait(kind, working)
        else:
            await working.acquire()  # returns at once
        try:
            yield
        finally:
            working.release()

    async def _wait(self, kind: Kind, working: asyncio.Semaphore) -> None:
        if self._queued[kind] >= self._queue_max:
            raise self._busy(f"{self._queue_max:,} more wait already")
        self._queued[kind] += 1
        try:
            async with self._stop.ends(), asyncio.timeout(self._patience_seconds):
                await working.acquire()
        except TimeoutError:
            raise self._busy(f"none of them was done within {self._patience_seconds:g} seconds") from None
        finally:
            self._queued[kind] -= 1

    def _busy(self, why: str) -> RequestRefused:
        detail = f"the server works on {self._limit:,} such requests already (server.max_connections), and {why}"
        return RequestRefused("busy", detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})
