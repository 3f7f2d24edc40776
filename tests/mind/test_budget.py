"""What work in the background may use in a day: the intent is in the log before anything is sent."""

from datetime import timedelta
from pathlib import Path

from duragent.agent.memory_spec import SleepSpec
from duragent.mind.budget import EmbeddingWork
from tests.mind.house import mind_house


async def test_work_begins_only_within_what_is_left_of_the_day(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        work = EmbeddingWork(house.ada, SleepSpec(tokens_per_day=1000), house.clock, "stub")
        first = await work.begin(600)
        assert first is not None
        # What is under way counts with its estimate: a crash must not give it away.
        assert await work.begin(600) is None
        await work.end(first, "done", 300)
        assert await work.begin(600) is not None
        assert await work.begin(200) is None
        await house.clock.advance(timedelta(days=1).total_seconds())
        assert await work.begin(600) is not None
        events = await house.events()
    assert (events.count("work_begun"), events.count("work_ended")) == (3, 1)
