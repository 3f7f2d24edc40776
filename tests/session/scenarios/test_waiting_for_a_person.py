"""Sessions that wait for a person: what they keep across restarts, and that none of them stands in another's way."""

import shutil
from pathlib import Path

import pytest

from duragent.bus import MAX_OUTPUT_CHARS, OutputDelta, Subscription
from duragent.errors import Damaged, InvalidRequest, NothingToDo
from duragent.journal.inputs import Decision, Pause
from duragent.stores.base import Store
from duragent.stores.files.store import FileStore
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.settings import SessionsSettings
from tests.support.house import House, open_house
from tests.support.tool_calls import BASH, bash, calls, question, wait_for_end
from tests.support.until import until

FIFTY = BASH + "\n  session: {max_tool_iterations: 50}"


async def quiet(house: House, session: str) -> None:
    """Wait until nothing of it is under way, and unload it."""
    live = house.live(session)
    await until(lambda: not live.busy)
    await house.sessions.live.unload(live)
    assert house.sessions.live.get(session) is None


@pytest.mark.parametrize("restarted", [True, False])
async def test_the_agents_own_limits_hold_after_a_restart_and_after_an_unload(tmp_path: Path, restarted: bool) -> None:
    store: Store = MemoryStore()
    thinks = [calls(("think", {"thought": str(number)})) for number in range(12)]
    model = ScriptedModel([*thinks, bash("touch x"), "done"])
    async with open_house(store, model, tmp_path, agent_rest=FIFTY) as house:
        session = await house.new()
        await house.say(session, "go")
        asked = await question(house, session)
        if not restarted:
            await quiet(house, session)
            await house.sessions.post(session, Decision(call=asked.call, decision="deny"))
            assert (await wait_for_end(house, session)).outcome == "completed"
            return
    async with open_house(store, ScriptedModel(["done"]), tmp_path, agent_rest=FIFTY, node="node-2") as house:
        await house.sessions.post(session, Decision(call=asked.call, decision="deny"))
        assert (await wait_for_end(house, session)).outcome == "completed"


@pytest.mark.parametrize("fault", ["gone", "damaged"])
async def test_a_session_that_cannot_be_read_hides_no_others_question(tmp_path: Path, fault: str) -> None:
    store = FileStore(tmp_path / "sessions")
    store.open()
    async with open_house(store, ScriptedModel(otherwise=bash("touch x")), tmp_path, agent_rest=BASH) as house:
        one, two = await house.new(), await house.new()
        for session in (one, two):
            await house.say(session, "go")
            await question(house, session)
            await quiet(house, session)
        folder = tmp_path / "sessions" / one
        if fault == "gone":
            shutil.rmtree(folder)
        else:
            log = folder / "events.jsonl"
            log.write_bytes(log.read_bytes().replace(b"touch x", b"touch y", 1))
        assert [asked.session_id for asked in await house.sessions.questions()][-1] == two
    store.close()


async def test_looking_for_expired_approvals_opens_no_session(tmp_path: Path) -> None:
    settings = SessionsSettings(approval_ttl_hours=1)
    model = ScriptedModel([bash("touch x")])
    async with open_house(
        MemoryStore(), model, tmp_path, agent_rest=BASH, clock=FakeClock(), settings=settings
    ) as house:
        session = await house.new()
        await house.say(session, "go")
        await question(house, session)
        await quiet(house, session)
        await house.sessions.housekeeping.tick_expired_approvals()
        assert house.sessions.live.get(session) is None


async def test_a_day_of_pause_is_no_work(tmp_path: Path) -> None:
    rest = BASH + "\n  session: {turn_budget: {seconds: 60}}"
    clock = FakeClock()
    model = ScriptedModel([bash("touch x"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=rest, clock=clock) as house:
        session = await house.new()
        seq = await house.say(session, "go")
        asked = await question(house, session)
        await house.decide(session, asked.call)
        await house.sessions.post(session, Pause(reason="later"))
        await clock.advance(86_400)
        await house.say(session, "go on")
        assert (await house.sessions.answer(session, seq)).outcome == "completed"


async def test_damage_that_a_read_finds_is_told_everywhere(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "sessions")
    store.open()
    async with open_house(store, ScriptedModel([bash("touch x")]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "go")
        await question(house, session)
        log = tmp_path / "sessions" / session / "events.jsonl"
        data = log.read_bytes()
        with log.open("r+b") as file:
            file.seek(data.index(b"touch x"))
            file.write(b"touch y")
        with pytest.raises(Damaged):
            await house.records(session)
        assert session in house.sessions.damaged()
    store.close()


async def test_output_that_nobody_reads_does_not_pile_up() -> None:
    subscription = Subscription()
    sizes = {"a": 0, "b": 0}
    for _ in range(2_000):
        for call, size in sizes.items():
            subscription.put(OutputDelta("t", 1, 1, "output", size, "x" * 1_000, call))
            sizes[call] += 1_000
    waiting = [await subscription.next(), await subscription.next()]
    ends = [
        (item.call, item.offset + len(item.text), len(item.text)) for item in waiting if isinstance(item, OutputDelta)
    ]
    assert ends == [("a", 2_000_000, MAX_OUTPUT_CHARS), ("b", 2_000_000, MAX_OUTPUT_CHARS)]


async def test_an_approval_that_has_expired_cannot_be_given_any_more(tmp_path: Path) -> None:
    clock = FakeClock()
    settings = SessionsSettings(approval_ttl_hours=1)
    model = ScriptedModel([bash("touch made"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH, clock=clock, settings=settings) as house:
        session = await house.new()
        await house.say(session, "go")
        asked = await question(house, session)
        await clock.advance(3_601)
        with pytest.raises(NothingToDo, match="counts as denied"):
            await house.decide(session, asked.call)


@pytest.mark.parametrize("pattern", ["", "garbage", "bsh:ls", "bash:"])
async def test_a_pattern_that_means_nothing_is_refused_and_nothing_is_decided(tmp_path: Path, pattern: str) -> None:
    async with open_house(MemoryStore(), ScriptedModel([bash("touch made")]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "go")
        asked = await question(house, session)
        decision = Decision(call=asked.call, decision="allow_always", patterns=(pattern,))
        with pytest.raises(InvalidRequest):
            await house.sessions.post(session, decision)
        assert await house.sessions.question(session) is not None
