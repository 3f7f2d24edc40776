"""Clients that stay attached, and what they saw."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from duragent.client.client import Client
from duragent.client.watch import Reconnecting
from duragent.journal.events import TurnEnded
from duragent.journal.record import Record
from duragent.wire import Delta
from tests.support.bounds import LIMIT_SECONDS
from tests.support.real_server import RealServer


@dataclass
class Seen:
    """What one attached client saw: records, and the text of each attempt."""

    records: list[Record] = field(default_factory=list)
    texts: dict[tuple[str, int, int], str] = field(default_factory=dict)
    losses: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self, client: Client, session_id: str) -> None:
        async for item in client.watch(session_id):
            if isinstance(item, Record):
                self.records.append(item)
            elif isinstance(item, Delta) and item.kind == "text":
                place = (item.turn, item.step, item.attempt)
                self.texts[place] = self.texts.get(place, "")[: item.offset] + item.text
            elif isinstance(item, Reconnecting):
                self.losses += 1
            async with self.changed:
                self.changed.notify_all()

    async def until(self, condition: "Callable[[Seen], bool]", seconds: float = LIMIT_SECONDS) -> None:
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(lambda: condition(self))

    def ended(self) -> bool:
        return any(isinstance(record.event, TurnEnded) for record in self.records)

    def last_text(self) -> str:
        return self.texts[max(self.texts)] if self.texts else ""


@asynccontextmanager
async def attached(server: RealServer, session_id: str) -> AsyncIterator[Seen]:
    """A client that watches the session, and has its first record when the block begins.

    A watch that connected only after an answer would show its record and no pieces of it.
    """
    seen = Seen()
    async with server.client() as client:
        following = asyncio.ensure_future(seen.follow(client, session_id))
        try:
            await seen.until(lambda s: bool(s.records))
            yield seen
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


def whole(records: list[Record]) -> None:
    """Each record once, in order."""
    assert [record.seq for record in records] == list(range(1, len(records) + 1))


def same(seen: list[Record], stored: list[Record]) -> None:
    """What was seen is what is stored, as far as it goes; a client is not told which records were appended together."""
    assert seen == [replace(record, tx=None) for record in stored[: len(seen)]]
