"""A workspace that v0.5.4 used: each session is listed, read, continued and copied; what v0.5 wrote stays as it was."""

import errno
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from duragent.crashpoint import CrashPointReached
from duragent.errors import LogChanged, NotDamaged, SessionIsClosed, StoreFull, Unavailable
from duragent.journal import events as e
from duragent.journal.events import SessionRenamed
from duragent.journal.inputs import Message, Rename
from duragent.journal.record import Record, crc_seed, encode
from duragent.journal.state import SessionState
from duragent.session.expiry import expired_sessions
from duragent.stores.base import Claim
from duragent.stores.files.checkup import check
from duragent.stores.files.disk import Disk
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.store import FileStore
from duragent.stores.replay import replay
from duragent.testing import FakeClock, ScriptedModel
from duragent.transfer.export import export
from duragent.transfer.fork import Fork, fork
from duragent.transfer.import_ import import_
from tests.journal.legacy.test_log import EXPECTED, said
from tests.stores.test_import_log import _Dead
from tests.support.house import House, open_house
from tests.support.legacy_log import OldSession
from tests.support.legacy_workspace import MADE, WORKSPACE, session_id
from tests.support.logs import FaultyDisk, QuickDisk
from tests.support.wellformed import refusal

OPEN = [name for name in MADE if name != "D0NE"]


@dataclass
class Place:
    house: House
    model: ScriptedModel
    store: "CountingStore"
    root: Path

    async def list(self) -> list[SessionState]:
        """As a start does: what the index does not know is opened."""
        sessions = self.house.sessions
        await sessions.housekeeping.checks.open_all(await sessions.index.fill(self.store))
        return (await sessions.list(limit=100))[0]

    def files(self, session: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.root / session).iterdir() if path.is_file()}


class CountingStore(FileStore):
    """Counts the records that are read."""

    read_records = 0

    async def read(self, claim: Claim, after: int, limit: int) -> bytes:
        lines = await super().read(claim, after, limit)
        self.read_records += lines.count(b"\n")
        return lines


class WithoutState(QuickDisk):
    """While it `refuses`, v0.5's `state.json` cannot be read."""

    refuses = False

    def read_file(self, path: Path, limit_bytes: int) -> bytes:
        if self.refuses and path.name == "state.json":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read_file(path, limit_bytes)


@asynccontextmanager
async def opened(folder: Path, *, disk: Disk | None = None, node: str = "node-1") -> AsyncIterator[Place]:
    store = CountingStore(folder / "sessions", disk=disk or QuickDisk())
    store.open()
    model = ScriptedModel(otherwise="well, well")
    clock = FakeClock(hurried=True)
    try:
        async with open_house(store, model, folder / "work", clock=clock, node=node) as house:
            yield Place(house, model, store, folder / "sessions")
    finally:
        store.close()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    shutil.copytree(WORKSPACE / "sessions", tmp_path / "sessions")
    async with opened(tmp_path) as found:
        yield found


def stored(place: Place, session: str) -> list[Record]:
    return list(FileLogReader(place.root).read(session))


async def test_looking_changes_no_file(place: Place, tmp_path: Path) -> None:
    def all_files() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in place.root.rglob("*") if path.is_file()}

    before = all_files()
    listed = {state.session_id: state for state in await place.list()}
    assert sorted(listed) == sorted(EXPECTED)
    assert not place.house.sessions.damaged()
    for session in listed:
        records = await place.house.records(session)
        assert said(records) == EXPECTED[session]
        assert records == stored(place, session)
        back = await place.house.sessions.read_back(session, None, 10_000)
        assert said(await place.house.sessions.records(session, back)) == EXPECTED[session]
        found = check(place.root, session)
        assert (found.damage, found.records, found.behind_bytes) == (None, listed[session].seq, 0)
        assert replay(FileLogReader(place.root), session).state == await place.house.sessions.state(session)
        with pytest.raises(NotDamaged):
            await place.house.sessions.repair(session)
    assert all_files() == before


