"""A listener on a source that a test holds in its hand: what is delivered, what is durable, what is kept in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from duragent.errors import SessionNotFound, Unavailable
from duragent.journal.events import SessionRenamed, TurnEnded
from duragent.journal.record import Record
from duragent.subscribers import base
from duragent.subscribers.base import LogListener, LogPart, Positions
from tests.support.until import until

OTHER = TurnEnded(turn="t", outcome="completed")


@dataclass
class Logs:
    """Streams by name, as `LogSource` gives them. `reads` are the streams that were read."""

    streams: dict[str, list[Record]] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    oldest: int = 1

    def head(self, stream: str) -> int:
        records = self.streams.get(stream)
        return records[-1].seq if records else 0

    def commit(self, stream: str, *titles: str) -> int:
        """A record for each title ("" is one that does not concern the listener); returns the head."""
        for title in titles:
            event = SessionRenamed(title=title) if title else OTHER
            self.streams.setdefault(stream, []).append(Record(self.head(stream) + 1, "2026-01-01", event))
        return self.head(stream)

    async def part(self, stream: str, after: int, limit: int) -> LogPart:
        self.reads.append(stream)
        await asyncio.sleep(0)
        if stream in self.broken:
            raise Unavailable("the disk failed")
        if stream not in self.streams:
            raise SessionNotFound(stream)
        behind = [record for record in self.streams[stream] if record.seq > max(after, self.oldest - 1)]
        return LogPart("assistant", behind[:limit])


class Titles(LogListener):
    """Delivers titles into a list; `gate` holds each delivery until it is set."""

    def __init__(self, positions: Positions) -> None:
        super().__init__(positions)
        self.delivered: list[tuple[str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = 0

    def concerns(self, record: Record) -> bool:
        return isinstance(record.event, SessionRenamed)

    async def deliver(self, stream: str, agent: str, record: Record) -> None:
        assert isinstance(record.event, SessionRenamed)
        self.begun += 1
        await self.gate.wait()
        if record.event.title == "boom":
            raise RuntimeError(record.event.title)
        self.delivered.append((stream, record.event.title or ""))


class InMemory(Positions):
    """Positions without files, for very many streams."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.saved: dict[str, int] = {}

    async def load(self) -> dict[str, int]:
        return dict(self.saved)

    async def save(self, stream: str, after: int) -> None:
        self.saved[stream] = after

    async def remove(self, stream: str) -> None:
        del self.saved[stream]


class Full(InMemory):
    """A disk that takes nothing."""

    async def save(self, stream: str, after: int) -> None:
        raise OSError(28, "No space left on device")


@asynccontextmanager
async def running(listener: LogListener, logs: Logs) -> AsyncIterator[None]:
    """Leaving is a kill, as far as the listener can tell."""
    task = asyncio.create_task(listener.run(logs))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def commit(listener: LogListener, logs: Logs, stream: str, *titles: str) -> None:
    """As a session does it for records that concern the listener."""
    async with listener.expecting(stream, logs.head(stream)):
        head = logs.commit(stream, *titles)
        listener.told(stream, head)


def files(folder: Path) -> dict[str, str]:
    """The positions that are there, by name; a file that is just being replaced is seen as it was or as it is."""
    names = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.exists() else []
    with suppress(FileNotFoundError):
        return {path.name: path.read_text() for path in names}
    return {}


async def test_record_that_concerns_the_listener_is_delivered_and_its_position_goes(tmp_path: Path) -> None:
    listener, logs = Titles(Positions(tmp_path / "p")), Logs()
    async with running(listener, logs):
        logs.commit("s1", "", "")
        await commit(listener, logs, "s1", "one", "", "two")
        await until(lambda: listener.delivered == [("s1", "one"), ("s1", "two")])
        await until(lambda: files(tmp_path / "p") == {})


async def test_without_records_that_concern_it_a_listener_reads_and_writes_nothing(tmp_path: Path) -> None:
    listener, logs = Titles(Positions(tmp_path / "p")), Logs()
    async with running(listener, logs):
        for _ in range(100):
            listener.told("s1", logs.commit("s1", ""))
            await asyncio.sleep(0)
    assert (logs.reads, listener.delivered) == ([], [])
    assert not (tmp_path / "p").exists()


