"""Several things at once: what opens, unloads, deletes or stops a session, while somebody else is at it."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from duragent.bus import Block, OutputDelta, Subscription
from duragent.errors import SessionDeleted, SessionNotFound, StoreError, StoreFull, Unavailable
from duragent.journal.events import MessageReceived, ModelFailed, TurnEnded
from duragent.journal.inputs import Close, Rename
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest
from duragent.process.spool import Spool
from duragent.session.watch import LogHead, ReplayEnd, Source, Watched, follow
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, Line, ScriptedModel
from duragent.turn.partial import AttemptKey, Partial
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import House, open_house
from tests.support.until import until
from tests.support.workbench import workbench_in


class Slow(MemoryStore):
    """A store whose appends, deletions and lists wait or fail when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.gate: asyncio.Event | None = None
        self.at_gate = asyncio.Event()
        self.failures: list[StoreError] = []

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        self._fail()
        await super().append(claim, lines, expect=expect)
        await self._pass()

    async def get_blob(self, claim: Claim, sha256: str) -> bytes:
        await self._pass()
        return await super().get_blob(claim, sha256)

    async def delete(self, session_id: str) -> None:
        await self._pass()
        await super().delete(session_id)

    async def put_index(self, data: bytes) -> None:
        self._fail()
        await super().put_index(data)

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    async def _pass(self) -> None:
        if self.gate is not None:
            self.at_gate.set()
            await self.gate.wait()


class Stubborn:
    """A model that goes on when it is told to stop."""

    label = "stubborn"

    def __init__(self) -> None:
        self.asked, self.end, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        self.asked.set()
        while not self.end.is_set():
            with suppress(asyncio.CancelledError):
                await self.end.wait()
        yield ModelDelta(text="late")
        self.ended.set()


async def unloading(house: House, session: str, turns_of_the_loop: int) -> asyncio.Task[None]:
    """The session is being unloaded, that far."""
    live = house.live(session)
    await until(lambda: not live.busy)
    task = asyncio.ensure_future(house.sessions.live.unload(live))
    for _ in range(turns_of_the_loop):
        await asyncio.sleep(0)
    return task


@pytest.mark.parametrize("turns_of_the_loop", range(8))
async def test_a_message_is_taken_while_the_session_is_being_unloaded(tmp_path: Path, turns_of_the_loop: int) -> None:
    async with open_house(MemoryStore(), ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        await house.ask(session, "one")
        task = await unloading(house, session, turns_of_the_loop)
        assert (await house.ask(session, "two")).outcome == "completed"
        await task


@pytest.mark.parametrize("turns_of_the_loop", range(8))
async def test_waiting_while_the_session_is_being_unloaded_holds_up_nobody(
    tmp_path: Path, turns_of_the_loop: int
) -> None:
    async with open_house(MemoryStore(), ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        await house.ask(session, "one")
        head = (await house.sessions.state(session)).seq
        task = await unloading(house, session, turns_of_the_loop)
        # Nothing will ever come behind the head; without a pause in the waiting the loop would stand still here.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await house.sessions.answer(session, head)
        await task


@pytest.mark.parametrize("turns_of_the_loop", range(8))
async def test_a_message_is_taken_while_the_start_looks_at_the_session(tmp_path: Path, turns_of_the_loop: int) -> None:
    store = MemoryStore()
    async with open_house(store, ScriptedModel(), tmp_path) as house:
        session = await house.new()
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path, node="node-2") as house:
        looking = asyncio.ensure_future(house.sessions.housekeeping.checks.open_all({session: None}))
        for _ in range(turns_of_the_loop):
            await asyncio.sleep(0)
        assert (await house.ask(session, "hi")).outcome == "completed"
        await looking


async def test_who_reads_while_the_start_looks_at_the_session_reads_to_the_end(tmp_path: Path) -> None:
    store, text = Slow(), "\N{SNOWMAN}" * 400_000
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        await house.ask(session, text)
    async with open_house(store, ScriptedModel(), tmp_path, node="node-2") as house:
        store.gate = asyncio.Event()
        reading = asyncio.ensure_future(house.events(session))
        await store.at_gate.wait()
        assert await house.sessions.housekeeping.checks.open_all([session]) == set()
        store.gate.set()
        assert text in [event.text for event in await reading if isinstance(event, MessageReceived)]


async def test_a_log_that_cannot_be_read_for_a_moment_holds_the_turn_up_and_it_goes_on(tmp_path: Path) -> None:
    class Unreadable(Slow):
        async def read_back(self, claim: Claim, before: int | None, limit: int) -> bytes:
            self._fail()
            return await super().read_back(claim, before, limit)

    store, gate = Unreadable(), asyncio.Event()
    async with open_house(store, ScriptedModel([Line("one", gate=gate), "two"]), tmp_path) as house:
        session = await house.new()
        await house.say(session, "hi")
        while not (await house.sessions.state(session)).turn:
            await asyncio.sleep(0)
        store.failures = [Unavailable("too many open files")]
        gate.set()
        await house.idle(session)
        assert [event.outcome for event in await house.events(session) if isinstance(event, TurnEnded)] == ["completed"]
        assert store.failures == []


async def test_a_model_that_does_not_stop_when_it_is_told_to_holds_up_no_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, model = MemoryStore(), Stubborn()
    async with open_house(store, model, tmp_path, cancel_seconds=0.05) as house:
        session = await house.new()
        await house.say(session, "hi")
        async with asyncio.timeout(LIMIT_SECONDS):
            await model.asked.wait()
            await house.sessions.close(0)
            model.end.set()
            await model.ended.wait()
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path, node="node-2") as house:
        first = ["message_received", "turn_started", "prompt_set", "model_called", "model_failed"]
        assert (await house.kinds(session))[:5] == first
        failed = [event for event in await house.events(session) if isinstance(event, ModelFailed)]
        assert [event.partial_text for event in failed] == [""]
        await house.idle(session)
    assert [record.getMessage() for record in caplog.records] == [
        "the model stubborn did not end within 0.05 s of being told to"
    ]


