"""Every question of a long session is made again from the log alone, with files, summaries and memory in between."""

import asyncio
import random
from pathlib import Path

import pytest

from duragent.journal.events import HistorySummarised, ModelCalled
from duragent.journal.inputs import ChooseModel
from duragent.session.stored_log import SessionsLog
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.rebuild import rebuild_all
from tests.support.house import open_house
from tests.support.notes import Notes

REST = "  session: {context: {max_history_tokens: 2000}}\n  memory: {}"


async def every_question_is_equal(folder: Path, turns: int) -> None:
    rng = random.Random(turns)
    model = ScriptedModel([f"Answer {turn}. {'And more. ' * rng.randint(1, 60)}" for turn in range(turns)])
    clock = FakeClock(hurried=True)
    async with open_house(MemoryStore(), model, folder, clock=clock, agent_rest=REST, memories=Notes()) as house:
        session = await house.new()
        for turn in range(turns):
            if rng.random() < 0.05:
                await house.sessions.post(session, ChooseModel(provider="demo", model=rng.choice(("demo", "other"))))
            await house.ask(session, f"Question {turn} of src/part_{turn}.py? {'words ' * rng.randint(1, 90)}")
            while house.live(session).busy:
                await asyncio.sleep(0)
        records = await house.records(session)
        asked = [record.seq for record in records if isinstance(record.event, ModelCalled)]
        log = SessionsLog(house.sessions, session)
        again = [each async for each in rebuild_all(log, session, "assistant", records[-1].seq)]
    assert [each.called_seq for each in again if not each.is_equal] == []
    assert [each.called_seq for each in again] == asked
    assert any(isinstance(record.event, HistorySummarised) for record in records)


async def test_every_question_of_many_turns_is_made_again(tmp_path: Path) -> None:
    await every_question_is_equal(tmp_path, 100)


@pytest.mark.campaign
@pytest.mark.timeout(1800)
async def test_every_question_of_2000_turns_is_made_again(tmp_path: Path) -> None:
    await every_question_is_equal(tmp_path, 2_000)
