"""Each tick of the housekeeping by itself."""

import asyncio
from dataclasses import replace
from pathlib import Path

from duragent.errors import Unavailable
from duragent.session.index import load
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.testing.scripted import Line
from duragent.turn.settings import SessionsSettings
from duragent.turn.temporary_folders import TemporaryFolders
from tests.support.house import open_house
from tests.support.until import until
from tests.support.workbench import workbench_in


async def test_list_is_saved_when_it_has_changed_and_only_then(tmp_path: Path) -> None:
    store = MemoryStore()
    async with open_house(store, ScriptedModel(), tmp_path) as house:
        session = await house.new()
        await house.sessions.housekeeping.tick_index()
        assert set(load(await store.get_index())) == {session}
        await store.put_index(b"")
        await house.sessions.housekeeping.tick_index()
        assert await store.get_index() == b""


async def test_session_that_the_disk_failed_is_opened_again(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(otherwise="ok"), tmp_path) as house:
        session = await house.new()
        failed = house.live(session)
        failed.writer.fail(Unavailable("the disk failed"))
        assert house.sessions.trouble() == "the disk failed"
        await house.sessions.housekeeping.tick_failed()
        assert house.live(session) is not failed
        assert (await house.ask(session, "hi")).outcome == "completed"


async def test_session_is_unloaded_when_it_was_idle_for_long_enough(tmp_path: Path) -> None:
    settings = SessionsSettings(idle_unload_seconds=100)
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path, settings=settings) as house:
        session = await house.new()
        house.clock.jump(99)
        await house.sessions.housekeeping.tick_idle()
        assert house.sessions.live.get(session) is not None
        house.clock.jump(2)
        await until(lambda: not house.live(session).busy)
        await house.sessions.housekeeping.tick_idle()
        assert house.sessions.live.get(session) is None


async def test_tmp_of_a_session_lives_as_long_as_the_session_is_in_memory(tmp_path: Path) -> None:
    folders = TemporaryFolders(tmp_path / "tmp")
    bench = replace(workbench_in(tmp_path), temporary=folders)
    settings = SessionsSettings(idle_unload_seconds=100)
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path, settings=settings, workbench=bench) as house:
        unloaded, deleted, stays = [await house.new() for _ in range(3)]
        for session in (unloaded, deleted, stays):
            folders.of(session)
        house.clock.jump(101)
        house.live(stays).last_used = house.clock.monotonic()
        house.live(deleted).last_used = house.clock.monotonic()
        await house.sessions.housekeeping.tick_idle()
        assert set(folders.names()) == {deleted, stays}
        await house.sessions.delete(deleted)
        assert list(folders.names()) == [stays]


async def test_start_removes_what_a_dead_server_left_in_tmp_but_not_of_sessions_that_it_goes_on_with(
    tmp_path: Path,
) -> None:
    folders, store = TemporaryFolders(tmp_path / "tmp"), MemoryStore()
    bench = replace(workbench_in(tmp_path), temporary=folders)
    never = Line("never", gate=asyncio.Event())
    async with open_house(store, ScriptedModel([never]), tmp_path, workbench=bench) as house:
        idle, working = await house.new(), await house.new()
        await house.say(working, "go on")
        await until(lambda: house.live(working).state.has_work)
        for session in (idle, working, "session_of_nobody"):
            folders.of(session)
    async with open_house(store, ScriptedModel([never]), tmp_path, workbench=bench, node="node-2") as house:
        await house.sessions.housekeeping.start()
        assert list(folders.names()) == [working]


async def test_session_that_was_not_used_for_its_hours_is_closed(tmp_path: Path) -> None:
    settings = SessionsSettings(ttl_hours=1)
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path, settings=settings) as house:
        session = await house.new()
        await house.sessions.housekeeping.tick_expired_sessions()
        assert not (await house.sessions.state(session)).closed
        house.clock.jump(3601)
        await house.sessions.housekeeping.tick_expired_sessions()
        assert (await house.sessions.state(session)).closed