class OneByOne(Slow):
    """Fences an append that was under way when its session was deleted, as a store does that makes both in turn."""

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        await self._pass()
        await super().append(claim, lines, expect=expect)

    async def delete(self, session_id: str) -> None:
        self._streams.pop(session_id)
        if self.gate is not None:
            self.gate.set()
        for _ in range(20):
            await asyncio.sleep(0)


async def test_a_message_that_is_being_written_when_its_session_is_deleted_is_told_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = OneByOne()
    async with open_house(store, ScriptedModel(), tmp_path) as house:
        session = await house.new()
        store.gate = asyncio.Event()
        saying = asyncio.ensure_future(house.say(session, "hi"))
        await store.at_gate.wait()
        async with asyncio.timeout(LIMIT_SECONDS):
            await house.sessions.delete(session)
            with pytest.raises(SessionDeleted):
                await saying
    assert caplog.records == []


class ReadOnly(Slow):
    """A store that cannot delete, and says so when `gate` opens."""

    async def delete(self, session_id: str) -> None:
        await self._pass()
        raise Unavailable("Read-only file system")


async def test_a_session_that_cannot_be_deleted_goes_on_and_nobody_is_told_that_it_is_gone(tmp_path: Path) -> None:
    store, said = ReadOnly(), asyncio.Event()
    model = ScriptedModel([Line("one two", chunks=("one ", "two"), gate=said, gate_after_chunks=1), "again"])
    async with open_house(store, model, tmp_path) as house:
        session = await house.new()
        seq = await house.say(session, "hi")
        await model.asked(1)
        answering = asyncio.ensure_future(house.sessions.answer(session, seq))
        async with asyncio.timeout(LIMIT_SECONDS), house.sessions.watch(session, 0) as items:
            with pytest.raises(Unavailable, match="Read-only"):
                await house.sessions.delete(session)
            said.set()
            answered = await answering
            assert answered.reply is not None
            assert (answered.outcome, answered.reply.text) == ("completed", "one two")
            assert [kind async for kind in _until_ended(items)] == ["TurnEnded"]
        assert (await house.ask(session, "and now?")).outcome == "completed"
        assert "model_failed" not in await house.kinds(session)
        assert [state.session_id for state in (await house.sessions.list())[0]] == [session]


