"""A copy of a long session tells its past as the original did at that record, and goes on from there."""

import asyncio
from pathlib import Path

import pytest

from duragent.journal.events import HistorySummarised, MessageReceived
from duragent.stores.files.store import FileStore
from duragent.testing import ScriptedModel
from duragent.transfer.export import export
from duragent.transfer.fork import Fork, fork
from duragent.transfer.import_ import import_
from tests.support.house import House, open_house
from tests.support.logs import QuickDisk

SMALL = "  session: {context: {max_history_tokens: 1500}}"
WORDS = "words " * 60 + "end"


async def _copied(house: House, session: str, at: int | None) -> str:
    if at is not None:
        return (await fork(house.sessions, house.clock, Fork(session, at)))[0].session_id
    with await export(house.sessions, house.clock, session) as file:
        return (await import_(house.sessions, house.clock, file, new_id=True)).session_id


@pytest.mark.parametrize("back", [None, 0, 1, 2, 40])
async def test_a_copy_tells_each_record_of_its_past_once(back: int | None, tmp_path: Path) -> None:
    store, model = FileStore(tmp_path / "sessions", disk=QuickDisk()), ScriptedModel(otherwise="Answer. " * 30)
    store.open()
    async with open_house(store, model, tmp_path, agent_rest=SMALL) as house:
        session = await house.new()
        for turn in range(30):
            await house.ask(session, f"Question {turn}: {WORDS}")
            while house.live(session).busy:
                await asyncio.sleep(0)
        made = [record for record in await house.records(session) if isinstance(record.event, HistorySummarised)]
        at = None if back is None else made[-1].seq - back
        original = (await house.sessions.state(session)).viewport.coverage
        copy = await _copied(house, session, at)
        coverage = (await house.sessions.state(copy)).viewport.coverage
        if back in (None, 0):
            assert (coverage.boundary, coverage.frontier) == (original.boundary, original.frontier)
        assert [seq for each in coverage.frontier for seq in range(each.first, each.last + 1)] == list(
            range(1, coverage.boundary + 1)
        )
        assert (await house.ask(copy, "what now?")).outcome == "completed"
        said = [(record.seq, record.event) for record in await house.records(copy)]
    store.close()
    whole = [event.text for seq, event in said if isinstance(event, MessageReceived) and seq > coverage.boundary]
    shown = [message.content for message in model.requests[-1].messages if message.role == "user"]
    assert sum(text.startswith(f"[Before record {coverage.boundary + 1:,}.") for text in shown) == 1
    assert [text for text in shown if WORDS in text] == whole[:-1]
