"""Crashes, in one process: the log is cut, the runtime is forgotten, another one opens what is left."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.agent.load import load_agent
from duragent.context.budget import DEFAULT_OUTPUT_TOKENS
from duragent.errors import Damaged, SessionNotFound
from duragent.journal import snapshot
from duragent.journal.events import (
    LogRecovered,
    MessageReceived,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    OwnerClaimed,
    TurnEnded,
)
from duragent.journal.inputs import Cancel, Message
from duragent.journal.record import crc_seed
from duragent.journal.scan import scan
from duragent.models.base import Model, ModelChoice
from duragent.models.costs import listed_price
from duragent.models.messages import ModelReply, ToolCall
from duragent.session.sessions import NewSession, Sessions
from duragent.stores.files.store import FileStore
from duragent.stores.memory import MemoryStore
from duragent.testing import Line, ScriptedModel
from tests.support.house import House, open_house, write_agent
from tests.support.until import until

CALL = ModelReply(text="I look", calls=(ToolCall(id="x", name="bash", arguments="{}"),), finish_reason="tool_calls")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FileStore]:
    store = FileStore(tmp_path / "sessions")
    store.open()
    yield store
    store.close()


def reopened(store: FileStore, tmp_path: Path) -> FileStore:
    """What the next process sees of the same files."""
    store.close()
    again = FileStore(tmp_path / "sessions")
    again.open()
    return again


async def a_turn_with_a_tool(store: FileStore, tmp_path: Path) -> str:
    """The bytes of a log with one message, one tool call and the answer `It is done.`; returns the session's id."""
    model = ScriptedModel([CALL, "It is done."])
    async with open_house(store, model, tmp_path / "agents") as house:
        state, _ = await house.sessions.create(NewSession("assistant", idempotency_key="session"))
        await house.sessions.answer(state.session_id, await house.say(state.session_id, "do it", key="message"))
        return state.session_id


def _model_for(log: bytes) -> ScriptedModel:
    """Answers as the model did, from where the log stands."""
    return ScriptedModel(["It is done."] if b"tool_finished" in log else [CALL, "It is done."])


async def _finish(house: House) -> str:
    """What a client does that never got an answer: it asks again, with the same keys."""
    state, _ = await house.sessions.create(NewSession("assistant", idempotency_key="session"))
    seq = await house.say(state.session_id, "do it", key="message")
    answered = await house.sessions.answer(state.session_id, seq)
    assert answered.reply is not None
    return answered.reply.text


@pytest.mark.parametrize("first", [0, *(pytest.param(each, marks=pytest.mark.campaign) for each in range(1, 24))])
async def test_log_cut_at_every_byte_recovers_to_the_same_answer(store: FileStore, tmp_path: Path, first: int) -> None:
    session = await a_turn_with_a_tool(store, tmp_path)
    folder = tmp_path / "sessions" / session
    whole = (folder / "events.jsonl").read_bytes()
    store.close()
    seed = crc_seed(session)
    for end in range(first, len(whole) + 1, 24):
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "events.jsonl").write_bytes(whole[:end])
        before = scan(whole[:end], seed, after=0)
        again = FileStore(tmp_path / "sessions")
        again.open()
        async with open_house(again, _model_for(whole[: before.end]), tmp_path / "agents", node="node-2") as house:
            assert await _finish(house) == "It is done.", f"cut at byte {end}"
            events = await house.events(session)
        again.close()
        log = (folder / "events.jsonl").read_bytes()
        assert scan(log, seed, after=0).verdict == "clean"
        assert log.startswith(whole[: before.end])
        assert sum(isinstance(event, MessageReceived) for event in events) == 1
        assert sum(isinstance(event, TurnEnded) for event in events) == 1
        torn = [event for event in events if isinstance(event, LogRecovered)]
        assert len(torn) == (before.verdict == "torn" and before.seq > 0)


