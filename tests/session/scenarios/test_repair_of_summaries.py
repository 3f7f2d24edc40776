"""A damaged session that has summaries: after its repair each record that is left is told once, and it goes on so."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from duragent.journal.covered import ALL_SHOWN, Coverage, CoverageEvent, covered
from duragent.journal.events import HistorySummarised, LogRecovered
from duragent.journal.record import Record
from duragent.session.stored_log import SessionsLog
from duragent.stores.files.checkup import check
from duragent.stores.files.store import FileStore
from duragent.testing import FakeClock
from duragent.turn.rebuild import rebuild
from tests.session.scenarios.test_summaries import SMALL, all_of, answers, quiet, talk
from tests.support.house import House, open_house
from tests.support.logs import QuickDisk, spoil

TURNS = 64
START = datetime(2026, 11, 20, tzinfo=UTC)


@asynccontextmanager
async def house_in(folder: Path, days: int = 0) -> AsyncIterator[House]:
    store = FileStore(folder / "sessions", disk=QuickDisk())
    store.open()
    clock = FakeClock(START + timedelta(days=days), hurried=True)
    try:
        async with open_house(
            store, answers(TURNS), folder / "work", agent_rest=SMALL, node=f"node-{days}", clock=clock
        ) as house:
            yield house
    finally:
        store.close()


def assert_each_record_is_told_once(records: list[Record], coverage: Coverage) -> None:
    told = [seq for each in coverage.frontier for seq in range(each.first, each.last + 1)]
    assert told == list(range(1, coverage.boundary + 1))
    at = ALL_SHOWN
    for record in records:
        if isinstance(record.event, CoverageEvent):
            at = covered(at, record.seq, record.event)
    assert (coverage.boundary, coverage.frontier) == (at.boundary, at.frontier)
    there = {record.seq for record in records if isinstance(record.event, HistorySummarised)}
    assert {each.seq for each in coverage.frontier} <= there


async def test_what_is_left_is_told_once_wherever_the_log_was_damaged(tmp_path: Path) -> None:
    async with house_in(tmp_path / "whole") as house:
        session = await house.new()
        await talk(house, session, TURNS)
        summaries = [(r.seq, r.event) for r in await house.records(session) if isinstance(r.event, HistorySummarised)]
        assert {event.level for _, event in summaries} >= {1, 2}
    first, second = summaries[0], summaries[1]
    higher = next((seq, event) for seq, event in summaries if event.level == 2)
    covered_records = (first[1].last_seq // 2, (second[1].first_seq + second[1].last_seq) // 2)
    places = (*covered_records, first[0], second[0], second[0] + 1, higher[0], higher[0] + 1, summaries[-1][0])
    for at, bad in enumerate(places):
        shutil.copytree(tmp_path / "whole", folder := tmp_path / str(bad))
        if at % 2:
            (folder / "sessions" / session / "state.yaml").unlink(missing_ok=True)
        spoil(folder / "sessions" / session, bad)
        await assert_is_repaired(folder, session, bad)


async def assert_is_repaired(folder: Path, session: str, bad: int) -> None:
    async with house_in(folder, days=1) as house:
        assert await house.sessions.damage(session) is not None or check(folder / "sessions", session).damage
        repaired = (await house.sessions.repair(session)).viewport.coverage
        assert repaired.boundary < bad
        records = await house.records(session)
        assert any(isinstance(record.event, LogRecovered) and record.seq >= bad for record in records)
        # What the damage took away may be due again at once.
        await quiet(house, session)
        coverage = (await house.sessions.state(session)).viewport.coverage
        assert coverage.boundary >= repaired.boundary
        assert_each_record_is_told_once(await house.records(session), coverage)
        await talk(house, session, 16)
        state = await house.sessions.state(session)
        assert state.viewport.coverage.boundary > coverage.boundary
        records = await house.records(session)
        assert_each_record_is_told_once(records, state.viewport.coverage)
        again = await rebuild(SessionsLog(house.sessions, session), session, "assistant", state.seq)
        assert again.is_equal
        assert all_of(again.request.messages).count("[Before record ") == 1
        assert check(folder / "sessions", session).damage is None


async def test_summary_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    async with house_in(tmp_path) as house:
        session = await house.new()
        await talk(house, session, 24)
        summary = next(r for r in reversed(await house.records(session)) if isinstance(r.event, HistorySummarised))
    log = tmp_path / "sessions" / session / "events.jsonl"
    (log.parent / "state.yaml").unlink(missing_ok=True)
    data = log.read_bytes()
    at = data.index(b'{"seq":%d,' % summary.seq)
    log.write_bytes(data[: at + 40])
    async with house_in(tmp_path, days=1) as house:
        state = await house.sessions.state(session)
        assert state.viewport.coverage.boundary < summary.seq
        assert_each_record_is_told_once(await house.records(session), state.viewport.coverage)
        await talk(house, session, 6)
        coverage = (await house.sessions.state(session)).viewport.coverage
        assert isinstance(summary.event, HistorySummarised)
        assert coverage.boundary >= summary.event.last_seq
        assert_each_record_is_told_once(await house.records(session), coverage)
        assert check(tmp_path / "sessions", session).damage is None
