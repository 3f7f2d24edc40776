"""A watcher's queue: what waits in it, how pieces become one, and when it ends."""

import asyncio
from contextlib import ExitStack

import pytest

from duragent import bus
from duragent.bus import CROWD, Block, OutputDelta, Subscription, Topic


def block(seq: int, size: int = 10) -> Block:
    return Block(b"x" * size, seq, seq)


def delta(offset: int, text: str, *, kind: bus.DeltaKind = "text", call: str = "", step: int = 1) -> OutputDelta:
    return OutputDelta("t", step, 1, kind, offset, text, call)


def said(call: str, offset: int, text: str) -> OutputDelta:
    return delta(offset, text, kind="output", call=call)


async def drained(subscription: Subscription) -> list[Block | OutputDelta]:
    subscription.close()
    items = []
    while (item := await subscription.next()) is not None:
        items.append(item)
    return items


@pytest.mark.parametrize(
    ("items", "left"),
    [
        ([block(1), block(2)], [Block(b"x" * 20, 1, 2)]),
        ([block(1), block(3)], [block(1), block(3)]),
        ([block(1, 16_000), block(2, 1_000), block(3)], [block(1, 16_000), Block(b"x" * 1_010, 2, 3)]),
        ([delta(0, "a"), delta(1, "b"), delta(2, "c")], [delta(0, "abc")]),
        ([delta(0, "a"), delta(5, "b")], [delta(0, "a"), delta(5, "b")]),
        ([delta(0, "a"), delta(1, "b", kind="reasoning")], [delta(0, "a"), delta(1, "b", kind="reasoning")]),
        ([delta(0, "a"), delta(1, "b", step=2)], [delta(0, "a"), delta(1, "b", step=2)]),
        ([delta(0, "a"), block(1), delta(1, "b")], [delta(0, "a"), block(1), delta(1, "b")]),
        (
            [said("1", 0, "a"), said("2", 0, "b"), said("1", 1, "c")],
            [said("1", 0, "ac"), said("2", 0, "b")],
        ),
    ],
)
async def test_pieces_that_follow_each_other_become_one_while_they_wait(
    items: list[Block | OutputDelta], left: list[Block | OutputDelta]
) -> None:
    subscription = Subscription()
    for item in items:
        subscription.put(item)
    assert await drained(subscription) == left


async def test_of_a_commands_output_the_newest_part_waits() -> None:
    subscription, size = Subscription(), bus.MAX_OUTPUT_CHARS
    for at in range(3):
        subscription.put(delta(at * size, str(at) * size, kind="output", call="1"))
    [left] = await drained(subscription)
    assert left == delta(2 * size, "2" * size, kind="output", call="1")


async def test_queue_that_passes_its_bound_is_dropped_and_ends() -> None:
    subscription = Subscription()
    subscription.put(block(1, bus.MAX_WAITING_BYTES - 1))
    subscription.put(block(2, 2))
    subscription.put(block(3))
    assert await subscription.next() is None


async def test_one_item_may_be_larger_than_the_bound() -> None:
    subscription = Subscription()
    subscription.put(block(1, bus.MAX_WAITING_BYTES + 1))
    assert await subscription.next() == block(1, bus.MAX_WAITING_BYTES + 1)
    subscription.put(block(2))
    assert await subscription.next() == block(2)


async def test_output_that_waits_can_be_dropped_and_frees_its_room() -> None:
    subscription = Subscription()
    subscription.put(delta(0, "x" * (bus.MAX_WAITING_BYTES - 20)))
    subscription.put(block(1))
    subscription.forget_deltas()
    subscription.put(block(2, bus.MAX_WAITING_BYTES - 20))
    assert [item.first_seq for item in await drained(subscription) if isinstance(item, Block)] == [1, 2]


async def test_watcher_waits_for_the_next_item_and_for_the_end() -> None:
    topic = Topic()
    with topic.subscribe() as subscription:
        waiting = asyncio.ensure_future(subscription.next())
        await asyncio.sleep(0)
        topic.publish(block(1))
        assert await waiting == block(1)
        waiting = asyncio.ensure_future(subscription.next())
        await asyncio.sleep(0)
        topic.close()
        assert await waiting is None


async def test_topic_publishes_to_those_who_are_subscribed_now() -> None:
    topic = Topic()
    with topic.subscribe() as one:
        topic.publish(block(1))
        with topic.subscribe() as two:
            assert len(topic) == 2
            topic.publish(block(2))
        topic.publish(block(3))
    assert len(topic) == 0
    assert await drained(one) == [Block(b"x" * 30, 1, 3)]
    assert await drained(two) == [block(2)]


async def test_a_crowd_is_woken_together_and_has_everything_in_order() -> None:
    topic = Topic()
    with ExitStack() as stack:
        crowd = [stack.enter_context(topic.subscribe()) for _ in range(CROWD)]

        async def watch(subscription: Subscription) -> list[tuple[int, int]]:
            seen: list[tuple[int, int]] = []
            while not seen or seen[-1][1] < 50:
                item = await subscription.next()
                assert isinstance(item, Block)
                seen.append((item.first_seq, item.last_seq))
            return seen

        watching = asyncio.gather(*(watch(subscription) for subscription in crowd))
        for seq in range(1, 51):
            topic.publish(block(seq))
            await asyncio.sleep(0)
        for seen in await watching:
            assert len(seen) < 25
            assert [first for first, _ in seen] == [1, *(last + 1 for _, last in seen[:-1])]


async def test_a_few_watchers_are_woken_for_each_record() -> None:
    topic = Topic()
    with topic.subscribe() as one:
        for seq in range(1, 11):
            waiting = asyncio.ensure_future(one.next())
            await asyncio.sleep(0)
            topic.publish(block(seq))
            assert await waiting == block(seq)