async def test_a_turn_goes_on_by_itself_with_the_next_attempt(store: FileStore, tmp_path: Path) -> None:
    stuck = ScriptedModel([Line("one two three", gate=asyncio.Event(), gate_after_chunks=2)])
    async with open_house(store, stuck, tmp_path / "agents") as house:
        session = await house.new()
        seq = await house.say(session, "count")
        async with house.sessions.watch(session, seq) as items:
            seen = ""
            async for item in items:
                seen += getattr(item, "text", "")
                if seen.strip() == "one two":
                    break
        lines = (tmp_path / "sessions" / session / "events.jsonl").read_bytes()
    # What the leaving of the block wrote is what a dead process would not have written.
    (tmp_path / "sessions" / session / "events.jsonl").write_bytes(lines)
    again = reopened(store, tmp_path)
    async with open_house(again, ScriptedModel(["one two three"]), tmp_path / "agents", node="node-2") as house:
        answered = await house.sessions.answer(session, seq)
        assert answered.reply is not None
        assert (answered.reply.text, answered.reply.attempt) == ("one two three", 2)
        events = await house.events(session)
        failed = next(event for event in events if isinstance(event, ModelFailed))
        assert (failed.error, failed.partial_text, failed.retry) == ("interrupted", "one two", True)
        assert [event.epoch for event in events if isinstance(event, OwnerClaimed)] == [1, 2]
    again.close()


async def test_an_attempt_that_was_lost_says_what_it_may_have_cost(store: FileStore, tmp_path: Path) -> None:
    stuck = ScriptedModel([Line("one two three", gate=asyncio.Event(), gate_after_chunks=2)])
    priced = load_agent(write_agent(tmp_path / "priced", rest="    name: gpt-4o-mini", provider="openai"))
    async with open_house(store, stuck, tmp_path / "agents") as house:
        house.speakers.known["assistant"] = priced
        session = await house.new()
        seq = await house.say(session, "count")
        await stuck.asked(1)
        lines = (tmp_path / "sessions" / session / "events.jsonl").read_bytes()
    (tmp_path / "sessions" / session / "events.jsonl").write_bytes(lines)
    again = reopened(store, tmp_path)
    async with open_house(again, ScriptedModel(["one two three"]), tmp_path / "agents", node="node-2") as house:
        await house.sessions.answer(session, seq)
        events = await house.events(session)
        totals = (await house.sessions.state(session)).totals
    called = next(event for event in events if isinstance(event, ModelCalled))
    failed = next(event for event in events if isinstance(event, ModelFailed))
    assert called.reserved_tokens == called.estimated_tokens + DEFAULT_OUTPUT_TOKENS
    assert called.reserved_usd == listed_price("openai", "gpt-4o-mini", called.estimated_tokens, DEFAULT_OUTPUT_TOKENS)
    assert called.reserved_usd is not None
    assert called.reserved_usd > 0
    assert (failed.possible_tokens, failed.possible_usd) == (called.reserved_tokens, called.reserved_usd)
    assert (totals.unknown_attempts, totals.unknown_tokens) == (1, called.reserved_tokens)
    assert totals.unknown_usd == called.reserved_usd
    assert totals.cost_usd == 0, "what is known stays exact"
    again.close()


async def _is_paused_until_a_person_goes_on(store: FileStore, tmp_path: Path, session: str, seq: int) -> None:
    async with open_house(store, ScriptedModel(["alive"]), tmp_path / "agents", node="node-99") as house:
        answered = await house.sessions.answer(session, seq)
        assert (answered.outcome, answered.code) == ("paused", "too-many-recoveries")
        again = await house.ask(session, "go on")
        assert again.reply is not None
        assert again.reply.text == "alive"


async def test_turn_whose_process_dies_each_time_before_the_model_is_asked_is_paused_for_a_person(
    store: FileStore, tmp_path: Path
) -> None:
    deaths: list[str] = []

    def dies(choice: ModelChoice) -> Model:
        deaths.append(choice.name)
        raise asyncio.CancelledError

    async with open_house(store, ScriptedModel([]), tmp_path / "agents", model_for=dies) as house:
        session = await house.new()
        seq = await house.say(session, "hi")
        await until(lambda: deaths)
    for life in range(2, 24):
        store = reopened(store, tmp_path)
        async with open_house(
            store, ScriptedModel([]), tmp_path / "agents", model_for=dies, node=f"node-{life}"
        ) as house:
            state = await house.sessions.state(session)
            while len(deaths) < life and not state.paused:
                await asyncio.sleep(0)
                state = await house.sessions.state(session)
        if state.paused:
            break
    assert len(deaths) == 21
    store = reopened(store, tmp_path)
    await _is_paused_until_a_person_goes_on(store, tmp_path, session, seq)
    store.close()


