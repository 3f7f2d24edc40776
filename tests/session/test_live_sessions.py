"""The sessions in memory: opened once for many, borrowed, unloaded only when idle, and none opened at a stop."""

import asyncio
from pathlib import Path

import pytest

from duragent.errors import Damaged, NotNow, SessionNotFound, Stopping
from duragent.journal.inputs import Close, Rename, RunCommand
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.testing.scripted import Line
from tests.support.house import House, open_house
from tests.support.until import until


async def _unloaded(house: House) -> str:
    session = await house.new()
    await house.sessions.live.unload(house.live(session))
    assert house.sessions.live.get(session) is None
    return session


async def test_many_that_open_a_session_get_the_same_one(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path) as house:
        session = await _unloaded(house)
        opened = await asyncio.gather(*(house.sessions.live.open(session) for _ in range(20)))
        assert len(set(map(id, opened))) == 1
        assert list(house.sessions.live) == [opened[0]]


async def test_session_that_is_not_there_is_not_found_and_leaves_nothing(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path) as house:
        with pytest.raises(SessionNotFound):
            await house.sessions.live.open("session_none")
        assert list(house.sessions.live) == []


async def test_borrowed_session_is_unloaded_afterwards_unless_it_was_used(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path) as house:
        session, live = await _unloaded(house), house.sessions.live
        async with live.borrow(session) as borrowed:
            assert live.get(session) is borrowed
        assert live.get(session) is None
        async with live.borrow(session):
            house.clock.jump(1)
            await live.open(session)
        assert live.get(session) is not None
        async with live.borrow(session):
            pass
        assert live.get(session) is not None, "it was in memory before"


@pytest.mark.parametrize("why", ["watched", "damaged", "replaced"])
async def test_session_that_is_busy_or_troubled_is_not_unloaded(tmp_path: Path, why: str) -> None:
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path) as house:
        session, live = await house.new(), house.sessions.live
        before = house.live(session)
        if why == "watched":
            async with house.sessions.watch(session, 0):
                await live.unload(before)
        elif why == "damaged":
            before.problem = Damaged(session, "events.jsonl", 1, "a test", 0)
            await live.unload(before)
        else:
            await live.reopen(before)
            assert house.live(session) is not before
            await live.unload(before)
        assert live.get(session) is not None


async def test_stopping_server_opens_nothing_and_takes_no_input(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path) as house:
        closed, session = await _unloaded(house), await house.new()
        house.sessions.live.stopping = True
        with pytest.raises(Stopping):
            await house.sessions.live.open(closed)
        with pytest.raises(Stopping):
            await house.sessions.live.post(session, Rename(title="x"))
        assert (await house.sessions.live.open(session)).id == session, "what is in memory can be read"


@pytest.mark.parametrize("what", ["a person's command", "the turn of a closed session"])
async def test_what_is_under_way_keeps_a_session_that_is_deleted_by_its_newest_record(
    tmp_path: Path, what: str
) -> None:
    go_on, folder = asyncio.Event(), tmp_path / "project"
    folder.mkdir()
    model = ScriptedModel([Line("done", gate=go_on)])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        if what == "a person's command":
            await house.sessions.post(session, RunCommand(command="while [ ! -e go ]; do sleep 0.02; done"))
        else:
            await house.say(session, "hello")
            await until(lambda: house.live(session).state.turn)
            await house.sessions.post(session, Close())
        with pytest.raises(NotNow, match="is at work"):
            await house.sessions.delete(session, head=(await house.sessions.state(session)).seq)
        go_on.set()
        (folder / "go").touch()
        await house.idle(session)
        await house.sessions.delete(session, head=(await house.sessions.state(session)).seq)
        with pytest.raises(SessionNotFound):
            await house.sessions.state(session)