async def test_position_is_durable_before_the_commit(tmp_path: Path) -> None:
    listener, logs = Titles(Positions(tmp_path / "p")), Logs()
    logs.commit("s1", "", "")
    async with listener.expecting("s1", 2):
        assert files(tmp_path / "p") == {"s1": "2\n"}


async def test_killed_between_commit_and_delivery_the_next_process_delivers(tmp_path: Path) -> None:
    logs = Logs()
    killed = Titles(Positions(tmp_path / "p"))
    logs.commit("s1", "before")
    await commit(killed, logs, "s1", "one")
    again = Titles(Positions(tmp_path / "p"))
    async with running(again, logs):
        await until(lambda: again.delivered == [("s1", "one")])
        await until(lambda: files(tmp_path / "p") == {})


async def test_killed_during_a_delivery_the_next_process_delivers_that_one_again(tmp_path: Path) -> None:
    logs = Logs()
    killed = Titles(Positions(tmp_path / "p"))
    async with running(killed, logs):
        await commit(killed, logs, "s1", "one")
        await until(lambda: killed.delivered == [("s1", "one")])
        killed.gate.clear()
        await commit(killed, logs, "s1", "two")
        await until(lambda: killed.begun == 2)
    again = Titles(Positions(tmp_path / "p"))
    async with running(again, logs):
        await until(lambda: again.delivered == [("s1", "two")])


async def test_killed_before_the_commit_the_next_process_delivers_nothing(tmp_path: Path) -> None:
    logs = Logs()
    logs.commit("s1", "old")
    await Positions(tmp_path / "p").save("s1", 1)
    again = Titles(Positions(tmp_path / "p"))
    async with running(again, logs):
        await until(lambda: logs.reads == ["s1"])
        await until(lambda: files(tmp_path / "p") == {})
    assert again.delivered == []


async def test_commit_that_begins_while_another_is_delivered_keeps_the_position(tmp_path: Path) -> None:
    listener, logs = Titles(Positions(tmp_path / "p")), Logs()
    async with running(listener, logs):
        async with listener.expecting("s1", 0):
            await commit(listener, logs, "s1", "one")
            await until(lambda: listener.delivered == [("s1", "one")])
            # The listener has read all there is, and gone on to another stream.
            await until(lambda: logs.reads.count("s1") == 2)
            await commit(listener, logs, "s2", "other")
            await until(lambda: listener.delivered[1:] == [("s2", "other")])
            await until(lambda: "s2" not in files(tmp_path / "p"))
            assert files(tmp_path / "p") == {"s1": "1\n"}
            listener.told("s1", logs.commit("s1", "two"))
        await until(lambda: listener.delivered[2:] == [("s1", "two")])
        await until(lambda: files(tmp_path / "p") == {})


async def test_commit_that_comes_during_the_last_read_is_delivered(tmp_path: Path) -> None:
    class Late(Logs):
        """The listener finds nothing more, and a commit comes before it knows."""

        async def part(self, stream: str, after: int, limit: int) -> LogPart:
            part = await super().part(stream, after, limit)
            if not part.records and self.head(stream) == 1:
                await commit(listener, self, stream, "two")
            return part

    listener, logs = Titles(Positions(tmp_path / "p")), Late()
    async with running(listener, logs):
        await commit(listener, logs, "s1", "one")
        await until(lambda: listener.delivered == [("s1", "one"), ("s1", "two")])


async def test_memory_holds_ten_thousand_dirty_streams_and_none_of_their_records() -> None:
    positions = InMemory()
    listener, logs = Titles(positions), Logs()
    names = [f"s{number}" for number in range(10_000)]
    for name in names:
        logs.streams[name] = [Record(1, "2026-01-01", SessionRenamed(title="x"))]
        positions.saved[name] = 0
    listener.gate.clear()
    async with running(listener, logs):
        await until(lambda: listener.begun == 1)
        for name in names:
            for head in (1, 2, 3):
                listener.told(name, head)
        # One stream is read, and one record of it is under way; all others wait as names.
        assert (logs.reads, listener.begun, listener.waiting) == ([names[0]], 1, 10_000)
        listener.gate.set()
        await until(lambda: len(listener.delivered) == 10_000)
    assert set(listener.delivered) == {(name, "x") for name in names}


