"""The clock that tests move."""

import asyncio
from datetime import UTC, datetime

from duragent.testing import FakeClock
from tests.support.bounds import LIMIT_SECONDS


async def test_clock_stands_still_until_it_is_moved() -> None:
    clock = FakeClock()
    assert (clock.now(), clock.monotonic()) == (datetime(2026, 1, 1, tzinfo=UTC), 0.0)
    await clock.advance(90)
    assert (clock.now(), clock.monotonic()) == (datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC), 90.0)


async def test_advance_wakes_sleepers_in_order_also_those_that_sleep_again() -> None:
    clock = FakeClock()
    woken: list[tuple[str, float]] = []

    async def tick(name: str, seconds: float) -> None:
        while True:
            await clock.sleep(seconds)
            woken.append((name, clock.monotonic()))

    tasks = [asyncio.create_task(tick("slow", 5)), asyncio.create_task(tick("quick", 2))]
    await clock.advance(6)
    assert woken == [("quick", 2.0), ("quick", 4.0), ("slow", 5.0), ("quick", 6.0)]
    assert clock.sleepers == 2
    for task in tasks:
        task.cancel()
    await clock.settle()
    assert clock.sleepers == 0


async def test_jump_wakes_whoever_is_due_and_a_jump_back_moves_only_the_wall_clock() -> None:
    clock = FakeClock()
    sleeping = asyncio.create_task(clock.sleep(10))
    async with asyncio.timeout(LIMIT_SECONDS):
        await clock.until_asleep()
        clock.jump(10)
        await sleeping
    clock.jump(-3600)
    assert (clock.now(), clock.monotonic()) == (datetime(2025, 12, 31, 23, 0, 10, tzinfo=UTC), 10.0)


async def test_hurried_clock_moves_by_itself() -> None:
    clock = FakeClock(hurried=True)
    await clock.sleep(3)
    await clock.sleep(-1)
    assert clock.monotonic() == 3.0


def test_ids_are_deterministic_and_sort_by_age() -> None:
    first, second = FakeClock(), FakeClock()
    ids = [first.new_id("session") for _ in range(20)]
    assert ids == [second.new_id("session") for _ in range(20)]
    assert ids == sorted(set(ids))
    assert len(ids[0]) == len("session_") + 26
