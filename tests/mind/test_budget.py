"""The day's budget of work in the background, in the mind's log."""

from datetime import timedelta
from pathlib import Path

import pytest

from duragent.agent.memory_spec import SleepSpec
from duragent.journal.events import TokenCounts
from duragent.journal.mind.events import WorkBegun, WorkEnded
from duragent.mind.budget import DayBudget, EmbeddingWork
from tests.mind.house import MindHouse, mind_house


def budget(house: MindHouse, tokens: int = 1_000, usd: float = 1.0) -> DayBudget:
    return DayBudget(house.ada, SleepSpec(tokens_per_day=tokens, cost_usd_per_day=usd), house.clock)


def work(job: str, tokens: int = 400, usd: float = 0.0, first: int = 1) -> WorkBegun:
    return WorkBegun(
        job=job,
        kind="summary",
        model="p/m",
        session="session_1",
        first_seq=first,
        last_seq=40,
        estimate_tokens=tokens,
        estimate_usd=usd,
    )


def ended(job: str, tokens: int, usd: float = 0.0) -> WorkEnded:
    return WorkEnded(job=job, outcome="done", usage=TokenCounts(input=tokens), cost_usd=usd)


async def test_work_counts_with_its_estimate_until_it_ends(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        day = budget(house)
        assert [await day.begin(work(job)) for job in ("j1", "j2", "j3")] == [True, True, False]
        await day.end(ended("j1", 10))
        assert await day.begin(work("j4"))
        assert "work_begun" in await house.events()


async def test_a_price_counts_as_tokens_do(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        day = budget(house, tokens=1_000_000, usd=0.10)
        assert not await day.begin(work("j1", usd=0.11))
        assert await day.begin(work("j2", usd=0.06))
        assert not await day.begin(work("j3", usd=0.06))


async def test_the_next_day_has_a_budget_of_its_own(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        day = budget(house, tokens=400)
        assert await day.begin(work("j1"))
        await day.end(ended("j1", 400))
        assert not await day.begin(work("j2"))
        await house.clock.advance(timedelta(days=1).total_seconds())
        assert await day.begin(work("j3"))


async def test_what_a_kill_ended_is_spent_and_a_try(tmp_path: Path) -> None:
    for node in ("n1", "n2"):
        async with mind_house(tmp_path, node) as house:
            assert await budget(house).begin(work(f"j-{node}", tokens=400))
    async with mind_house(tmp_path, "n3") as house:
        assert not await budget(house).begin(work("j3"))
        wide = budget(house, tokens=10_000)
        assert not await wide.begin(work("j4"), earlier=1)
        assert await wide.begin(work("j5", first=41), earlier=1)
        assert await wide.begin(work("j6"))
    async with mind_house(tmp_path, "n4") as house:
        assert not await budget(house, tokens=10_000).begin(work("j7"))


@pytest.mark.parametrize(("outcome", "told"), [("done", "done"), ("failed", "failed"), ("else", "failed")])
async def test_vectors_have_no_session_and_no_number_of_tries(tmp_path: Path, outcome: str, told: str) -> None:
    async with mind_house(tmp_path) as house:
        vectors = EmbeddingWork(budget(house), house.clock, "p/e@3")
        for _ in range(5):
            job = await vectors.begin(300)
            assert job is not None
            await vectors.end(job, outcome, 7)
        assert await vectors.begin(1_000) is None
        mind = await house.ada()
        ends = [each.event for each in await mind.log.records(0, 1000) if isinstance(each.event, WorkEnded)]
        assert [(each.outcome, each.usage.input) for each in ends] == [(told, 7)] * 5


async def test_work_begins_only_within_what_is_left_of_the_day(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        vectors = EmbeddingWork(budget(house), house.clock, "stub")
        first = await vectors.begin(600)
        assert first is not None
        # What is under way counts with its estimate: a crash must not give it away.
        assert await vectors.begin(600) is None
        await vectors.end(first, "done", 300)
        assert await vectors.begin(600) is not None
        assert await vectors.begin(200) is None
        await house.clock.advance(timedelta(days=1).total_seconds())
        assert await vectors.begin(600) is not None
        events = await house.events()
    assert (events.count("work_begun"), events.count("work_ended")) == (3, 1)
