"""What is kept of files goes with a session: into a fork, an export and an import, where an undo finds it."""

from pathlib import Path

from duragent.errors import Damaged
from duragent.journal.events import UndoFinished, UndoRequested
from duragent.journal.inputs import Undo
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.store import FileStore
from duragent.testing import ScriptedModel
from duragent.transfer.export import export
from duragent.transfer.fork import Fork, fork
from duragent.transfer.import_ import import_
from tests.support.edits import FILES, edit, write
from tests.support.house import House, open_house
from tests.support.logs import QuickDisk


def _store(folder: Path) -> FileStore:
    store = FileStore(folder / "sessions", disk=QuickDisk())
    store.open()
    return store


async def _edited(house: House, folder: Path) -> str:
    (folder / "policy.yaml").write_text("mode: dangerous\n")
    (folder / "project/a").write_text("one")
    session = await house.new()
    await house.ask(session, "go")
    return session


async def _undone(house: House, session: str) -> UndoFinished:
    await house.sessions.post(session, Undo())
    await house.idle(session)
    return next(event for event in reversed(await house.events(session)) if isinstance(event, UndoFinished))


def _model() -> ScriptedModel:
    return ScriptedModel([write("a", "two"), edit("a", "two", "three"), write("new", "x"), "ok"])


async def test_a_fork_undoes_what_the_original_did_and_the_original_sees_that(tmp_path: Path) -> None:
    async with open_house(_store(tmp_path), _model(), tmp_path, agent_rest=FILES) as house:
        session = await _edited(house, tmp_path)
        forked, _ = await fork(house.sessions, house.clock, Fork(session))
        assert [file.path for file in (await _undone(house, forked.session_id)).restored] == ["a", "new"]
        assert (tmp_path / "project/a").read_text() == "one"
        _, files = await house.live(session).planned_undo("")
        assert files == []
        found = FileLogReader(tmp_path / "sessions").check(forked.session_id)
        assert (found.lost_blobs, found.damage) == ([], None)


async def test_an_import_undoes_what_was_done_before_the_export(tmp_path: Path) -> None:
    async with open_house(_store(tmp_path), _model(), tmp_path, agent_rest=FILES) as house:
        session = await _edited(house, tmp_path)
        with await export(house.sessions, house.clock, session) as file:
            await house.sessions.delete(session)
            await import_(house.sessions, house.clock, file, new_id=False)
        assert len((await _undone(house, session)).restored) == 2
    assert ((tmp_path / "project/a").read_text(), (tmp_path / "project/new").exists()) == ("one", False)


async def test_a_fork_in_the_middle_of_an_undo_does_not_go_on_with_it(tmp_path: Path) -> None:
    store = _store(tmp_path)
    async with open_house(store, _model(), tmp_path, agent_rest=FILES) as house:
        session = await _edited(house, tmp_path)
        await _undone(house, session)
        at = next(record.seq for record in await house.records(session) if isinstance(record.event, UndoRequested))
        forked, _ = await fork(house.sessions, house.clock, Fork(session, at=at))
        assert (forked.undoing, forked.has_work) == (None, False)
        ended = [event for event in await house.events(forked.session_id) if isinstance(event, UndoFinished)]
        assert [[each.why for each in event.refused] for event in ended] == [["the session was forked meanwhile"]]


async def test_a_blob_that_is_gone_is_found_and_the_file_stays(tmp_path: Path) -> None:
    async with open_house(_store(tmp_path), _model(), tmp_path, agent_rest=FILES) as house:
        session = await _edited(house, tmp_path)
        _, files = await house.live(session).planned_undo("")
        requested = next(file for file in files if file.path == "a")
        assert requested.diff
        for blob in (tmp_path / "sessions" / session / "blobs").iterdir():
            if blob.read_text() == "one":
                blob.unlink()
        ended = await _undone(house, session)
        assert [file.path for file in ended.restored] == ["new"]
        assert [(file.path, "what was there is lost" in file.why) for file in ended.refused] == [("a", True)]
        found = FileLogReader(tmp_path / "sessions").check(session)
        assert isinstance(found.damage, Damaged)
        assert len(found.lost_blobs) == 1
    assert (tmp_path / "project/a").read_text() == "three"