@pytest.mark.parametrize("name", OPEN)
async def test_session_goes_on_with_its_whole_past(place: Place, name: str, tmp_path: Path) -> None:
    session, before = session_id(name), place.files(session_id(name))
    shown = await place.house.records(session)
    answered = await place.house.ask(session, "and now?")
    assert (answered.outcome, answered.reply and answered.reply.text) == ("completed", "well, well")
    request = place.model.requests[-1]
    assert refusal(request) is None
    texts = [[each.role, each.content] for each in request.messages if each.content and not each.calls]
    talk = [each for each in texts if each[0] in ("user", "assistant")]
    assert talk == [*EXPECTED[session], ["user", "and now?"]]
    # What was shown before is what was written, and v0.5's own files are there as they were.
    assert (await place.house.records(session))[: len(shown)] == shown
    after = place.files(session)
    assert after.get("events.v0.5.jsonl") == before["events.jsonl"]
    for kept in ("state.json", "events.archive.jsonl"):
        assert after.get(kept) == before.get(kept)
    found = check(place.root, session)
    assert (found.damage, found.behind_bytes, found.notes) == (None, 0, found.notes)
    # From now on it is a log as any other.
    async with opened(tmp_path, node="node-2") as later:
        assert (await later.house.ask(session, "still there?")).outcome == "completed"
        assert said(await later.house.records(session))[: len(EXPECTED[session])] == EXPECTED[session]
        assert later.files(session)["events.jsonl"].startswith(after["events.jsonl"])


async def test_completed_session_stays_completed(place: Place) -> None:
    with pytest.raises(SessionIsClosed):
        await place.house.say(session_id("D0NE"), "hello?")
    assert "events.v0.5.jsonl" not in place.files(session_id("D0NE"))


@pytest.mark.parametrize("name", OPEN)
async def test_a_file_for_a_message_leaves_an_old_log_as_it_is_until_the_message(
    place: Place, name: str, tmp_path: Path
) -> None:
    session, before = session_id(name), place.files(session_id(name))
    file = await place.house.sessions.attach(session, b"one\n", "notes.txt")
    assert place.files(session) == before
    # A crash in between: it is still v0.5's log, and the file is there.
    async with opened(tmp_path, node="node-2") as later:
        assert said(await later.house.records(session)) == EXPECTED[session]
        posted = await later.house.sessions.post(session, Message(text="read this", attachments=(file,)))
        assert (await later.house.sessions.answer(session, posted.seq)).outcome == "completed"
        assert "one\n[end of notes.txt]" in later.model.requests[-1].messages[-1].content
        found = check(later.root, session)
        assert (found.damage, found.lost_blobs) == (None, [])


async def test_sessions_expire_only_after_they_were_continued_here(place: Place) -> None:
    session = session_id("WHLE")
    await place.house.ask(session, "and now?")
    later = replace(place.house.ports, clock=FakeClock(datetime(2030, 1, 1, tzinfo=UTC)))
    assert [name for name, _ in expired_sessions(await place.list(), later)] == [session]


@pytest.mark.parametrize("written", [False, True], ids=["as v0.5 left it", "gone on with"])
@pytest.mark.parametrize("name", OPEN)
async def test_session_is_forked_exported_and_imported(place: Place, name: str, written: bool) -> None:
    house, session = place.house, session_id(name)
    if written:
        await house.sessions.post(session, Rename(title="Old"))
    records = await house.records(session)
    with await export(house.sessions, house.clock, session) as file:
        beside = await import_(house.sessions, house.clock, file, new_id=True)
        file.seek(0)
        await house.sessions.delete(session)
        await import_(house.sessions, house.clock, file, new_id=False)
    assert await house.records(session) == records
    forked = (await fork(house.sessions, house.clock, Fork(session)))[0].session_id
    for copy in (beside.session_id, forked, session):
        assert said(await house.records(copy)) == EXPECTED[session]
        assert check(place.root, copy).damage is None
        assert (await house.ask(copy, "and now?")).outcome == "completed"
    assert (await house.sessions.state(beside.session_id)).gateway == ("telegram" if name == "CHAT" else None)


# --- crashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["DSCD", "EMPT", pytest.param("ARCH", marks=pytest.mark.campaign)])
async def test_killed_at_every_operation_of_the_adoption_it_is_the_old_log_or_the_new_one(
    tmp_path: Path, name: str
) -> None:
    session, ends = session_id(name), set[bool]()
    for steps in count():
        folder = tmp_path / str(steps)
        shutil.copytree(WORKSPACE / "sessions" / session, folder / "sessions" / session)
        before = {path.name: path.read_bytes() for path in (folder / "sessions" / session).iterdir()}
        shown = list(FileLogReader(folder / "sessions").lines(session))
        survived = await _renamed(folder, _Dead(steps))
        after = {path.name: path.read_bytes() for path in (folder / "sessions" / session).iterdir()}
        is_old = after["events.jsonl"] == before["events.jsonl"]
        ends.add(is_old)
        assert is_old or after["events.v0.5.jsonl"] == before["events.jsonl"]
        assert all(after[name] == data for name, data in before.items() if name != "events.jsonl")
        assert list(FileLogReader(folder / "sessions").lines(session))[: len(shown)] == shown
        async with opened(folder, node="node-2") as place:
            assert (await place.house.ask(session, "and now?")).outcome == "completed"
            assert said(await place.house.records(session))[: len(EXPECTED[session])] == EXPECTED[session]
        assert check(folder / "sessions", session).damage is None
        kept = sorted(path.name for path in (folder / "sessions" / session).glob("events.v0.5*"))
        assert kept == ["events.v0.5.jsonl"]
        shutil.rmtree(folder)
        if survived:
            break
    assert steps > 8
    assert ends == {True, False}


