"""Whether a listener keeps the promises of `duragent.subscribers.base`: the suite that every one on that shelf passes.

For a listener of your own, one test is enough:

    async def test_my_listener_keeps_the_contract(tmp_path):
        sent = []
        await check_listener(
            lambda positions: MyListener(positions, sent.append),
            event=..., delivered=lambda: len(sent), folder=tmp_path,
        )

`make_listener` gives a new listener on these positions, `event` is one that concerns it, and `delivered` counts the
deliveries of all listeners that were made. The first broken promise raises AssertionError.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from duragent.errors import SessionNotFound
from duragent.journal.events import Event, SessionResumed
from duragent.journal.record import Record
from duragent.subscribers.base import LogListener, LogPart, Positions

STREAM, QUIET, AGENT, TS = "session_contract", "session_quiet", "assistant", "2026-01-01T00:00:00.000Z"


class StreamsInMemory:
    """A `LogSource` to which a test adds records."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Record]] = {}
        """By name, oldest record first."""
        self.reads: list[str] = []
        """The streams that were read, in order."""

    def head(self, stream: str) -> int:
        """The seq of the newest record; 0 without records."""
        records = self.streams.get(stream)
        return records[-1].seq if records else 0

    def add(self, stream: str, event: Event) -> int:
        """Append a record; returns the new head."""
        self.streams.setdefault(stream, []).append(Record(self.head(stream) + 1, TS, event))
        return self.head(stream)

    async def part(self, stream: str, after: int, limit: int) -> LogPart:
        """See `LogSource`."""
        self.reads.append(stream)
        await asyncio.sleep(0)
        if stream not in self.streams:
            raise SessionNotFound(stream)
        return LogPart(AGENT, [record for record in self.streams[stream] if record.seq > after][:limit])


async def check_listener(
    make_listener: Callable[[Positions], LogListener],
    *,
    event: Event,
    delivered: Callable[[], int],
    folder: Path,
    limit_seconds: float = 30.0,
) -> None:
    """Try every promise, and wait so long at most for each delivery. Raises AssertionError."""

    async def until(condition: Callable[[], bool], problem: str) -> None:
        try:
            async with asyncio.timeout(limit_seconds):
                while not condition():  # noqa: ASYNC110 - the listener is not ours, and says nothing of what it does
                    await asyncio.sleep(0.001)
        except TimeoutError:
            raise AssertionError(problem) from None

    positions, source = Positions(folder / "positions"), StreamsInMemory()
    async with running(make_listener(positions), source) as listener:
        for _ in range(3):
            listener.told(QUIET, source.add(QUIET, SessionResumed()))
        assert not await positions.load(), "it has a position without a record that concerns it"
        await commit(listener, source, event)
        await until(lambda: delivered() == 1, "a record that concerns it is not delivered")
        assert QUIET not in source.reads, "it reads a stream without a record that concerns it"
        await until(lambda: not _files(folder), "its position stays when there is nothing more to deliver")
    killed = make_listener(positions)
    await commit(killed, source, event)
    assert STREAM in await positions.load(), "its position is not durable before the record is"
    async with running(make_listener(positions), source):
        await until(lambda: delivered() == 2, "after a kill before the delivery the next process does not deliver")
    async with running(make_listener(positions), source):
        await asyncio.sleep(0)
    assert delivered() == 2, "what was delivered is delivered again without a crash"


def _files(folder: Path) -> list[Path]:
    """The positions on disk. A listener that has saved none yet has no folder."""
    return list((folder / "positions").glob("*"))


@asynccontextmanager
async def running(listener: LogListener, source: StreamsInMemory) -> AsyncIterator[LogListener]:
    """Run it in the block. Leaving is a kill, as far as the listener can tell."""
    task = asyncio.create_task(listener.run(source))
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def commit(listener: LogListener, source: StreamsInMemory, event: Event) -> None:
    """As a session does it with a record that concerns the listener."""
    async with listener.expecting(STREAM, source.head(STREAM)):
        listener.told(STREAM, source.add(STREAM, event))
