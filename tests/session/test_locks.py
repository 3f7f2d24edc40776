"""Locks by session id."""

import asyncio

from duragent.session.locks import SessionLocks


async def test_one_session_is_locked_by_one_task_at_a_time_in_order_and_others_are_not() -> None:
    locks, order, gate = SessionLocks(), list[str](), asyncio.Event()

    async def work(session_id: str, name: str) -> None:
        async with locks(session_id):
            order.append(f"{name} in")
            await gate.wait()
            order.append(f"{name} out")

    tasks = [asyncio.ensure_future(work(*each)) for each in (("a", "a1"), ("a", "a2"), ("b", "b1"))]
    for _ in range(3):
        await asyncio.sleep(0)
    assert order == ["a1 in", "b1 in"]
    gate.set()
    await asyncio.gather(*tasks)
    assert order.index("a1 out") < order.index("a2 in")


async def test_task_that_is_cancelled_while_it_waits_leaves_the_lock_to_others() -> None:
    locks, got = SessionLocks(), asyncio.Event()

    async def take() -> None:
        async with locks("a"):
            got.set()

    async with locks("a"):
        waiting, next_one = asyncio.ensure_future(take()), asyncio.ensure_future(take())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait((waiting,))
        assert not got.is_set()
    await next_one
    assert got.is_set()
