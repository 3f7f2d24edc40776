"""An event loop without waiting: when all tasks are idle, time jumps to the next timer. Same plan, same run."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from duragent.clock import ulid
from tests.support.until import take_time

_START = datetime(2026, 1, 1, tzinfo=UTC)
T = TypeVar("T")

MOST_ROUNDS = 100_000
"""Of the loop, in one run: many times what a run takes."""


class _Idle(selectors.SelectSelector):
    """Where the loop waits for the outside. There is none, so the wait is over at once, and the time has passed."""

    passed = 0.0
    rounds = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.rounds += 1
        if self.rounds > MOST_ROUNDS:
            raise AssertionError("it goes in circles")
        if timeout is None:
            raise AssertionError("all tasks wait for each other, for ever")
        self.passed += max(timeout, 0.0)
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    """Threads do their work at once here, so that no chance but the plan's decides what comes first."""

    def __init__(self) -> None:
        self._idle = _Idle()
        super().__init__(self._idle)

    def time(self) -> float:
        return self._idle.passed

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> "asyncio.Future[T]":  # type: ignore[override]  # the stub's TypeVarTuple says no more
        done: asyncio.Future[T] = self.create_future()
        try:
            self.call_soon(_tell, done, func(*args), None)
        except Exception as error:
            self.call_soon(_tell, done, None, error)
        return done


def _tell(done: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if done.done():
        return
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(result)


class LoopClock:
    """The time of the running loop; ids are counted. One for all processes of a world."""

    def __init__(self) -> None:
        self._ids = 0

    def now(self) -> datetime:
        return _START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await take_time(max(seconds, 0))

    def new_id(self, prefix: str) -> str:
        self._ids += 1
        return f"{prefix}_{ulid(round(self.now().timestamp() * 1000), self._ids.to_bytes(10))}"


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a loop of its own, from the same moment each time."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)
