"""Forks, imports and repairs: the same past, nothing done twice, and the original as it was."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from duragent.errors import Damaged, IdempotencyMismatch, InvalidRequest, NotDamaged, SessionExists, SessionNotFound
from duragent.journal import events as e
from duragent.journal.inputs import Close, Decision, Rename
from duragent.session.sessions import NewSession
from duragent.session.watch import LogHead
from duragent.stores.files.checkup import check
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from duragent.testing import FakeClock, Line, ScriptedModel
from duragent.transfer.export import export
from duragent.transfer.fork import Fork, fork
from duragent.transfer.import_ import import_
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import House, open_house
from tests.support.logs import QuickDisk
from tests.support.places import GOLDEN
from tests.support.tool_calls import BASH, bash, calls, question
from tests.support.wellformed import refusal

START = datetime(2026, 11, 20, tzinfo=UTC)
OLD_LOG = GOLDEN / "duragent-rust-v0.5.jsonl"
LONG = "seq -f 'line %g' 30000; echo long >> effects"


@dataclass
class Place:
    """A house on real files, whose agent has bash."""

    house: House
    model: ScriptedModel
    folder: Path
    store: FileStore

    @property
    def root(self) -> Path:
        return self.folder / "sessions"

    @property
    def effects(self) -> list[str]:
        """What commands did to the world, so far."""
        path = self.folder / "work" / "project" / "effects"
        return path.read_text().split() if path.exists() else []

    def log(self, session: str) -> bytes:
        sealed = sorted((self.root / session).glob("events-*.jsonl"), key=lambda path: int(path.stem[7:]))
        return b"".join(path.read_bytes() for path in [*sealed, self.root / session / "events.jsonl"])

    async def fork(
        self, session: str, at: int | None = None, *, title: str | None = None, key: str | None = None
    ) -> str:
        return (await fork(self.house.sessions, self.house.clock, Fork(session, at, title, key)))[0].session_id

    async def allow(self, session: str) -> None:
        asked = await question(self.house, session)
        await self.house.decide(session, asked.call)

    async def finish(self, session: str, text: str) -> None:
        """Say it, and allow what is asked until the turn has ended."""
        said = await self.house.say(session, text)
        answer = asyncio.ensure_future(self.house.sessions.answer(session, said))
        async with asyncio.timeout(LIMIT_SECONDS):
            while not answer.done() or (await answer).outcome == "waiting":
                if (await self.house.sessions.state(session)).asks:
                    await self.allow(session)
                    answer = asyncio.ensure_future(self.house.sessions.answer(session, said))
                await asyncio.sleep(0.002)


@asynccontextmanager
async def place_in(folder: Path, *, rotation: Rotation | None = None, days: int = 0) -> AsyncIterator[Place]:
    store = FileStore(folder / "sessions", disk=QuickDisk(), rotation=rotation)
    store.open()
    model = ScriptedModel(otherwise="and so on")
    # Each process has a time of its own, and so ids of its own.
    clock, node = FakeClock(START + timedelta(days=days), hurried=True), f"node-{days}"
    try:
        async with open_house(store, model, folder / "work", agent_rest=BASH, node=node, clock=clock) as house:
            yield Place(house, model, folder, store)
    finally:
        store.close()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as found:
        yield found


async def eventful(place: Place) -> str:
    """A session with tools side by side, approvals, a denial, a long output, a rename; in a turn, one more waits."""
    house, model = place.house, place.model
    session = await house.new()
    model.add("hello", calls(("think", {"thought": "hm"}), ("think", {"thought": "aha"})), "thought about it")
    await house.ask(session, "hi")
    await house.ask(session, "think")
    model.add(bash("echo one >> effects"), bash(LONG), "both done")
    await place.finish(session, "do two things")
    model.add(bash("echo no >> effects"), "then not")
    said = await house.say(session, "and a third")
    asked = await question(house, session)
    await house.sessions.post(session, Decision(call=asked.call, decision="deny"))
    await house.sessions.answer(session, said)
    gate = asyncio.Event()
    model.add(calls(("bash", {"command": "echo two >> effects"}), ("think", {"thought": "x"})), Line("late", gate=gate))
    await house.say(session, "in the middle")
    await place.allow(session)
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await _asks_model(house, session):
            await asyncio.sleep(0.002)
    await house.say(session, "are you there?")
    assert place.effects == ["one", "long", "two"]
    return session


async def _asks_model(house: House, session: str) -> bool:
    turn = (await house.sessions.state(session)).turn
    return turn is not None and turn.asking is not None and turn.asking.step == 2 and turn.asking.status == "open"


async def past(house: House, session: str) -> list[tuple[int, str, e.Event]]:
    """Its records, without what is only of their form; the first one without what a fork says there."""
    found = []
    for record in await house.records(session):
        event = record.event
        if isinstance(event, e.SessionCreated):
            event = event.model_copy(update={"parent": None, "idempotency_key": None, "fingerprint": None})
        found.append((record.seq, record.ts, event))
    return found


# --- forks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotation", [None, Rotation(events=7)], ids=["one file", "rotated"])
async def test_fork_at_each_record_shares_the_past_and_does_nothing_of_it_again(
    tmp_path: Path, rotation: Rotation | None
) -> None:
    async with place_in(tmp_path, rotation=rotation) as place:
        parent = await eventful(place)
        before, shared = place.log(parent), await past(place.house, parent)
        effects, head, asked = place.effects, len(shared), len(place.model.requests)
        assert head > 45
        every = range(1, head + 1, 1 if rotation is None else 4)
        for at in every:
            child = await place.fork(parent, at)
            state = await place.house.sessions.state(child)
            assert (state.parent, state.agent, state.turn, state.has_work) == (
                f"{parent}@{at}",
                "assistant",
                None,
                False,
            )
            assert check(place.root, child).damage is None
            assert len(list(FileLogReader(place.root).read(child))) == state.seq
            told = await past(place.house, child)
            assert told[:at] == shared[:at]
            assert not {type(event) for _, _, event in told[at:]} & {e.ToolStarted, e.ToolLost, e.ModelCalled}
            assert (await place.house.ask(child, "what now?")).outcome == "completed"
            request = place.model.requests[-1]
            assert refusal(request) is None
            assert "what now?" in [message.content for message in request.messages if message.role == "user"][-1]
        assert (place.effects, place.log(parent)) == (effects, before)
        assert len(place.model.requests) == asked + len(every)
        assert {path.name for path in place.root.iterdir() if path.name.startswith(".")} == set()


async def test_outputs_and_texts_that_are_not_in_the_log_are_in_the_fork_too(place: Place) -> None:
    parent = await place.house.new()
    place.model.add(bash(LONG), "long")
    await place.finish(parent, "go")
    child = await place.fork(parent)
    text = "\N{SNOWMAN}" * 400_000
    await place.house.say(parent, text)
    other = await place.fork(parent)
    await place.house.sessions.delete(parent)
    last = [each.event for each in await place.house.records(other) if isinstance(each.event, e.MessageReceived)][-1]
    assert last.text == text
    [long] = [each for each in await place.house.events(child) if isinstance(each, e.ToolFinished)]
    place.model.add(calls(("read_output", {"call": long.call, "pattern": "line 15000"})), "found")
    await place.house.ask(child, "look")
    found = [each for each in await place.house.events(child) if isinstance(each, e.ToolFinished)][-1]
    assert "line 15000" in found.content
    assert [check(place.root, each).lost_blobs for each in (child, other)] == [[], []]


async def test_fork_of_a_fork_has_the_past_of_both(place: Place) -> None:
    first = await place.house.new()
    await place.house.ask(first, "one")
    second = await place.fork(first)
    await place.house.ask(second, "two")
    third = await place.fork(second, title="Third")
    state = await place.house.sessions.state(third)
    assert (state.parent, state.title) == (f"{second}@{(await place.house.sessions.state(second)).seq}", "Third")
    await place.house.ask(third, "three")
    texts = [each.text for each in await place.house.events(third) if isinstance(each, e.MessageReceived)]
    assert texts == ["one", "two", "three"]
    assert len(await place.house.kinds(first)) < len(await place.house.kinds(second))


async def test_title_of_a_fork_wins_over_a_later_one_of_its_past(place: Place) -> None:
    parent = await place.house.new()
    await place.house.sessions.post(parent, Rename(title="Old"))
    for title, shown in (("New", "New"), ("", None), (None, "Old")):
        child = await place.fork(parent, title=title)
        assert (await place.house.sessions.state(child)).title == shown


async def test_same_key_makes_one_fork_and_another_wish_under_it_is_refused(place: Place) -> None:
    parent = await place.house.new()
    await place.house.ask(parent, "hi")
    wanted = Fork(parent, 3, "T", "key-1")
    made = await asyncio.gather(*(fork(place.house.sessions, place.house.clock, wanted) for _ in range(4)))
    assert len({state.session_id for state, _ in made}) == 1
    assert sorted(again for _, again in made) == [False, True, True, True]
    await place.house.ask(parent, "it goes on")
    assert (await fork(place.house.sessions, place.house.clock, wanted))[1]
    for other in (Fork(parent, 4, "T", "key-1"), Fork(parent, 3, "U", "key-1"), Fork(parent, None, "T", "key-1")):
        with pytest.raises(IdempotencyMismatch):
            await fork(place.house.sessions, place.house.clock, other)
    with pytest.raises(IdempotencyMismatch):
        await place.house.sessions.create(NewSession("assistant", idempotency_key="key-1"))
    # Also when the parent is gone: what was made is made.
    await place.house.sessions.delete(parent)
    assert (await fork(place.house.sessions, place.house.clock, wanted))[1]


async def test_record_that_is_not_there_and_a_session_that_is_not_cannot_be_forked(place: Place) -> None:
    parent = await place.house.new()
    head = (await place.house.sessions.state(parent)).seq
    for at in (0, -1, head + 1, 10**18):
        with pytest.raises(InvalidRequest, match=f"has the records 1 to {head}"):
            await place.fork(parent, at)
    with pytest.raises(SessionNotFound):
        await place.fork("session_none")
    assert [path.name for path in place.root.iterdir()] == [parent]


async def test_closed_session_is_forked_where_it_was_open(place: Place) -> None:
    parent = await place.house.new()
    await place.house.ask(parent, "hi")
    await place.house.sessions.post(parent, Close(reason="done"))
    head = (await place.house.sessions.state(parent)).seq
    with pytest.raises(InvalidRequest, match=f"closed at record {head}: fork it before that, at {parent}@{head - 1}"):
        await place.fork(parent)
    child = await place.fork(parent, head - 1)
    assert (await place.house.ask(child, "on")).outcome == "completed"
    assert {path.name for path in place.root.iterdir()} == {parent, child}


async def test_fork_is_new_in_the_list_and_does_not_expire_with_its_past(place: Place) -> None:
    parent = await place.house.new()
    await place.house.ask(parent, "hi")
    await place.house.clock.advance(24 * 3600 * 30)
    child = await place.fork(parent)
    listed, _ = await place.house.sessions.list()
    assert [state.session_id for state in listed] == [child, parent]
    await place.house.sessions.housekeeping.tick_expired_sessions()
    assert [(await place.house.sessions.state(each)).closed for each in (child, parent)] == [False, True]


async def test_log_of_duragent_rust_is_forked_at_each_record(place: Place) -> None:
    (place.root / "session_old").mkdir()
    lines = OLD_LOG.read_bytes().splitlines(keepends=True)
    (place.root / "session_old" / "events.jsonl").write_bytes(b"".join(lines))
    shared = await past(place.house, "session_old")
    for at in range(1, len(lines) + 1):
        if isinstance(shared[at - 1][2], e.SessionClosed):
            with pytest.raises(InvalidRequest, match=f"closed at record {at}"):
                await place.fork("session_old", at)
            break
        child = await place.fork("session_old", at)
        assert (await past(place.house, child))[:at] == shared[:at]
        assert check(place.root, child).damage is None
    assert at > 5
    assert place.log("session_old") == b"".join(lines)


async def test_log_of_duragent_rust_without_its_beginning_is_exported_and_taken_in_whole(place: Place) -> None:
    (place.root / "session_old").mkdir()
    said = {"timestamp": "2026-01-01T00:00:00Z", "type": "user_message", "content": "hi"}
    lines = [json.dumps({"seq": seq} | said).encode() + b"\n" for seq in range(5_001, 7_502)]
    (place.root / "session_old" / "events.jsonl").write_bytes(b"".join(lines))
    with await export(place.house.sessions, place.house.clock, "session_old") as file:
        state = await import_(place.house.sessions, place.house.clock, file, new_id=True)
    # Before them the log says how it began, behind them where it is from.
    assert (state.seq, state.totals.messages) == (1 + 2_501 + 1, 2_501)
    assert await past(place.house, state.session_id) == await past(place.house, "session_old")


async def test_damaged_session_is_forked_within_its_good_part(tmp_path: Path) -> None:
    async with place_in(tmp_path) as place:
        parent = await place.house.new()
        for text in ("one", "two", "three"):
            await place.house.ask(parent, text)
        head = (await place.house.sessions.state(parent)).seq
    spoil(place.root / parent / "events.jsonl", head - 3)
    async with place_in(tmp_path, days=1) as place:
        child = await place.fork(parent)
        assert (await place.house.sessions.state(child)).parent == f"{parent}@{head - 4}"
        assert (await place.house.ask(child, "on")).outcome == "completed"
        with pytest.raises(InvalidRequest):
            await place.fork(parent, head - 3)
        assert (await place.house.sessions.damage(parent)) is not None


async def test_parent_that_is_deleted_meanwhile_leaves_a_whole_fork_or_none(tmp_path: Path) -> None:
    for steps in range(0, 200, 9):
        async with place_in(tmp_path / str(steps), rotation=Rotation(events=5)) as place:
            parent = await place.house.new()
            for text in ("one", "two", "three"):
                await place.house.ask(parent, text)
            shared = await past(place.house, parent)
            forking = asyncio.ensure_future(place.fork(parent))
            for _ in range(steps):
                await asyncio.sleep(0)
            await place.house.sessions.delete(parent)
            try:
                child = await forking
            except (SessionNotFound, Damaged):
                assert list(place.root.iterdir()) == []
                continue
            assert (await past(place.house, child))[: len(shared)] == shared
            assert [path.name for path in place.root.iterdir()] == [child]


def spoil(path: Path, seq: int) -> None:
    data = path.read_bytes()
    at = data.index(b'{"seq":%d,' % seq)
    path.write_bytes(data[:at] + data[at:].replace(b'"ts":"', b'"ts":"9', 1))


# --- one file -------------------------------------------------------------------------------------------------------


async def exported(place: Place, session: str) -> Path:
    path = place.folder / "session.zip"
    with await export(place.house.sessions, place.house.clock, session) as file:
        path.write_bytes(file.read())
    return path


async def imported(place: Place, path: Path, *, new_id: bool = False) -> str:
    with path.open("rb") as file:
        return (await import_(place.house.sessions, place.house.clock, file, new_id=new_id)).session_id


@pytest.mark.parametrize("rotation", [None, Rotation(events=7)], ids=["one file", "rotated"])
async def test_idle_session_is_the_same_elsewhere_byte_for_byte(tmp_path: Path, rotation: Rotation | None) -> None:
    async with place_in(tmp_path / "here", rotation=rotation) as here, place_in(tmp_path / "there", days=1) as there:
        here.model.add(bash("echo one >> effects"), bash(LONG), "both done")
        session = await here.house.new()
        await here.finish(session, "do two things")
        path = await exported(here, session)
        assert await imported(there, path) == session
        assert there.log(session) == here.log(session)
        blobs = [sorted(each.name for each in (p.root / session / "blobs").iterdir()) for p in (here, there)]
        assert blobs[0] == blobs[1] != []
        with pytest.raises(SessionExists):
            await imported(there, path)
        assert await imported(there, path, new_id=True) != session
        assert [state.topic for state in (await there.house.sessions.list())[0]] == ["do two things"] * 2
        assert (await there.house.ask(session, "on")).outcome == "completed"
        assert there.effects == []
        await there.house.sessions.delete(session)
        assert await imported(there, path) == session


@pytest.mark.parametrize("new_id", [False, True])
async def test_session_in_the_middle_of_a_turn_is_wound_up_where_it_is_taken_in(tmp_path: Path, new_id: bool) -> None:
    async with place_in(tmp_path / "here") as here, place_in(tmp_path / "there", days=1) as there:
        session = await eventful(here)
        path = await exported(here, session)
        before = here.log(session)
        taken = await imported(there, path, new_id=new_id)
        state = await there.house.sessions.state(taken)
        assert (state.turn, state.has_work, state.status) == (None, False, "paused")
        assert new_id or there.log(taken).startswith(before)
        assert await past(there.house, taken) == [
            *await past(here.house, session),
            *(await past(there.house, taken))[-4:],
        ]
        kinds = [type(event) for _, _, event in (await past(there.house, taken))[-4:]]
        assert kinds == [e.OwnerClaimed, e.ModelFailed, e.TurnEnded, e.SessionPaused]
        assert (await there.house.ask(taken, "on")).outcome == "completed"
        assert refusal(there.model.requests[-1]) is None
        assert (there.effects, here.log(session)) == ([], before)


# --- repair ---------------------------------------------------------------------------------------------------------


async def damaged(place: Place, parent: str, head: int) -> None:
    """The session loses its last record but one: everything from there on is not to be trusted."""
    path = place.root / parent / "events.jsonl"
    spoil(path, head)
    with path.open("ab") as log:
        log.write(b"{}\n")


async def test_repair_at_any_point_of_a_turn_runs_nothing_again(tmp_path: Path) -> None:
    async with place_in(tmp_path / "first") as place:
        session = await eventful(place)
        head = (await place.house.sessions.state(session)).seq
    for bad in range(3, head + 1, 3):
        shutil.copytree(tmp_path / "first", folder := tmp_path / str(bad))
        # Whatever ran has left nothing that could be found again.
        shutil.rmtree(folder / "work" / "run" / "spool")
        (folder / "sessions" / session / "state.yaml").unlink(missing_ok=True)
        async with place_in(folder, days=1) as place:
            spoil(place.root / session / "events.jsonl", bad)
            effects = place.effects
            assert (await place.house.sessions.damage(session)) is not None
            before = place.log(session)
            state = await place.house.sessions.repair(session)
            assert (state.turn, state.has_work, place.house.sessions.damaged()) == (None, False, {})
            [aside] = (place.root / session).glob("events.damaged-*")
            kept = before.removesuffix(aside.read_bytes())
            assert len(kept) < len(before)
            assert place.log(session).startswith(kept)
            told = [event for _, _, event in (await past(place.house, session))[kept.count(b"\n") :]]
            assert [type(event) for event in told[:2]] == [e.LogRecovered, e.OwnerClaimed]
            assert not {type(event) for event in told} & {e.ToolStarted, e.ToolLost, e.ModelCalled}
            assert (await place.house.ask(session, "on")).outcome == "completed"
            assert refusal(place.model.requests[-1]) is None
            assert place.effects == effects
            assert check(place.root, session).damage is None


async def test_damage_that_nobody_has_seen_yet_is_looked_for_and_mended(tmp_path: Path) -> None:
    async with place_in(tmp_path, rotation=Rotation(events=5)) as place:
        session = await place.house.new()
        for text in ("one", "two", "three"):
            await place.house.ask(session, text)
        with pytest.raises(NotDamaged):
            await place.house.sessions.repair(session)
        spoil(place.root / session / "events-6.jsonl", 8)
        assert await place.house.sessions.damage(session) is None
        state = await place.house.sessions.repair(session)
        assert state.seq < 12
        assert check(place.root, session).damage is None
        assert (await place.house.ask(session, "on")).outcome == "completed"
        with pytest.raises(NotDamaged):
            await place.house.sessions.repair(session)


async def test_session_without_a_good_record_or_with_a_lost_blob_cannot_be_repaired(place: Place) -> None:
    session = await place.house.new()
    place.model.add(bash(LONG), "done")
    await place.finish(session, "long")
    other = await place.fork(session)
    await place.house.sessions.live.unload(await place.house.sessions.live.open(other))
    spoil(place.root / other / "events.jsonl", 1)
    before = place.log(other)
    for _ in range(2):
        with pytest.raises(Damaged, match=r"events.jsonl:1: "):
            await place.house.sessions.repair(other)
    with pytest.raises(InvalidRequest, match="has no record that can be read: there is nothing to share"):
        await place.fork(other)
    assert (place.log(other), list((place.root / other).glob("events.damaged*"))) == (before, [])
    assert set(place.house.sessions.damaged()) == {other}


async def test_watchers_of_a_session_that_is_repaired_are_let_go_and_the_list_is_fresh(tmp_path: Path) -> None:
    async with place_in(tmp_path) as place:
        session = await place.house.new()
        await place.house.ask(session, "one")
        head = (await place.house.sessions.state(session)).seq
    spoil(place.root / session / "events.jsonl", head)
    async with place_in(tmp_path, days=1) as place:
        await place.house.sessions.state(session)
        assert set(place.house.sessions.damaged()) == {session}
        async with place.house.sessions.watch(session, 0) as items:
            before = await anext(items)
            watching = asyncio.ensure_future(_all(items))
            await asyncio.sleep(0)
            state = await place.house.sessions.repair(session)
            async with asyncio.timeout(LIMIT_SECONDS):
                await watching
        assert place.house.sessions.damaged() == {}
        assert [each.seq for each in (await place.house.sessions.list())[0]] == [state.seq]
        async with place.house.sessions.watch(session, 0) as items:
            hello = await anext(items)
            assert isinstance(before, LogHead)
            assert isinstance(hello, LogHead)
            # Its records have numbers that others had before: who goes on by a number must begin again.
            assert (hello.head, hello.log == before.log) == (state.seq, False)


async def _all(items: AsyncIterator[object]) -> int:
    number = 0
    async for _ in items:
        number += 1
    return number


async def test_command_that_runs_while_its_session_is_repaired_is_ended(place: Place) -> None:
    session = await place.house.new()
    place.model.add(bash("echo begun >> effects; sleep 60; echo ended >> effects"))
    await place.house.say(session, "go")
    await place.allow(session)
    await until(lambda: place.effects == ["begun"])
    spoil(place.root / session / "events.jsonl", 5)
    with pytest.raises(Damaged):
        await place.house.sessions.read(session, 4, 1)
    async with asyncio.timeout(LIMIT_SECONDS):
        state = await place.house.sessions.repair(session)
    assert (state.turn, list((place.folder / "work" / "run" / "spool").glob("*/*"))) == (None, [])
    assert place.effects == ["begun"]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not true():
            await asyncio.sleep(0.005)


async def test_session_that_is_repaired_goes_on_from_what_is_on_the_disk_now(place: Place) -> None:
    session = await place.house.new()
    await place.house.ask(session, "one")
    log = place.root / session / "events.jsonl"
    # As sed -i does it: another file gets the name, while the server has the old one open.
    other = log.with_name("other")
    other.write_bytes(log.read_bytes())
    spoil(other, 4)
    other.rename(log)
    state = await place.house.sessions.repair(session)
    assert place.house.sessions.damaged() == {}
    assert [type(event) for _, _, event in await past(place.house, session)][3:5] == [e.LogRecovered, e.OwnerClaimed]
    assert state.turn is None


async def test_watcher_of_a_damaged_session_sees_what_is_good_and_is_told_why_there_is_no_more(place: Place) -> None:
    session = await place.house.new()
    await place.house.ask(session, "one")
    live = await place.house.sessions.live.open(session)
    while live.busy:
        await asyncio.sleep(0)
    await place.house.sessions.live.unload(live)
    spoil(place.root / session / "events.jsonl", 4)
    async with place.house.sessions.watch(session, 0) as items, asyncio.timeout(LIMIT_SECONDS):
        assert await _all(items) > 0
    with pytest.raises(Damaged):
        async with place.house.sessions.watch(session, 3):
            raise AssertionError("nothing more can come")
    with pytest.raises(Damaged):
        await asyncio.wait_for(place.house.sessions.answer(session, 3), LIMIT_SECONDS)
