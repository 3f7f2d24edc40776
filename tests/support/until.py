"""Wait until something is true, in place of a sleep.

The bound only ends a hang. The pauses between two looks start short and grow, so that a wait ends soon after the thing
happened, and a long wait costs a busy machine next to nothing.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar, overload

from tests.support.bounds import LIMIT_SECONDS

T = TypeVar("T")
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.0005, 0.02
FREE_LOOKS = 10


@overload
async def until(
    condition: Callable[[], Awaitable[T]], *, bound: float = ..., pause: float = ..., why: str = ...
) -> T: ...


@overload
async def until(condition: Callable[[], T], *, bound: float = ..., pause: float = ..., why: str = ...) -> T: ...


async def until(
    condition: Callable[[], object],
    *,
    bound: float = LIMIT_SECONDS,
    pause: float = LONGEST_PAUSE_SECONDS,
    why: str = "",
) -> object:
    """The first true value of `condition`, which may be a coroutine function. `pause` is the longest between two looks.

    Other tasks get a few turns of the loop before the first pause: what needs no clock and no disk is seen at once.
    """
    limit = time.monotonic() + bound
    for seconds in _pauses(pause, free=FREE_LOOKS):
        value = condition()
        seen = await value if inspect.isawaitable(value) else value
        if seen:
            return seen
        _still_in_time(limit, bound, why)
        await asyncio.sleep(seconds)
    raise AssertionError("the pauses have no end")


def until_sync(
    condition: Callable[[], T], *, bound: float = LIMIT_SECONDS, pause: float = LONGEST_PAUSE_SECONDS, why: str = ""
) -> T:
    """The first true value of `condition`, where no event loop runs. `pause` is the longest between two looks."""
    limit = time.monotonic() + bound
    for seconds in _pauses(pause):
        if value := condition():
            return value
        _still_in_time(limit, bound, why)
        time.sleep(seconds)
    raise AssertionError("the pauses have no end")


async def take_time(seconds: float) -> None:
    """A pause that is part of what is tried: a slow client, a person who thinks, a connection that stalls.

    It never stands for the hope that something has happened by then.
    """
    await asyncio.sleep(seconds)


def _pauses(longest: float, free: int = 0) -> Iterator[float]:
    """`free` pauses of no length, then short ones that double up to the longest."""
    for _ in range(free):
        yield 0
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield min(pause, longest)
        pause = min(2 * pause, longest)


def _still_in_time(limit: float, bound: float, why: str) -> None:
    if time.monotonic() >= limit:
        raise AssertionError(why or f"it did not happen within {bound} s")
