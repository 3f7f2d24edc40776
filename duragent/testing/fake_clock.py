"""A clock that moves only when a test says so, and whose ids are known in advance.

Give it wherever a `duragent.clock.Clock` is wanted. `await clock.advance(5)` wakes every sleeper that is due within
five seconds, in the order in which they are due, and lets the tasks run in between; a sleeper that goes to sleep again
within those five seconds is woken again. With `FakeClock(hurried=True)` every sleep moves the clock by itself and
returns.
"""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

from duragent.clock import ulid

_TURNS_OF_THE_LOOP = 50
"""How often `settle` yields: more than any chain of awaits without I/O in duragent is long."""


class FakeClock:
    """Time stands still until `advance` or `jump`; `new_id` counts. For one event loop; not thread-safe."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC), *, hurried: bool = False) -> None:
        self._start = start
        self._hurried = hurried
        self._passed = 0.0
        self._order = itertools.count(1)
        self._ids = itertools.count(1)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._slept = asyncio.Event()

    def now(self) -> datetime:
        """The start plus what has passed."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Seconds that have passed since the start; begins at 0."""
        return self._passed

    def new_id(self, prefix: str) -> str:
        """The prefix and a ULID of the fake time and a counter: ids sort in the order in which they were made."""
        milliseconds = round(self.now().timestamp() * 1000)
        return f"{prefix}_{ulid(milliseconds, next(self._ids).to_bytes(10))}"

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved that far. Zero or less only yields once."""
        if seconds <= 0 or self._hurried:
            self._passed += max(seconds, 0)
            await asyncio.sleep(0)
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._passed + seconds, next(self._order), waiting))
        self._slept.set()
        await waiting

    @property
    def sleepers(self) -> int:
        """How many are asleep now."""
        return sum(not waiting.done() for _, _, waiting in self._sleepers)

    async def until_asleep(self, count: int = 1) -> None:
        """Wait until at least `count` tasks are asleep: then it is safe to move the clock. Bound it with a timeout."""
        while self.sleepers < count:
            self._slept.clear()
            await self._slept.wait()

    async def advance(self, seconds: float) -> None:
        """Move the clock: wake each sleeper as its time comes, and let the tasks run after each."""
        end = self._passed + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._move_to(self._sleepers[0][0])
            await self.settle()
        self._move_to(end)
        await self.settle()

    def jump(self, seconds: float) -> None:
        """Move the clock at once; due sleepers wake when the loop next runs. A negative jump moves only `now`."""
        if seconds < 0:
            self._start += timedelta(seconds=seconds)
        else:
            self._move_to(self._passed + seconds)

    async def settle(self) -> None:
        """Let every task that can run do so, as far as it needs no I/O and no thread."""
        for _ in range(_TURNS_OF_THE_LOOP):
            await asyncio.sleep(0)

    def _move_to(self, moment: float) -> None:
        self._passed = max(self._passed, moment)
        while self._sleepers and self._sleepers[0][0] <= self._passed:
            _, _, waiting = heapq.heappop(self._sleepers)
            if not waiting.done():
                waiting.set_result(None)
