"""What must have happened before something else may: each safeguard of a session has a test here that names it.

The turn campaign finds the same by crashing everywhere; these say at once which order was broken.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from duragent.bus import Block, Topic
from duragent.errors import IdempotencyMismatch, Unavailable
from duragent.journal import snapshot
from duragent.journal.events import (
    LogRecovered,
    OwnerClaimed,
)
from duragent.journal.inputs import Message
from duragent.journal.limits import TurnLimits
from duragent.journal.line import tx_of
from duragent.journal.next_step import EndTurn, SettleCall, next_step
from duragent.journal.state import OpenCall, OpenTurn, SessionState
from duragent.session.sessions import NewSession
from duragent.session.watch import LogHead, ReplayEnd, Source, as_block, follow
from duragent.stores.files.store import FileStore
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, Line, ScriptedModel
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import open_house
from tests.support.probes import Watched, a_while
from tests.support.until import until

# --- durable, then true, then told ----------------------------------------------------------------------------------


async def test_nothing_is_told_or_true_before_it_is_durable(tmp_path: Path) -> None:
    store = Watched()
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        live = house.live(session)
        async with house.sessions.watch(session, 2) as items:
            while not isinstance(await anext(items), ReplayEnd):
                pass
            store.gate = asyncio.Event()
            said, told = asyncio.ensure_future(house.say(session, "hi")), asyncio.ensure_future(anext(items))
            await store.at_gate.wait()
            await a_while()
            before = (live.state.seq, said.done(), told.done())
            store.gate.set()
            block = await told
        assert before == (2, False, False)
        assert isinstance(block, Block)
        assert (await said, block.first_seq) == (3, 3)


async def test_records_of_one_write_are_marked_as_one_group(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        await asyncio.gather(house.say(session, "one"), house.say(session, "two"))
        lines = (await house.sessions.read(session, 2, 3)).splitlines()
        # Two messages, and the turn that the first one begins.
        assert [tx_of(line) for line in lines] == [(1, 3), (2, 3), (3, 3)]


async def test_session_whose_write_failed_takes_nothing_more_and_lets_its_watchers_go(tmp_path: Path) -> None:
    store = Watched()
    async with open_house(store, ScriptedModel(), tmp_path) as house:
        session = await house.new()
        live = house.live(session)
        async with house.sessions.watch(session, 2) as items:
            while not isinstance(await anext(items), ReplayEnd):
                pass
            store.failures = {b"hi": [Unavailable("the disk is gone")]}
            with pytest.raises(Unavailable):
                await live.post(Message(text="hi"))
            assert isinstance(live.problem, Unavailable)
            assert [item async for item in items] == []
            with pytest.raises(Unavailable):
                await live.post(Message(text="again"))
        assert house.sessions.trouble() == "the disk is gone"
        assert len(store.stored()) == 2


async def test_blob_is_stored_before_the_line_that_refers_to_it(tmp_path: Path) -> None:
    store = Watched()
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        await house.say(session, "x" * 1_200_000)
        assert store.happened[:2] == ["put_blob", "append"]


# --- watchers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns_of_the_loop", [0, 1, 2, 3, 5, 8, 12, 30])
async def test_watcher_who_comes_while_records_come_sees_each_once(tmp_path: Path, turns_of_the_loop: int) -> None:
    async with open_house(MemoryStore(), ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        saying = [asyncio.ensure_future(house.say(session, text)) for text in ("one", "two")]
        for _ in range(turns_of_the_loop):
            await asyncio.sleep(0)
        seen: list[int] = []
        async with house.sessions.watch(session, 0) as items, asyncio.timeout(LIMIT_SECONDS):
            first = [await anext(items)]
            await asyncio.gather(*saying)
            await house.idle(session)
            last = await house.say(session, "the last")
            assert first
            async for item in items:
                if isinstance(item, Block):
                    seen += range(item.first_seq, item.last_seq + 1)
                if last in seen:
                    break
        assert seen == list(range(1, seen[-1] + 1))


async def test_watcher_sees_once_what_the_replay_and_the_live_records_both_have() -> None:
    def block(first: int, last: int) -> Block:
        return as_block(b"".join(b'{"seq":%d,"text":"x"}\n' % seq for seq in range(first, last + 1)))

    async def read(after: int, limit: int) -> bytes:
        return block(after + 1, min(after + limit, 3)).lines

    topic = Topic()
    with topic.subscribe() as subscription:
        for each in (block(2, 2), block(3, 5), block(6, 6)):
            topic.publish(each)
        topic.close()
        items = follow(Source(LogHead(3, 1, "log"), read, tuple), subscription, 0)
        seen = [range(item.first_seq, item.last_seq + 1) async for item in items if isinstance(item, Block)]
    assert [seq for each in seen for seq in each] == [1, 2, 3, 4, 5, 6]


async def test_watcher_who_is_too_slow_is_let_go_and_misses_nothing_in_silence() -> None:
    topic = Topic()
    with topic.subscribe() as slow, topic.subscribe() as quick:
        for seq in (1, 2, 3):
            block = Block(b"x" * (3 << 20), seq, seq)
            topic.publish(block)
            assert await quick.next() == block
        async with asyncio.timeout(LIMIT_SECONDS):
            assert await slow.next() is None


# --- owners ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def files(tmp_path: Path) -> AsyncIterator[FileStore]:
    """The store as the next process sees it."""
    store = FileStore(tmp_path / "sessions")
    store.open()
    yield store
    store.close()


async def test_torn_tail_is_told_in_the_log(tmp_path: Path) -> None:
    async with files(tmp_path) as store, open_house(store, ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        await house.ask(session, "one")
        await house.sessions.close(0)
    log = tmp_path / "sessions" / session / "events.jsonl"
    end = log.stat().st_size
    with log.open("ab") as file:
        file.write(b'{"seq":8,"ts":')
    async with (
        files(tmp_path) as store,
        open_house(store, ScriptedModel(otherwise="ok"), tmp_path, node="node-2") as house,
    ):
        await house.say(session, "two")
        told = [event for event in await house.events(session) if isinstance(event, LogRecovered)]
        assert told == [LogRecovered(offset=end, size_bytes=14, saved_as=f"events.torn-{end}")]


async def test_turn_that_was_open_goes_on_when_its_session_is_opened(tmp_path: Path) -> None:
    store = Watched()
    async with open_house(store, ScriptedModel([Line("one", gate=asyncio.Event())]), tmp_path) as house:
        session = await house.new()
        await house.say(session, "hi")
        await until(lambda: asyncio.sleep(0, any(event.type == "model_called" for event in store.stored())))
        store.dead = True
    store.dead = False
    async with open_house(store, ScriptedModel(["one"]), tmp_path, node="node-2") as house:
        await house.sessions.housekeeping.checks.open_all({session: None})
        await until(lambda: asyncio.sleep(0, store.stored()[-1].type == "turn_ended"))
        owners = [event.epoch for event in store.stored() if isinstance(event, OwnerClaimed)]
        assert owners == [1, 2]


async def test_key_counts_once_also_after_a_restart_from_the_snapshot(tmp_path: Path) -> None:
    async with files(tmp_path) as store, open_house(store, ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        seq = await house.say(session, "hi", key="k")
        await house.sessions.answer(session, seq)
        await house.sessions.close(0)
    assert snapshot.load((tmp_path / "sessions" / session / "state.yaml").read_bytes(), session) is not None
    async with files(tmp_path) as store, open_house(store, ScriptedModel(), tmp_path, node="node-2") as house:
        assert await house.say(session, "hi", key="k") == seq
        with pytest.raises(IdempotencyMismatch):
            await house.say(session, "ho", key="k")


async def test_key_of_a_session_is_refused_for_another_one(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path) as house:
        await house.sessions.create(NewSession("assistant", idempotency_key="k"))
        with pytest.raises(IdempotencyMismatch):
            await house.sessions.create(NewSession("assistant", title="other", idempotency_key="k"))


async def test_snapshot_of_another_history_counts_as_absent(tmp_path: Path) -> None:
    clock, saved = FakeClock(hurried=True), b""
    for text in ("one", "two"):
        model = ScriptedModel(otherwise="ok")
        async with files(tmp_path) as store, open_house(store, model, tmp_path, clock=clock) as house:
            made, _ = await house.sessions.create(NewSession("assistant", idempotency_key="k"))
            if saved:
                await house.sessions.delete(made.session_id)
                clock.jump(1000)
                await house.sessions.create(NewSession("assistant", idempotency_key="k"))
            await house.ask(made.session_id, text)
            await house.sessions.close(0)
            file = tmp_path / "sessions" / made.session_id / "state.yaml"
            saved = saved or file.read_bytes()
    assert snapshot.load(saved, made.session_id) is not None
    file.write_bytes(saved)
    async with files(tmp_path) as store, open_house(store, ScriptedModel(), tmp_path, node="node-2") as house:
        assert (await house.sessions.state(made.session_id)).topic == "two"


def test_snapshot_of_another_session_counts_as_absent() -> None:
    data = snapshot.dump(snapshot.Snapshot(SessionState("session_a", seq=1), "0" * 8))
    assert snapshot.load(data, "session_a") is not None
    assert snapshot.load(data, "session_b") is None


def test_turn_that_was_cancelled_is_wound_up_and_nothing_else() -> None:
    call = OpenCall("call_1", "bash", status="approved")
    turn = OpenTurn("turn_1", 3, calls=(call,), cancelled=True)
    state = SessionState("session_x", seq=9, waiting=(9,), turn=turn)
    assert next_step(state, TurnLimits()) == SettleCall("turn_1", call, "cancelled", "The call was cancelled.")
    settled = replace(state, turn=replace(turn, calls=()))
    assert next_step(settled, TurnLimits()) == EndTurn("turn_1", "cancelled")