async def _until_ended(items: AsyncIterator[Watched]) -> AsyncGenerator[str, None]:
    """The end of the turn, when the watcher is told of it."""
    async for item in items:
        if isinstance(item, Block) and b'"type":"turn_ended"' in item.lines:
            yield "TurnEnded"
            return


async def test_a_deletion_goes_to_its_end_when_the_client_goes_away(tmp_path: Path) -> None:
    store = Slow()
    async with open_house(store, ScriptedModel(), tmp_path) as house:
        session = await house.new()
        store.gate = asyncio.Event()
        deleting = asyncio.ensure_future(house.sessions.delete(session))
        await store.at_gate.wait()
        deleting.cancel()
        store.gate.set()
        await asyncio.wait((deleting,))
        with pytest.raises(SessionNotFound):
            await house.sessions.state(session)
        assert (await house.sessions.list())[0] == []


async def test_the_list_is_not_saved_with_a_mark_that_is_newer_than_its_row(tmp_path: Path) -> None:
    store = Slow()
    async with open_house(store, ScriptedModel(), tmp_path) as house:
        session = await house.new()
        store.gate = asyncio.Event()
        renaming = asyncio.ensure_future(house.sessions.post(session, Rename(title="new")))
        await store.at_gate.wait()
        await house.sessions.housekeeping.tick_index()
        store.gate.set()
        await renaming
    async with open_house(store, ScriptedModel(), tmp_path, node="node-2") as house:
        assert await house.sessions.index.fill(house.store) == [session]


async def test_a_stop_ends_well_when_the_list_cannot_be_saved(tmp_path: Path) -> None:
    store = Slow()
    async with open_house(store, ScriptedModel(), tmp_path) as house:
        await house.new()
        store.failures = [Unavailable("no space")]
        await house.sessions.close(0)


async def test_a_stop_does_not_wait_out_the_pause_of_a_full_store(tmp_path: Path) -> None:
    store, clock = Slow(), FakeClock()
    async with open_house(store, ScriptedModel(["x"]), tmp_path, clock=clock) as house:
        session = await house.new()
        await house.say(session, "hi")
        store.failures = [StoreFull("no space")]
        await clock.until_asleep()
        async with asyncio.timeout(LIMIT_SECONDS):
            await house.sessions.close(0)


async def test_a_stop_during_the_start_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    async with open_house(store, ScriptedModel(), tmp_path) as house:
        sessions = [await house.new() for _ in range(20)]
    async with open_house(store, ScriptedModel(), tmp_path, node="node-2") as house:
        looking = asyncio.ensure_future(house.sessions.housekeeping.checks.open_all(dict.fromkeys(sessions)))
        await asyncio.sleep(0)
        await house.sessions.close(0)
        await looking
    assert [record.message for record in caplog.records] == []


async def test_who_waits_learns_that_the_disk_failed_and_the_turn_goes_on_by_itself_later(tmp_path: Path) -> None:
    store, gate = Slow(), asyncio.Event()
    async with open_house(store, ScriptedModel([Line("one", gate=gate), "two"]), tmp_path) as house:
        session = await house.new()
        seq = await house.say(session, "hi")
        async with house.sessions.watch(session, seq) as items:
            waiting = asyncio.ensure_future(house.sessions.answer(session, seq))
            await asyncio.sleep(0)
            store.failures = [Unavailable("the disk failed")]
            gate.set()
            async with asyncio.timeout(LIMIT_SECONDS):
                # The watcher is let go, to come again.
                assert [item async for item in items]
                with pytest.raises(Unavailable):
                    await waiting
        assert house.sessions.trouble() == "the disk failed"
        await house.sessions.housekeeping.tick_failed()
        await house.idle(session)
        assert (await house.kinds(session))[-1] == "turn_ended"
        assert house.sessions.trouble() is None


async def test_a_session_that_the_disk_failed_is_opened_at_the_next_start(tmp_path: Path) -> None:
    store, gate = Slow(), asyncio.Event()
    async with open_house(store, ScriptedModel([Line("one", gate=gate)]), tmp_path) as house:
        session = await house.new()
        await house.say(session, "hi")
        store.failures = [Unavailable("the disk failed")]
        gate.set()
        await until(house.sessions.trouble)
        await house.sessions.close(0)
    async with open_house(store, ScriptedModel(), tmp_path, node="node-2") as house:
        assert await house.sessions.index.fill(house.store) == [session]


