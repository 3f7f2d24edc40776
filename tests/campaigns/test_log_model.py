"""The files store against a list of lines: whatever happens to it, in any order, it is what the list is."""

import asyncio
import contextlib
import errno
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import Literal, TypeVar

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from duragent.errors import SeqConflict, SessionNotFound, StoreFull, Unavailable
from duragent.stores.base import Claim
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from tests.campaigns.campaign import Campaign
from tests.support.logs import SESSION, FaultyDisk, lines_of, message

T = TypeVar("T")
DONE: Counter[str] = Counter()
ERRORS = st.sampled_from([errno.ENOSPC, errno.EIO, errno.EDQUOT])


class SyncFaultDisk(FaultyDisk):
    """Besides, only syncs of files may fail."""

    sync_fails: Literal["", "once", "always"] = ""

    def fail_syncs(self, *, lasting: bool) -> None:
        self.sync_fails = "always" if lasting else "once"

    def heal(self) -> None:
        super().heal()
        self.sync_fails = ""

    def sync(self, fd: int) -> None:
        super().sync(fd)
        if self.sync_fails:
            self.sync_fails = "always" if self.sync_fails == "always" else ""
            raise OSError(errno.EIO, os.strerror(errno.EIO))


class FileStoreMachine(RuleBasedStateMachine):
    """`lines` is what was acknowledged. `offered` is an append that failed or was cut short: it may be there or not."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="duragent-model-"))
        self.runner = asyncio.Runner()
        self.disk = SyncFaultDisk()
        self.store = self._store()
        self.claim: Claim | None = None
        self.lines: list[bytes] = []
        self.snapshot: bytes | None = None
        self.number = 0

    def _store(self) -> FileStore:
        store = FileStore(self.root, disk=self.disk, rotation=Rotation(events=7))
        store.open()
        return store

    def do(self, work: Awaitable[T]) -> T:
        DONE[getattr(work, "__name__", "")] += 1  # each store method is a coroutine function

        async def run() -> T:
            return await work

        return self.runner.run(run())

    def teardown(self) -> None:
        self.store.close()
        self.runner.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def new(self, count: int, size: int = 3) -> list[bytes]:
        self.number += 1
        happened = [message(f"{self.number}.{each} " + "x" * size) for each in range(count)]
        return lines_of(len(self.lines) + 1, happened)

    def open(self, offered: list[bytes] | None = None) -> None:
        """Take the session over, and see what became of an append that was not acknowledged: all of it, or nothing."""
        try:
            self.claim = self.do(self.store.claim(SESSION))
        except SessionNotFound:
            assert not self.lines
            self.claim = None
            return
        assert self.claim.damage is None
        if offered and self.claim.head == len(self.lines) + len(offered):
            self.lines += offered
        self.check()

    def check(self) -> None:
        assert self.claim is not None
        assert self.claim.head == len(self.lines)
        found, after = b"", 0
        while block := self.do(self.store.read(self.claim, after, 1000)):
            found, after = found + block, after + block.count(b"\n")
        assert found == b"".join(self.lines)

    # --- what a session does ----------------------------------------------------------------------------------------

    @initialize()
    def first(self) -> None:
        self.create()

    @precondition(lambda self: self.claim is None)
    @rule()
    def create(self) -> None:
        self.lines = []
        first = self.new(1)
        self.claim = self.do(self.store.create(SESSION, first))
        self.lines = first

    @precondition(lambda self: self.claim is not None)
    @rule(count=st.integers(1, 4), size=st.sampled_from([0, 10, 300, 70_000]))
    def append(self, count: int, size: int) -> None:
        assert self.claim is not None
        lines = self.new(count, size)
        self.do(self.store.append(self.claim, lines, expect=len(self.lines)))
        self.lines += lines

    @precondition(lambda self: self.claim is not None)
    @rule(wrong=st.sampled_from([-1, 1, 5]))
    def append_in_the_wrong_place(self, wrong: int) -> None:
        assert self.claim is not None
        with pytest.raises(SeqConflict):
            self.do(self.store.append(self.claim, self.new(1), expect=len(self.lines) + wrong))

    @precondition(lambda self: self.claim is not None)
    @rule(after=st.integers(0, 40), limit=st.integers(1, 12))
    def read(self, after: int, limit: int) -> None:
        assert self.claim is not None
        block = self.do(self.store.read(self.claim, after, limit))
        wanted = b"".join(self.lines[after : after + limit])
        assert wanted.startswith(block)
        assert bool(block) == bool(wanted)

    @precondition(lambda self: self.claim is not None)
    @rule(before=st.one_of(st.none(), st.integers(0, 40)), limit=st.integers(1, 12))
    def read_back(self, before: int | None, limit: int) -> None:
        assert self.claim is not None
        block = self.do(self.store.read_back(self.claim, before, limit))
        known = self.lines if before is None else self.lines[: max(0, before - 1)]
        wanted = b"".join(known[-limit:])
        assert wanted.endswith(block)
        assert bool(block) == bool(wanted)

    @precondition(lambda self: self.claim is not None)
    @rule(size=st.sampled_from([0, 1, 500, 100_000]))
    def save_a_snapshot(self, size: int) -> None:
        assert self.claim is not None
        self.number += 1
        self.snapshot = b"%d" % self.number + b"x" * size
        self.do(self.store.put_snapshot(self.claim, self.snapshot))

    @precondition(lambda self: len(self.lines) > 6)
    @rule()
    def delete(self) -> None:
        self.do(self.store.delete(SESSION))
        self.lines, self.claim, self.snapshot = [], None, None

    # --- what happens to it -----------------------------------------------------------------------------------------

    @precondition(lambda self: self.claim is not None)
    @rule(count=st.integers(1, 4), nth=st.integers(1, 9), error=ERRORS, lasting=st.booleans())
    def append_on_a_failing_disk(self, count: int, nth: int, error: int, lasting: bool) -> None:
        assert self.claim is not None
        lines = self.new(count)
        self.disk.fail(nth, error, lasting=lasting)
        try:
            self.do(self.store.append(self.claim, lines, expect=len(self.lines)))
            self.lines += lines
            self.disk.heal()
        except StoreFull:
            self.disk.heal()
            self.check()
        except Unavailable:
            self.disk.heal()
            self.open(lines)

    @precondition(lambda self: self.claim is not None)
    @rule(count=st.integers(1, 4), lasting=st.booleans())
    def append_when_syncing_fails(self, count: int, lasting: bool) -> None:
        """The bytes are written, and the kernel says that they did not reach the disk."""
        assert self.claim is not None
        lines = self.new(count)
        self.disk.fail_syncs(lasting=lasting)
        try:
            self.do(self.store.append(self.claim, lines, expect=len(self.lines)))
            self.lines += lines
        except StoreFull:
            self.disk.heal()
            self.check()
        except Unavailable:
            self.disk.heal()
            self.open(lines)
        self.disk.heal()

    @precondition(lambda self: self.claim is not None)
    @rule(nth=st.integers(1, 5), error=ERRORS, lasting=st.booleans())
    def save_a_snapshot_on_a_failing_disk(self, nth: int, error: int, lasting: bool) -> None:
        """It is the old one or the new one, whole; and what an append needs is not touched."""
        assert self.claim is not None
        self.number += 1
        offered = b"%d" % self.number
        self.disk.fail(nth, error, lasting=lasting)
        with contextlib.suppress(OSError, StoreFull, Unavailable):
            self.do(self.store.put_snapshot(self.claim, offered))
        self.disk.heal()
        found = self.do(self.store.get_snapshot(SESSION))
        assert found in (self.snapshot, offered)
        self.snapshot = found
        self.open()

    @precondition(lambda self: self.claim is not None)
    @rule()
    def reopen(self) -> None:
        assert self.claim is not None
        self.do(self.store.release(self.claim))
        self.open()

    @precondition(lambda self: self.claim is not None)
    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self._store()
        self.open()

    @precondition(lambda self: self.claim is not None)
    @rule(count=st.integers(1, 4), data=st.data())
    def crash_in_an_append(self, count: int, data: st.DataObject) -> None:
        """The process dies: the store object is dropped, and the log has some of the bytes of the last append."""
        whole = b"".join(lines := self.new(count))
        cut = data.draw(st.integers(0, len(whole)))
        self.store.close()
        with (self.root / SESSION / "events.jsonl").open("ab") as log:
            log.write(whole[:cut])
        self.store = self._store()
        self.open(lines if cut == len(whole) else None)
        assert self.claim is not None
        if 0 < cut < len(whole):
            assert self.claim.torn is not None
            saved = (self.root / SESSION / self.claim.torn.saved_as).read_bytes()
            assert saved
            assert whole[:cut].endswith(saved)

    @precondition(lambda self: self.claim is not None and (self.root / SESSION / "events.jsonl").stat().st_size > 0)
    @rule()
    def crash_in_a_change_of_files(self) -> None:
        folder = self.root / SESSION
        first = int((folder / "events.jsonl").read_bytes()[7:].split(b",")[0])
        self.store.close()
        os.rename(folder / "events.jsonl", folder / f"events-{first}.jsonl")
        self.store = self._store()
        self.open()

    @invariant()
    def log_verifies_and_is_listed(self) -> None:
        listed = [each.stream_id for each in self.do(self.store.list_streams())]
        assert listed == ([SESSION] if self.claim else [])
        try:
            self.do(self.store.verify(SESSION))
        except SessionNotFound:
            assert self.claim is None

    @invariant()
    def snapshot_is_the_one_that_was_saved_last(self) -> None:
        assert self.do(self.store.get_snapshot(SESSION)) == self.snapshot

    @invariant()
    def newest_record_is_the_one_that_was_acknowledged_last(self) -> None:
        if self.claim is not None:
            assert self.do(self.store.read_back(self.claim, None, 1)) == self.lines[-1]


def search(campaign: Campaign, numbers: range, examples: int, steps: int) -> None:
    """Hypothesis chooses the steps; the number of a case is its seed."""
    for number in campaign.cases(numbers):
        with campaign.case(number):
            how = settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            run_state_machine_as_test(hypothesis.seed(number)(FileStoreMachine), settings=how)
    shown = {name: DONE[name] for name in ("create", "append", "claim", "put_snapshot", "delete", "read", "verify")}
    print(f"the store was asked {DONE.total()} times: {shown}")  # noqa: T201  # a campaign says what it did
    assert campaign.only is not None or DONE["append"] > examples


def test_files_store_is_what_the_model_is(campaign: Campaign) -> None:
    search(campaign, range(1), examples=25, steps=30)


@pytest.mark.campaign
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shard", range(2))
def test_files_store_is_what_the_model_is_after_a_long_search(campaign: Campaign, shard: int) -> None:
    search(campaign, range(1 + 5 * shard, 6 + 5 * shard), examples=100, steps=40)
