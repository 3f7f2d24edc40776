"""What a session reads of its own log, and that a fault is known before the read raises it."""

from pathlib import Path

import pytest

from duragent.errors import Damaged
from duragent.session.log_reader import LogReader
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.house import open_house


class Faulty(MemoryStore):
    """A store in which each read finds damage, once `broken`."""

    broken = False

    async def read(self, claim: Claim, after: int, limit: int) -> bytes:
        self._check(claim)
        return await super().read(claim, after, limit)

    async def read_back(self, claim: Claim, before: int | None, limit: int) -> bytes:
        self._check(claim)
        return await super().read_back(claim, before, limit)

    def _check(self, claim: Claim) -> None:
        if self.broken:
            raise Damaged(claim.stream_id, "events.jsonl", 1, "a test", 0)


async def test_records_come_with_their_texts_in_order(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        await house.ask(session, "x" * 2_000_000)
        log = house.live(session).log
        records = await log.read_records(0, 1_000)
        assert [record.seq for record in records] == list(range(1, records[-1].seq + 1))
        assert await log.read_records(2, 1) == records[2:3]
        assert "x" * 2_000_000 in [getattr(record.event, "text", "") for record in records]
        assert await log.records(await log.lines_back(None, 2)) == records[-2:]


async def test_fault_that_a_read_finds_is_reported_before_it_is_raised(tmp_path: Path) -> None:
    store, reported = Faulty(), list[Damaged]()
    async with open_house(store, ScriptedModel(), tmp_path) as house:
        session = await house.new()
        reader = LogReader(store, house.live(session).claim, reported.append)
        store.broken = True
        with pytest.raises(Damaged):
            await reader.lines(0, 10)
        with pytest.raises(Damaged):
            await reader.lines_back(None, 10)
        assert len(reported) == 2
        with pytest.raises(Damaged):
            await house.sessions.read(session, 0, 10)
        assert session in house.sessions.damaged()
