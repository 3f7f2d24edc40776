"""One at a time for each session, and each to its end."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

_T = TypeVar("_T")


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


async def to_its_end(work: Coroutine[Any, Any, _T]) -> _T:
    """Do the work even if the caller goes away in its middle."""
    return await asyncio.shield(asyncio.ensure_future(work))