async def test_slow_delivery_holds_no_commit_up(tmp_path: Path) -> None:
    listener, logs = Titles(Positions(tmp_path / "p")), Logs()
    listener.gate.clear()
    async with running(listener, logs):
        for number in range(20):
            await commit(listener, logs, "s1", str(number))
        assert listener.delivered == []
        listener.gate.set()
        await until(lambda: [title for _, title in listener.delivered] == [str(number) for number in range(20)])


async def test_position_of_a_stream_that_is_gone_is_removed(tmp_path: Path) -> None:
    await Positions(tmp_path / "p").save("s1", 7)
    listener, logs = Titles(Positions(tmp_path / "p")), Logs()
    async with running(listener, logs):
        await until(lambda: logs.reads == ["s1"])
        await until(lambda: files(tmp_path / "p") == {})


async def test_position_before_the_oldest_record_goes_on_with_that(tmp_path: Path) -> None:
    logs = Logs(oldest=3)
    logs.commit("s1", "compacted", "compacted", "kept")
    await Positions(tmp_path / "p").save("s1", 1)
    listener = Titles(Positions(tmp_path / "p"))
    async with running(listener, logs):
        await until(lambda: listener.delivered == [("s1", "kept")])


async def test_position_ahead_of_another_log_of_that_name_is_taken_back(tmp_path: Path) -> None:
    await Positions(tmp_path / "p").save("s1", 50)
    listener, logs = Titles(Positions(tmp_path / "p")), Logs(broken={"s1"})
    async with running(listener, logs):
        await until(lambda: logs.reads == ["s1"])
        logs.broken.clear()
        await commit(listener, logs, "s1", "one")
        await until(lambda: listener.delivered == [("s1", "one")])


async def test_stream_that_cannot_be_read_waits_until_it_is_told_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    listener, logs = Titles(Positions(tmp_path / "p")), Logs(broken={"s1"})
    async with running(listener, logs):
        await commit(listener, logs, "s1", "one")
        await until(lambda: "the disk failed" in caplog.text)
        assert files(tmp_path / "p") == {"s1": "0\n"}
        logs.broken.clear()
        listener.told("s1", logs.head("s1"))
        await until(lambda: listener.delivered == [("s1", "one")])


async def test_position_that_cannot_be_written_holds_nothing_up_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listener, logs = Titles(Full()), Logs()
    async with running(listener, logs):
        await commit(listener, logs, "s1", "one")
        await until(lambda: listener.delivered == [("s1", "one")])
    assert "a crash may lose deliveries" in caplog.records[0].getMessage()


async def test_delivery_with_an_unexpected_fault_does_not_end_the_listener(tmp_path: Path) -> None:
    listener, logs = Titles(Positions(tmp_path / "p")), Logs()
    async with running(listener, logs):
        await commit(listener, logs, "s1", "boom", "two")
        await until(lambda: listener.delivered == [("s1", "two")])


async def test_long_stream_is_read_a_few_records_at_a_time_in_turn_with_others() -> None:
    listener, logs = Titles(InMemory()), Logs()
    await commit(listener, logs, "long", *[""] * (2 * base.BATCH), "late")
    await commit(listener, logs, "short", "soon")
    async with running(listener, logs):
        await until(lambda: listener.delivered == [("short", "soon"), ("long", "late")])


@pytest.mark.parametrize("text", ["", "x\n", "-1\n", "1e3\n", "٣\n", "9" * 100, "\xff"])
async def test_file_that_holds_no_position_counts_as_absent(tmp_path: Path, text: str) -> None:
    (tmp_path / "s1").write_text(text, encoding="latin-1" if text == "\xff" else "utf-8")
    assert await Positions(tmp_path).load() == {}


async def test_positions_come_back_and_what_is_no_stream_is_left_out(tmp_path: Path) -> None:
    positions = Positions(tmp_path / "a" / "b")
    await positions.save("s1", 3)
    await positions.save("s2", 4)
    await positions.save("s1", 5)
    (tmp_path / "a" / "b" / ".s1.new").write_text("9\n")
    (tmp_path / "a" / "b" / "link").symlink_to("s1")
    assert await positions.load() == {"s1": 5, "s2": 4}
    await positions.remove("s2")
    assert await positions.load() == {"s1": 5}
