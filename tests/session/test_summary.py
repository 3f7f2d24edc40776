"""When the summary of a session is written, and that it is only a cache."""

import asyncio
from pathlib import Path

import pytest

from duragent.errors import StoreFull
from duragent.journal import snapshot
from duragent.journal.snapshot import Snapshot
from duragent.journal.state import SessionState
from duragent.session.summary import Summary
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from tests.support.logs import SESSION
from tests.support.ports import begun, ports_to


class Counting(MemoryStore):
    """Keeps the seqs of the summaries that were written; `gate` holds each write up, `errors` fail the first ones."""

    def __init__(self) -> None:
        super().__init__()
        self.seqs: list[int] = []
        self.errors: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def put_snapshot(self, claim: Claim, data: bytes) -> None:
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        await super().put_snapshot(claim, data)
        written = snapshot.load(data, SESSION)
        assert written is not None
        self.seqs.append(written.state.seq)


def at(seq: int) -> Snapshot[SessionState]:
    return Snapshot(SessionState(SESSION, seq=seq), "0badcafe")


async def finished(summary: Summary) -> None:
    assert summary.task is not None
    await summary.task


@pytest.mark.parametrize(
    ("newest", "written"), [(None, []), (at(2), []), (at(3), []), (at(4), [4])], ids=["none", "older", "same", "newer"]
)
async def test_only_a_newer_state_is_written(
    tmp_path: Path, newest: Snapshot[SessionState] | None, written: list[int]
) -> None:
    store = Counting()
    claim, _ = await begun(store)
    summary = Summary(ports_to(store, tmp_path), claim, 3, lambda: newest)
    summary.write_soon()
    await finished(summary)
    summary.write_soon()
    await finished(summary)
    assert store.seqs == written


async def test_calls_during_a_write_become_one_more_write_of_the_newest_state(tmp_path: Path) -> None:
    store, newest = Counting(), [at(2)]
    claim, _ = await begun(store)
    summary = Summary(ports_to(store, tmp_path), claim, 1, lambda: newest[0])
    store.gate.clear()
    summary.write_soon()
    await asyncio.sleep(0)
    for seq in (3, 4, 5):
        newest[0] = at(seq)
        summary.write_soon()
    store.gate.set()
    await finished(summary)
    assert store.seqs == [2, 5]


@pytest.mark.parametrize("error", [StoreFull("no room"), OSError("an odd disk")])
async def test_failed_write_is_logged_and_the_next_one_writes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    store = Counting()
    store.errors = [error]
    claim, _ = await begun(store)
    summary = Summary(ports_to(store, tmp_path), claim, 1, lambda: at(2))
    summary.write_soon()
    await finished(summary)
    assert (store.seqs, caplog.messages) == ([], [f"state.yaml of session {SESSION} was not written: {error}"])
    summary.write_soon()
    await finished(summary)
    assert store.seqs == [2]
