"""Each tick of the housekeeping by itself."""

from pathlib import Path

from duragent.errors import Unavailable
from duragent.session.index import load
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.turn.settings import SessionsSettings
from tests.support.house import open_house
from tests.support.until import until


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


async def test_session_that_was_not_used_for_its_hours_is_closed(tmp_path: Path) -> None:
    settings = SessionsSettings(ttl_hours=1)
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path, settings=settings) as house:
        session = await house.new()
        await house.sessions.housekeeping.tick_expired_sessions()
        assert not (await house.sessions.state(session)).closed
        house.clock.jump(3601)
        await house.sessions.housekeeping.tick_expired_sessions()
        assert (await house.sessions.state(session)).closed
