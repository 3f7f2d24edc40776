"""The writer of one log: durable, then true, then told; what a write that fails means for the next one."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from duragent.bus import Block, OutputDelta, Topic
from duragent.errors import Fenced, SessionDeleted, StoreFull, Unavailable
from duragent.journal.events import Event, SessionRenamed
from duragent.journal.line import crc_of
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.session.fold import SESSION_FOLD, SessionWriter
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.streams.log_writer import FULL_SECONDS, WriterHooks
from duragent.testing import FakeClock
from tests.support.ports import begun, ports_to


class Store(MemoryStore):
    """Keeps how many lines each append had; `gate` holds each one up, `errors` fail the first ones."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.errors: list[Exception] = []
        self.appended: Callable[[], None] = lambda: None
        self.gate = asyncio.Event()
        self.gate.set()

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        await super().append(claim, lines, expect=expect)
        self.sizes.append(len(lines))
        self.appended()


@dataclass
class Desk(Topic):
    """A writer, and what it told: (what happened, the seq of its state then)."""

    store: Store
    clock: FakeClock
    told: list[tuple[str, int]] = field(default_factory=list)
    failures: int = 0
    closed: bool = False

    async def open(self, folder: Path) -> SessionWriter:
        claim, state = await begun(self.store)
        self.store.appended = lambda: self._tell("appended")
        hooks: WriterHooks[Record] = WriterHooks(lambda _: self._tell("written"), self._failed)
        ports = ports_to(self.store, folder, clock=self.clock)
        self.writer = SessionWriter(ports, SESSION_FOLD, claim, state, self, hooks)
        return self.writer

    def publish(self, item: Block | OutputDelta) -> None:
        self._tell("published")

    def close(self) -> None:
        self.closed = True

    def _tell(self, what: str) -> None:
        self.told.append((what, self.writer.state.seq))

    def _failed(self) -> None:
        assert self.writer.problem is not None
        self.failures += 1


@pytest.fixture
def desk() -> Desk:
    return Desk(Store(), FakeClock())


def rename(title: str) -> Callable[[SessionState], Sequence[Event]]:
    return lambda _: [SessionRenamed(title=title)]


async def test_records_are_durable_before_they_are_true_and_true_before_they_are_told(
    tmp_path: Path, desk: Desk
) -> None:
    writer = await desk.open(tmp_path)
    assert writer.snapshot() is None
    records = await writer.commit(rename("a"))
    # The log's first record was by no process: this one says first that it owns the log.
    assert [(record.seq, record.event.type) for record in records] == [(2, "owner_claimed"), (3, "session_renamed")]
    assert desk.told == [("appended", 1), ("published", 3), ("written", 3)]
    last = await desk.store.read_back(writer.claim, None, 1)
    newest = writer.snapshot()
    assert newest is not None
    assert (newest.state.title, newest.last_crc) == ("a", crc_of(last))


async def test_decision_without_events_writes_nothing(tmp_path: Path, desk: Desk) -> None:
    writer = await desk.open(tmp_path)
    assert await writer.commit(lambda _: []) == []
    assert (desk.told, desk.store.sizes, writer.snapshot()) == ([], [], None)
    assert [record.event.type for record in await writer.commit(lambda _: [], claim=True)] == ["owner_claimed"]


async def test_decisions_that_come_during_a_write_go_into_the_next_one(tmp_path: Path, desk: Desk) -> None:
    writer = await desk.open(tmp_path)
    await writer.commit(rename("first"))
    desk.store.gate.clear()
    commits = [asyncio.ensure_future(writer.commit(rename("a")))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    commits += [asyncio.ensure_future(writer.commit(rename(title))) for title in ("b", "c", "d")]
    await asyncio.sleep(0)
    assert (writer.writing, writer.busy) == (True, True)
    desk.store.gate.set()
    assert [len(records) for records in await asyncio.gather(*commits)] == [1, 1, 1, 1]
    assert (desk.store.sizes, writer.state.title) == ([2, 1, 3], "d")
    await asyncio.sleep(0)
    assert (writer.writing, writer.busy) == (False, False)


async def test_full_store_refuses_this_decision_and_takes_the_next(tmp_path: Path, desk: Desk) -> None:
    writer = await desk.open(tmp_path)
    for end in ("a write", "time"):
        desk.store.errors = [StoreFull("no room")]
        with pytest.raises(StoreFull):
            await writer.commit(rename("lost"))
        assert (writer.problem, writer.trouble, writer.state.title == "lost") == (None, "no room", False)
        if end == "a write":
            await writer.commit(rename("kept"))
        else:
            desk.clock.jump(FULL_SECONDS + 1)
        assert writer.trouble is None
    assert (desk.failures, desk.closed) == (0, False)


@pytest.mark.parametrize(
    ("error", "problem", "of_the_store"),
    [
        (Unavailable("the disk is gone"), "the disk is gone", True),
        (Fenced("another writer has it"), "another writer has it", False),
        (RuntimeError("a fault of ours"), "cannot be written: a fault of ours", True),
    ],
)
async def test_log_that_cannot_be_written_takes_nothing_more(
    tmp_path: Path, desk: Desk, error: Exception, problem: str, of_the_store: bool
) -> None:
    writer = await desk.open(tmp_path)
    await writer.commit(rename("kept"))
    desk.store.errors = [error]
    for _ in range(2):
        with pytest.raises((Unavailable, Fenced), match=problem):
            await writer.commit(rename("lost"))
    assert problem in str(writer.problem)
    assert writer.trouble == (str(writer.problem) if of_the_store else None)
    assert (writer.state.title, writer.snapshot(), desk.failures, desk.closed) == ("kept", None, 1, True)


async def test_claim_that_is_over_because_of_a_deletion_is_no_fault(tmp_path: Path, desk: Desk) -> None:
    writer = await desk.open(tmp_path)
    writer.deleting = True
    desk.store.errors = [Fenced("it was deleted")]
    with pytest.raises(SessionDeleted):
        await writer.commit(rename("late"))
    assert (writer.problem, desk.failures, desk.closed) == (None, 0, False)
