"""Work that a caller's cancellation must not stop in its middle."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_T = TypeVar("_T")


async def shielded(work: Awaitable[_T]) -> _T:
    """Do the work to its end, even when the caller is cancelled in its middle and goes on at once.

    An error of work whose caller has gone is dropped: `asyncio.shield` alone would have it logged as "never retrieved".
    """
    working = asyncio.ensure_future(work)
    working.add_done_callback(_retrieve)
    return await asyncio.shield(working)


async def to_its_end(work: Awaitable[_T]) -> _T:
    """As `shielded`, but a caller that is cancelled goes on only when the work has ended."""
    working = asyncio.ensure_future(work)
    try:
        return await shielded(working)
    except asyncio.CancelledError:
        await asyncio.wait((working,))
        raise


def _retrieve(done: asyncio.Future[_T]) -> None:
    if not done.cancelled():
        done.exception()
