"""The engine of one session: when it has a task, what ends its waits, and which output a new watcher gets."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from duragent.bus import OutputDelta, Topic
from duragent.errors import Damaged, Unavailable
from duragent.journal.events import Event, MessageReceived
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.session.engine import Engine
from duragent.session.fold import SESSION_FOLD, SessionWriter
from duragent.session.log_reader import LogReader
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.streams.log_writer import WriterHooks
from duragent.testing import FakeClock, Line, ScriptedModel
from tests.support.bounds import LIMIT_SECONDS
from tests.support.ports import begun, ports_to
from tests.support.until import until


async def engine_of(store: MemoryStore, folder: Path, model: ScriptedModel, clock: FakeClock | None = None) -> Engine:
    """The engine of a new session, with a writer and a reader of its own."""
    claim, state = await begun(store)
    ports, topic = ports_to(store, folder, model, clock), Topic()
    hooks: WriterHooks[Record] = WriterHooks(lambda _: None, lambda: None)
    writer = SessionWriter(ports, SESSION_FOLD, claim, state, topic, hooks)
    return Engine(ports, writer, LogReader(store, claim, writer.fail), topic)


def a_message(_: SessionState) -> Sequence[Event]:
    return [MessageReceived(message_id="m1", text="hi")]


async def types(engine: Engine) -> list[str]:
    return [record.event.type for record in await engine.read_records(0, 100)]


async def idle(engine: Engine) -> None:
    await until(lambda: not engine.running)


async def test_engine_with_nothing_to_do_has_no_task(tmp_path: Path) -> None:
    engine = await engine_of(MemoryStore(), tmp_path, ScriptedModel())
    engine.go_on()
    assert (engine.running, engine.halt()) == (False, [])


async def test_engine_runs_one_turn_at_a_time_to_its_end(tmp_path: Path) -> None:
    gate = asyncio.Event()
    model = ScriptedModel([Line("hello", gate=gate)])
    engine = await engine_of(MemoryStore(), tmp_path, model)
    await engine.commit(a_message)
    for _ in range(3):
        engine.go_on()
    assert engine.running
    await model.asked(1)
    gate.set()
    await idle(engine)
    assert (await types(engine))[-5:] == ["turn_started", "prompt_set", "model_called", "model_replied", "turn_ended"]
    assert len(model.requests) == 1
    engine.go_on()
    assert not engine.running


async def test_halted_engine_ends_its_question_and_begins_none(tmp_path: Path) -> None:
    model = ScriptedModel([Line("hello", gate=asyncio.Event())])
    engine = await engine_of(MemoryStore(), tmp_path, model)
    await engine.commit(a_message)
    engine.go_on()
    await model.asked(1)
    assert len(engine.halt()) == 1
    await idle(engine)
    assert (engine.can_work, (await types(engine))[-1], len(model.requests)) == (False, "model_failed", 1)


async def test_fault_that_a_turn_meets_in_its_log_ends_the_work_of_the_engine(tmp_path: Path) -> None:
    class Broken(MemoryStore):
        async def read_back(self, claim: Claim, before: int | None, limit: int) -> bytes:
            raise Damaged(claim.stream_id, "events.jsonl", 1, "a test", 0)

    engine = await engine_of(Broken(), tmp_path, ScriptedModel(["never"]))
    await engine.commit(a_message)
    engine.go_on()
    await idle(engine)
    assert not engine.can_work


async def test_wait_for_the_store_is_told_once_and_ends_with_its_time_or_with_a_halt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    engine = await engine_of(MemoryStore(), tmp_path, ScriptedModel(), clock)
    for _ in range(2):
        waiting = asyncio.ensure_future(engine.wait_for_store(Unavailable("no room")))
        await clock.until_asleep()
        assert not waiting.done()
        await clock.advance(5)
        await asyncio.wait_for(waiting, LIMIT_SECONDS)
    assert caplog.messages == ["no room; trying again every 5 s"]
    waiting = asyncio.ensure_future(engine.wait_for_store(Unavailable("no room")))
    await clock.until_asleep()
    engine.halt()
    await asyncio.wait_for(waiting, LIMIT_SECONDS)
    # A halted engine does not wait at all.
    await asyncio.wait_for(engine.wait_for_store(Unavailable("another")), LIMIT_SECONDS)
    assert len(caplog.messages) == 1


class Output:
    """Output in progress, whose end is in the log or is not."""

    def __init__(self, ended: bool) -> None:
        self._ended = ended

    def so_far(self) -> list[OutputDelta]:
        return []

    def over(self, state: SessionState) -> bool:
        return self._ended


async def test_output_whose_end_is_in_the_log_is_left_out(tmp_path: Path) -> None:
    engine = await engine_of(MemoryStore(), tmp_path, ScriptedModel())
    ended, going = Output(True), Output(False)
    engine.begin_output(ended)
    engine.begin_output(going)
    assert engine.outputs() == [going]
    engine.end_output(going)
    assert engine.outputs() == []
