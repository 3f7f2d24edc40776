"""A text that was forgotten is gone from the disk, and every reader says so: none calls it damage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from duragent.errors import InvalidRequest
from duragent.journal.events import FORGOTTEN, ForgottenText, MemoryRecalled, ModelCalled, TextForgotten
from duragent.journal.forgotten import moved_out_in
from duragent.journal.inputs import Close, Forget
from duragent.session.stored_log import SessionsLog
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.store import FileStore
from duragent.testing import ScriptedModel
from duragent.transfer.export import export
from duragent.transfer.fork import Fork, fork
from duragent.transfer.import_ import import_
from duragent.turn.rebuild import rebuild
from tests.support.house import House, open_house
from tests.support.logs import QuickDisk
from tests.support.notes import Notes

SECRET = b"metric units"


@dataclass
class Place:
    """Sessions in files, and one of them whose first question was given a note."""

    house: House
    root: Path
    session: str
    text: ForgottenText
    model: ScriptedModel

    async def forget(self) -> int:
        forgotten = Forget(fields=(self.text,), by="ada", reason="it was asked for")
        return (await self.house.sessions.post(self.session, forgotten)).seq

    async def recalled(self, session: str) -> list[str]:
        """What memory gave, as the server reads it, and as it is read beside it."""
        online = await self.house.records(session)
        offline = list(FileLogReader(self.root).read(session))
        assert online == offline
        return [record.event.text for record in online if isinstance(record.event, MemoryRecalled)]

    def is_whole(self, session: str) -> bool:
        found = FileLogReader(self.root).check(session)
        return found.is_whole and not found.lost_blobs

    def traces(self) -> list[Path]:
        """The files that still have the text."""
        return [path for path in self.root.rglob("*") if path.is_file() and SECRET in path.read_bytes()]


@asynccontextmanager
async def place_in(folder: Path) -> AsyncIterator[Place]:
    root, model = folder / "sessions", ScriptedModel(["one", "two", "three"])
    store = FileStore(root, disk=QuickDisk())
    store.open()
    async with open_house(store, model, folder, agent_rest="  memory: {}", memories=Notes()) as house:
        session = await house.new()
        await house.ask(session, "which units?")
        [text] = moved_out_in(await house.sessions.read(session, 0, 1_000))
        yield Place(house, root, session, text, model)
    store.close()


async def test_forgotten_text_is_gone_and_its_log_is_whole(tmp_path: Path) -> None:
    async with place_in(tmp_path) as place:
        assert place.traces() != []
        seq = await place.forget()
        assert place.traces() == []
        assert place.is_whole(place.session)
        assert await place.recalled(place.session) == [FORGOTTEN]
        assert FileLogReader(place.root).blob(place.session, place.text.sha256) == FORGOTTEN.encode()
        event = (await place.house.records(place.session))[seq - 1].event
        assert event == TextForgotten(fields=(place.text,), by="ada", reason="it was asked for")
        shown = await place.house.sessions.expand(place.session, await place.house.sessions.read(place.session, 0, 99))
        assert FORGOTTEN.encode() in shown


async def test_blob_that_nobody_forgot_is_damage_as_before(tmp_path: Path) -> None:
    async with place_in(tmp_path) as place:
        await place.house.ask(place.session, "and now?")
        await place.forget()
        [other] = (place.root / place.session / "blobs").iterdir()
        other.unlink()
        found = FileLogReader(place.root).check(place.session)
        assert (found.is_whole, found.lost_blobs) == (False, [other.name])


async def test_the_next_question_has_the_sentence_and_says_that_an_earlier_one_was_another(tmp_path: Path) -> None:
    async with place_in(tmp_path) as place:
        await place.forget()
        await place.house.ask(place.session, "and now?")
        assert place.model.requests[1].messages[1].content == FORGOTTEN
        log = SessionsLog(place.house.sessions, place.session)
        records = await place.house.records(place.session)
        asked = [record.seq for record in records if isinstance(record.event, ModelCalled)]
        again = [await rebuild(log, place.session, "assistant", seq) for seq in asked]
        assert [(each.is_equal, each.forgotten) for each in again] == [(False, True), (True, True)]


async def test_the_same_request_again_finishes_what_a_crash_has_cut_short(tmp_path: Path) -> None:
    async with place_in(tmp_path) as place:
        blob = place.root / place.session / "blobs" / place.text.sha256
        kept = blob.read_bytes()
        await place.forget()
        blob.write_bytes(kept)
        await place.forget()
        assert not blob.exists()
        events = await place.house.events(place.session)
        assert sum(isinstance(event, TextForgotten) for event in events) == 1


async def test_closed_session_forgets_too(tmp_path: Path) -> None:
    async with place_in(tmp_path) as place:
        await place.house.sessions.post(place.session, Close())
        await place.forget()
        assert (await place.house.sessions.state(place.session)).closed
        assert (place.traces(), place.is_whole(place.session)) == ([], True)


async def test_only_what_is_a_text_in_a_blob_of_its_record_is_forgotten(tmp_path: Path) -> None:
    async with place_in(tmp_path) as place:
        wrong = (
            replace_text(place.text, seq=1),
            replace_text(place.text, seq=0),
            replace_text(place.text, seq=999),
            replace_text(place.text, field="silent"),
            replace_text(place.text, sha256="0" * 64),
        )
        for text in wrong:
            with pytest.raises(InvalidRequest, match=f"record {text.seq} has no text"):
                await place.house.sessions.post(place.session, Forget(fields=(place.text, text)))
        with pytest.raises(InvalidRequest, match="no text is named"):
            await place.house.sessions.post(place.session, Forget(fields=()))
        assert await place.recalled(place.session) != [FORGOTTEN]


def replace_text(text: ForgottenText, **other: object) -> ForgottenText:
    return text.model_copy(update=other)


@pytest.mark.parametrize("behind", [True, False], ids=["behind it", "before it"])
async def test_fork_is_whole_wherever_it_begins(tmp_path: Path, behind: bool) -> None:
    async with place_in(tmp_path) as place:
        before = (await place.house.sessions.state(place.session)).seq
        at = await place.forget() if behind else await place.forget() and before
        child, _ = await fork(place.house.sessions, place.house.clock, Fork(place.session, at=at))
        assert await place.recalled(child.session_id) == [FORGOTTEN]
        assert (place.is_whole(child.session_id), place.traces()) == (True, [])
        # Of the fork there may be one more.
        grandchild, _ = await fork(place.house.sessions, place.house.clock, Fork(child.session_id))
        assert place.is_whole(grandchild.session_id)


async def test_fork_from_before_the_text_says_nothing_of_it(tmp_path: Path) -> None:
    async with place_in(tmp_path) as place:
        await place.forget()
        child, _ = await fork(place.house.sessions, place.house.clock, Fork(place.session, at=3))
        assert "text_forgotten" not in await place.house.kinds(child.session_id)


async def test_export_and_import_go_without_the_text(tmp_path: Path) -> None:
    async with place_in(tmp_path) as place:
        await place.forget()
        with await export(place.house.sessions, place.house.clock, place.session) as file:
            assert SECRET not in file.read()
            file.seek(0)
            copy = await import_(place.house.sessions, place.house.clock, file, new_id=True)
        assert await place.recalled(copy.session_id) == [FORGOTTEN]
        assert place.is_whole(copy.session_id)
