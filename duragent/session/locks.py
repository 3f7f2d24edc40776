"""Locks by session id."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Lock:
    """The lock of one session."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    """How many tasks hold it or wait for it."""


class SessionLocks:
    """One lock for each session id, kept only while it is in use: `async with locks(session_id)`."""

    def __init__(self) -> None:
        self._locks: dict[str, _Lock] = {}

    @asynccontextmanager
    async def __call__(self, session_id: str) -> AsyncIterator[None]:
        held = self._locks.setdefault(session_id, _Lock())
        held.users += 1
        try:
            async with held.lock:
                yield
        finally:
            held.users -= 1
            if not held.users:
                del self._locks[session_id]