async def _renamed(folder: Path, disk: Disk) -> bool:
    store = FileStore(folder / "sessions", disk=disk)
    session = next((folder / "sessions").iterdir()).name
    try:
        claim = await store.claim(session)
        lines = FileLogReader(folder / "sessions").lines(session)
        renamed = Record(claim.head + 1, "2026-11-21T00:00:00.000Z", e.SessionRenamed(title="x"))
        more = encode(renamed, crc_seed(session))
        assert len(list(lines)) == claim.head
        await store.append(claim, [more.line], expect=claim.head)
        return True
    except CrashPointReached:
        return False
    finally:
        store.close()


async def test_full_disk_leaves_the_old_log_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    session = session_id("ARCH")
    for nth in count(1):
        folder = tmp_path / str(nth)
        shutil.copytree(WORKSPACE / "sessions" / session, folder / "sessions" / session)
        disk = FaultyDisk()
        async with opened(folder, disk=disk) as place:
            disk.fail(nth, 28)
            try:
                await place.house.sessions.post(session, Rename(title="x"))
                break
            except StoreFull:
                pass
            disk.heal()
            await place.house.sessions.post(session, Rename(title="x"))
            assert said(await place.house.records(session)) == EXPECTED[session]
        assert check(folder / "sessions", session).damage is None
        shutil.rmtree(folder)
    assert nth > 8


async def test_v05_that_writes_meanwhile_is_noticed_before_anything_is_written(place: Place, tmp_path: Path) -> None:
    session = session_id("WHLE")
    await place.house.records(session)
    path = place.root / session / "events.jsonl"
    more = b'{"seq":99,"timestamp":"2026-02-18T10:00:00Z","type":"user_message","content":"!"}\n'
    before = path.read_bytes() + more
    path.write_bytes(before)
    with pytest.raises(LogChanged, match=r"duragent v0\.5 has written"):
        await place.house.sessions.post(session, Rename(title="x"))
    assert path.read_bytes() == before
    async with opened(tmp_path, node="node-2") as later:
        assert said(await later.house.records(session))[-1] == ["user", "!"]


class BesideV05(QuickDisk):
    """A disk on which v0.5 writes `more` to its log before the `nth` step of ours."""

    def __init__(self, nth: int, log: Path, more: bytes) -> None:
        self.left, self.log, self.more = nth, log, more

    def _step(self) -> None:
        self.left -= 1
        if self.left == 0:
            with self.log.open("ab") as file:
                file.write(self.more)

    def create(self, path: Path) -> int:
        self._step()
        return super().create(path)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        # The log is one of today when a record is added.
        if b"session_renamed" not in data:
            self._step()
        super().write(fd, data, offset)

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)

    def sync_folder(self, path: Path) -> None:
        self._step()
        super().sync_folder(path)


async def test_what_v05_writes_at_any_step_is_in_a_file_and_nothing_is_acknowledged_over_it(tmp_path: Path) -> None:
    session = session_id("WHLE")
    more = b'{"seq":99,"timestamp":"2026-02-18T10:00:00Z","type":"user_message","content":"!"}\n'
    for nth in count(1):
        folder = tmp_path / str(nth)
        shutil.copytree(WORKSPACE / "sessions" / session, folder / session)
        disk = BesideV05(0, folder / session / "events.jsonl", more)
        store = FileStore(folder, disk=disk)
        store.open()
        claim = await store.claim(session)
        disk.left = nth
        record = Record(claim.head + 1, "2026-11-21T10:00:00.000Z", SessionRenamed(title="x"))
        try:
            await store.append(claim, [encode(record, crc_seed(session)).line], expect=claim.head)
            # Then v0.5 wrote behind all of it, or not at all.
            assert disk.left > 0
            break
        except LogChanged:
            pass
        store.close()
        kept = [path.read_bytes() for path in (folder / session).iterdir() if path.is_file()]
        assert any(more in data for data in kept), nth
    store.close()
    assert nth > 6