async def test_a_turn_that_dies_again_and_again_is_paused_for_a_person(store: FileStore, tmp_path: Path) -> None:
    session = seq = None
    for process in range(1, 6):
        stuck = ScriptedModel(otherwise=Line("x", gate=asyncio.Event()))
        async with open_house(store, stuck, tmp_path / "agents", node=f"node-{process}") as house:
            if session is None:
                session = await house.new()
                seq = await house.say(session, "hi")
            else:
                await house.sessions.state(session)
            log = tmp_path / "sessions" / session / "events.jsonl"
            if process < 5:
                await stuck.asked(1)
                lines = log.read_bytes()
        if process < 5:
            log.write_bytes(lines)
        store = reopened(store, tmp_path)
    assert session is not None
    assert seq is not None
    await _is_paused_until_a_person_goes_on(store, tmp_path, session, seq)
    store.close()


async def test_a_cancel_that_was_acknowledged_is_not_resumed(store: FileStore, tmp_path: Path) -> None:
    stuck = ScriptedModel([Line("one two", gate=asyncio.Event(), gate_after_chunks=1)])
    async with open_house(store, stuck, tmp_path / "agents") as house:
        session = await house.new()
        seq = await house.say(session, "hi")
        await stuck.asked(1)
        receipt = await house.sessions.post(session, Cancel())
        lines = (tmp_path / "sessions" / session / "events.jsonl").read_bytes()
    cut = b"".join(lines.splitlines(keepends=True)[: receipt.seq])
    (tmp_path / "sessions" / session / "events.jsonl").write_bytes(cut)
    again = reopened(store, tmp_path)
    async with open_house(again, ScriptedModel(), tmp_path / "agents", node="node-2") as house:
        assert (await house.sessions.answer(session, seq)).outcome == "cancelled"
    again.close()


@pytest.mark.parametrize("fate", ["deleted", "emptied", "edited", "older", "of another session", "garbage"])
async def test_a_lost_or_wrong_snapshot_is_harmless(store: FileStore, tmp_path: Path, fate: str) -> None:
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path / "agents") as house:
        session = await house.new()
        file = tmp_path / "sessions" / session / "state.yaml"
        await house.ask(session, "one")
        live = house.live(session)
        await live.finish(0)
        older = file.read_bytes()
        await house.sessions.live.unload(live)
        await house.ask(session, "two")
        live = house.live(session)
        await live.finish(0)
        expected = live.state
        newer = file.read_bytes()
    assert snapshot.load(newer, session) is not None
    assert older != newer
    match fate:
        case "deleted":
            file.unlink()
        case "older":
            file.write_bytes(older)
        case _:
            file.write_bytes(
                {
                    "emptied": b"",
                    "edited": newer.replace(b'agent: "assistant"', b'agent: "somebody"'),
                    "of another session": newer.replace(session.encode(), b"session_x"),
                    "garbage": b"\xff\0: [",
                }[fate]
            )
    again = reopened(store, tmp_path)
    async with open_house(again, ScriptedModel(), tmp_path / "agents", node="node-1") as house:
        assert await house.sessions.state(session) == expected
    again.close()


async def test_a_log_that_lost_its_end_to_somebody_is_damaged(store: FileStore, tmp_path: Path) -> None:
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path / "agents") as house:
        session = await house.new()
        await house.ask(session, "one")
        await house.live(session).finish(0)
    log = tmp_path / "sessions" / session / "events.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-2]))
    again = reopened(store, tmp_path)
    async with open_house(again, ScriptedModel(), tmp_path / "agents", node="node-2") as house:
        assert (await house.sessions.state(session)).seq == 6
        assert "state.yaml has seen 8" in house.sessions.damaged()[session]
    again.close()


