"""The check of listeners finds each promise that is broken."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from duragent.journal.events import SessionRenamed
from duragent.journal.record import Record
from duragent.subscribers.base import LogListener
from duragent.testing import check_listener


class Good(LogListener):
    sent = 0
    """Deliveries of all listeners of a class."""

    def concerns(self, record: Record) -> bool:
        return isinstance(record.event, SessionRenamed)

    async def deliver(self, stream: str, agent: str, record: Record) -> None:
        type(self).sent += 1


class Deaf(Good):
    def concerns(self, record: Record) -> bool:
        return False


class Greedy(Good):
    def told(self, stream: str, head: int) -> None:
        self._after.setdefault(stream, 0)
        super().told(stream, head)


class Forgetful(Good):
    @asynccontextmanager
    async def expecting(self, stream: str, after: int) -> AsyncIterator[None]:
        self._after.setdefault(stream, after)
        yield


def _check(kind: type[Good], folder: Path, limit_seconds: float) -> Awaitable[None]:
    kind.sent = 0
    return check_listener(
        kind,
        event=SessionRenamed(title="x"),
        delivered=lambda: kind.sent,
        folder=folder,
        limit_seconds=limit_seconds,
    )


async def test_good_listener_passes(tmp_path: Path) -> None:
    await check_listener(Good, event=SessionRenamed(title="x"), delivered=lambda: Good.sent, folder=tmp_path)


@pytest.mark.parametrize(
    ("kind", "problem", "limit_seconds"),
    [
        (Deaf, "a record that concerns it is not delivered", 0.2),
        (Greedy, "it reads a stream without a record that concerns it", 30),
        (Forgetful, "its position is not durable before the record is", 30),
    ],
)
async def test_broken_promise_is_named(tmp_path: Path, kind: type[Good], problem: str, limit_seconds: float) -> None:
    with pytest.raises(AssertionError, match=problem):
        await _check(kind, tmp_path, limit_seconds)