# --- long, and odd ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rounds", [600, pytest.param(10_000, marks=pytest.mark.campaign)])
async def test_long_old_log_is_summed_up_once(tmp_path: Path, rounds: int) -> None:
    old = OldSession(session_id("L0NG"))
    for at in range(rounds):
        old.user(f"q{at}")
        old.reply(f"a{at}")
    old.checkpoint_seq = 0
    old.conversation = []
    old.write(tmp_path / "sessions")
    async with opened(tmp_path) as first:
        assert [state.totals.messages for state in await first.list()] == [rounds]
        assert first.store.read_records >= 2 * rounds
        await first.house.sessions.close(0)
    async with opened(tmp_path, node="node-2") as second:
        (state,) = await second.list()
        assert second.store.read_records == 0
        assert (await second.house.sessions.state(state.session_id)).totals.messages == rounds
        assert second.store.read_records == 0
        assert (await second.house.ask(state.session_id, "and now?")).outcome == "completed"
    assert "events.v0.5.jsonl" in {path.name for path in (tmp_path / "sessions" / state.session_id).iterdir()}


async def test_summary_of_v04_is_kept_under_another_name(place: Place) -> None:
    session = session_id("WHLE")
    (place.root / session / "state.json").rename(place.root / session / "state.yaml")
    before = place.files(session)["state.yaml"]
    assert (await place.house.ask(session, "and now?")).outcome == "completed"
    await place.house.sessions.close(0)
    after = place.files(session)
    assert (after["state.v0.4.yaml"], after["state.yaml"] == before) == (before, False)


async def test_text_too_long_for_a_line_is_read_before_and_after_the_adoption(tmp_path: Path) -> None:
    old = OldSession(session_id("B1GG"))
    old.user("x" * (2 << 20))
    old.reply("long")
    old.write(tmp_path / "sessions")
    async with opened(tmp_path) as place:
        for _ in range(2):
            assert said(await place.house.records(old.session_id))[0][1] == "x" * (2 << 20)
            assert said(stored(place, old.session_id))[0][1] == "x" * (2 << 20)
            assert check(place.root, old.session_id).blobs == 1
            await place.house.sessions.post(old.session_id, Rename(title="x"))


async def test_state_that_cannot_be_read_now_is_waited_for(tmp_path: Path) -> None:
    old = OldSession(session_id("N0TN"))
    old.talk(40)
    old.compact()
    old.write(tmp_path / "sessions")
    disk = WithoutState()
    async with opened(tmp_path, disk=disk) as place:
        disk.refuses = True
        with pytest.raises(Unavailable):
            await place.house.say(old.session_id, "and now?")
        disk.refuses = False
        assert (await place.house.ask(old.session_id, "and now?")).outcome == "completed"
        assert said(await place.house.records(old.session_id))[: len(old.said)] == [list(each) for each in old.said]


@pytest.mark.parametrize("left", ["nothing", "garbage", "link", "folder", "fifo"])
async def test_state_that_is_no_file_stops_no_session(tmp_path: Path, left: str) -> None:
    old = OldSession(session_id("0DDD"))
    old.talk(3)
    folder = old.write(tmp_path / "sessions")
    state = folder / "state.json"
    state.unlink()
    match left:
        case "garbage":
            state.write_bytes(b"\0" * 100)
        case "link":
            state.symlink_to("/dev/zero")
        case "folder":
            state.mkdir()
        case "fifo":
            os.mkfifo(state)
    async with opened(tmp_path) as place:
        assert (await place.house.ask(old.session_id, "and now?")).outcome == "completed"
        assert said(await place.house.records(old.session_id))[:6] == [list(each) for each in old.said]
        assert bool(check(place.root, old.session_id).notes) == (left != "nothing")


async def test_emptied_log_of_today_is_not_taken_for_one_of_v05(place: Place) -> None:
    """Its state.json is still there: what was said since must not vanish as if it had never been."""
    session = session_id("EMPT")
    await place.house.ask(session, "and now?")
    await place.house.sessions.close(0)
    (place.root / session / "events.jsonl").write_bytes(b"")
    assert check(place.root, session).damage is not None


def test_expected_is_what_people_said() -> None:
    assert json.loads((WORKSPACE / "expected.json").read_text()).keys() == {session_id(name) for name in MADE}