async def test_idle_sessions_are_unloaded_and_opened_again_on_demand(store: FileStore, tmp_path: Path) -> None:
    async with open_house(store, ScriptedModel(["one", "two"]), tmp_path / "agents") as house:
        session = await house.new()
        await house.ask(session, "hi")
        state = await house.sessions.state(session)
        await until(lambda: not house.live(session).busy)
        house.clock.jump(1000)
        await house.sessions.housekeeping.tick_idle()
        assert list(house.sessions.live) == []
        assert await house.sessions.state(session) == state
        answered = await house.ask(session, "again")
        assert isinstance(answered.reply, ModelReplied)
        assert answered.reply.text == "two"
        assert sum(isinstance(event, OwnerClaimed) for event in await house.events(session)) == 1


async def test_the_index_is_trusted_only_while_the_log_is_what_it_was(store: FileStore, tmp_path: Path) -> None:
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path / "agents") as house:
        one, two = await house.new(), await house.new()
        await house.ask(one, "hi")
        await house.sessions.close(0)
    again = reopened(store, tmp_path)
    async with open_house(again, ScriptedModel(otherwise="ok"), tmp_path / "agents", node="node-2") as house:
        assert await house.sessions.index.fill(house.store) == []
        assert set(house.sessions.index.rows) == {one, two}
        await house.ask(two, "hi")
    third = reopened(again, tmp_path)
    async with open_house(third, ScriptedModel(), tmp_path / "agents", node="node-3") as house:
        assert await house.sessions.index.fill(house.store) == [two]
    third.close()


async def test_a_session_is_made_once_under_one_key_also_by_many_at_once(store: FileStore, tmp_path: Path) -> None:
    async with open_house(store, ScriptedModel(), tmp_path / "agents") as house:
        made = await asyncio.gather(
            *(house.sessions.create(NewSession("assistant", idempotency_key="k")) for _ in range(20))
        )
        assert len({state.session_id for state, _ in made}) == 1
        assert [duplicate for _, duplicate in made].count(False) == 1
        with pytest.raises(SessionNotFound):
            await house.sessions.post("session_nobody", Message(text="x"))


async def a_long_log_with_a_flipped_bit(store: FileStore, tmp_path: Path) -> str:
    """So long that opening looks at its tail only; the bit is far before that. Returns the session's id."""
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path / "agents") as house:
        session = await house.new()
        for _ in range(4):
            await house.ask(session, "x" * 400_000)
        await house.live(session).finish(0)
    log = tmp_path / "sessions" / session / "events.jsonl"
    data = bytearray(log.read_bytes())
    data[600_000] ^= 1
    log.write_bytes(data)
    return session


@pytest.mark.parametrize("index", ["old", "gone", "gone with the snapshots"])
async def test_a_list_right_after_a_crash_has_every_session(store: FileStore, tmp_path: Path, index: str) -> None:
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path / "agents") as house:
        sessions = {await house.new() for _ in range(6)}
        if index == "old":
            await house.sessions.housekeeping.tick_index()
        for session in sessions:
            await house.ask(session, "hello")
    if index == "gone with the snapshots":
        for session in sessions:
            (tmp_path / "sessions" / session / "state.yaml").unlink(missing_ok=True)
    again = reopened(store, tmp_path)
    async with open_house(again, ScriptedModel(), tmp_path / "agents", node="node-2") as house:
        # As the server starts them: with a list that is not filled yet.
        starting = Sessions(house.ports)
        running = asyncio.ensure_future(starting.run())
        found, _ = await starting.list()
        assert {state.session_id for state in found} == sessions
        running.cancel()
        await asyncio.wait((running,))
    again.close()