async def test_a_session_that_cannot_be_closed_does_not_keep_the_others_from_expiring(tmp_path: Path) -> None:
    store, clock = Slow(), FakeClock(hurried=True)
    async with open_house(store, ScriptedModel(), tmp_path, clock=clock) as house:
        await house.new()
        other = await house.new()
        clock.jump(3600 * 1000)
        store.failures = [Unavailable("the disk failed")]
        await house.sessions.housekeeping.tick_expired_sessions()
        assert (await house.sessions.state(other)).closed


async def test_an_expiry_that_a_message_overtook_closes_nothing(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        seq = (await house.sessions.state(session)).seq
        await house.ask(session, "hi")
        assert not (await house.sessions.post(session, Close(at_seq=seq))).changed


async def test_one_unexpected_fault_does_not_keep_the_server_from_starting(tmp_path: Path) -> None:
    class Odd(MemoryStore):
        async def verify(self, session_id: str) -> int:
            raise KeyError(session_id)

    async with open_house(Odd(), ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        await house.sessions.housekeeping.checks.open_all({session: None})
        assert (await house.ask(session, "hi")).outcome == "completed"


async def test_pieces_of_an_answer_come_behind_the_record_of_their_question() -> None:
    async def keep(data: bytes, append: bool) -> None: ...

    async def read(after: int, limit: int) -> bytes:
        raise AssertionError

    subscription = Subscription()
    partial = Partial(AttemptKey("t", 1, 2), keep, subscription.put)
    called = Block(b'{"seq":1,"type":"model_called"}\n', 1, 1)
    items = follow(Source(LogHead(0, 1, "log"), read, lambda: [partial]), subscription, 0)
    assert isinstance(await anext(items), LogHead)
    subscription.put(called)
    partial.add("hello", "")
    await partial.finish()
    assert isinstance(await anext(items), ReplayEnd)
    assert [await anext(items), await anext(items)] == [called, OutputDelta("t", 1, 2, "text", 0, "hello")]


async def test_a_start_that_is_broken_off_forgets_no_result_of_a_command(tmp_path: Path) -> None:
    store, swept = MemoryStore(), asyncio.Event()
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        # The index knows nothing of what comes now, as when the process is killed.
        await house.sessions.housekeeping.tick_index()
        await house.ask(session, "hi")
        saved = await store.get_index()
    await store.put_index(saved)
    awaited: list[bool] = []

    class Looking(Spool):
        async def sweep(self, known: Callable[[str, str], bool]) -> int:
            awaited.append(known(session, "call_1"))
            swept.set()
            return 0

    workbench = replace(workbench_in(tmp_path), spool=Looking(tmp_path / "run" / "spool", "spool_test"))
    async with open_house(store, ScriptedModel(), tmp_path, node="node-2", workbench=workbench) as house:
        house.sessions.live.stopping = True
        running = asyncio.ensure_future(house.sessions.run())
        await asyncio.wait_for(swept.wait(), LIMIT_SECONDS)
        running.cancel()
        await asyncio.wait((running,))
        assert awaited == [True]


async def test_answer_that_comes_while_its_session_is_being_deleted_is_no_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class SlowToEnd(MemoryStore):
        """The session is gone already when its deletion is still under way."""

        def __init__(self) -> None:
            super().__init__()
            self.gone, self.go_on = asyncio.Event(), asyncio.Event()

        async def delete(self, session_id: str) -> None:
            await super().delete(session_id)
            self.gone.set()
            await self.go_on.wait()

    store, gate = SlowToEnd(), asyncio.Event()
    # Without a word that had to be kept before: the first that is written is the end of the answer.
    model = ScriptedModel([Line(ModelReply(), gate=gate)])
    async with open_house(store, model, tmp_path) as house, asyncio.timeout(LIMIT_SECONDS):
        session = await house.new()
        await house.say(session, "hi")
        await model.asked()
        deleting = asyncio.create_task(house.sessions.delete(session))
        await store.gone.wait()
        gate.set()
        await house.clock.settle()
        store.go_on.set()
        await deleting
        with pytest.raises(SessionNotFound):
            await house.sessions.state(session)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