async def test_damage_in_the_middle_of_a_long_log_stays_known(store: FileStore, tmp_path: Path) -> None:
    session = await a_long_log_with_a_flipped_bit(store, tmp_path)
    again = reopened(store, tmp_path)
    async with open_house(again, ScriptedModel(), tmp_path / "agents", node="node-2") as house:
        await house.sessions.housekeeping.checks.open_all(dict.fromkeys(await house.sessions.index.fill(house.store)))
        house.clock.jump(1000)
        await house.sessions.housekeeping.tick_idle()
        with pytest.raises(Damaged):
            await house.say(session, "hi")
        assert session in house.sessions.damaged()
    again.close()


async def test_damage_in_the_middle_of_a_long_log_without_a_snapshot_is_told(store: FileStore, tmp_path: Path) -> None:
    session = await a_long_log_with_a_flipped_bit(store, tmp_path)
    (tmp_path / "sessions" / session / "state.yaml").unlink(missing_ok=True)
    again = reopened(store, tmp_path)
    async with open_house(again, ScriptedModel(), tmp_path / "agents", node="node-2") as house:
        await house.sessions.housekeeping.checks.open_all(dict.fromkeys(await house.sessions.index.fill(house.store)))
        assert session in house.sessions.damaged()
        state = await house.sessions.state(session)
        assert (state.agent, state.seq > 1) == ("assistant", True)
    again.close()


@pytest.mark.parametrize("time", ['"yesterday"', "17", '"2025-01-01T00:00:00"'])
async def test_a_log_of_v0_5_with_an_odd_time_harms_no_other_session(
    store: FileStore, tmp_path: Path, time: str
) -> None:
    folder = tmp_path / "sessions" / "session_odd"
    folder.mkdir()
    start = '"type":"session_start","agent":"assistant"}\n'
    (folder / "events.jsonl").write_text(f'{{"seq":1,"timestamp":"2025-01-01T00:00:00.123456789Z",{start}')
    with (folder / "events.jsonl").open("a") as log:
        log.write(f'{{"seq":2,"timestamp":{time},"type":"session_end"}}\n')
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path / "agents") as house:
        session = await house.new()
        await house.sessions.housekeeping.checks.open_all(dict.fromkeys(await house.sessions.index.fill(house.store)))
        assert not house.sessions.damaged()
        await house.sessions.housekeeping.tick_expired_sessions()
        found, _ = await house.sessions.list()
        # Of the old log the first line, and what says that the other one cannot be read. It has not expired.
        assert {state.session_id: state.seq for state in found if not state.closed} == {session: 2, "session_odd": 2}
        assert [type(event).__name__ for event in await house.events("session_odd")][:2] == [
            "SessionCreated",
            "HistoryAdopted",
        ]


async def test_a_session_that_was_called_damaged_by_mistake_goes_on_by_itself(tmp_path: Path) -> None:
    class Alarmed(MemoryStore):
        alarms = 3

        async def verify(self, session_id: str) -> int:
            if self.alarms > 0:
                self.alarms -= 1
                raise Damaged(session_id, "events.jsonl", 1, "a false alarm", 0)
            return await super().verify(session_id)

    async with open_house(Alarmed(), ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        await house.sessions.housekeeping.checks.open_all([session])
        assert set(house.sessions.damaged()) == {session}
        await house.sessions.housekeeping.checks.tick_damaged()
        for _ in range(3):
            assert set(house.sessions.damaged()) == {session}
            await house.clock.advance(200)
            await house.sessions.housekeeping.checks.tick_damaged()
        assert not house.sessions.damaged()
        assert (await house.ask(session, "hi")).outcome == "completed"


async def test_a_log_that_is_good_and_shorter_than_it_was_stays_damaged(tmp_path: Path) -> None:
    class Shorter(MemoryStore):
        async def verify(self, session_id: str) -> int:
            return await super().verify(session_id) - 1

    async with open_house(Shorter(), ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        (await house.sessions.live.open(session)).problem = Damaged(session, "events.jsonl", 1, "shorter", 0)
        await house.sessions.housekeeping.checks.tick_damaged()
        await house.clock.advance(10_000)
        await house.sessions.housekeeping.checks.tick_damaged()
        assert await house.sessions.damage(session) is not None
