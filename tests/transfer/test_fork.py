"""A fork shares the past of another session, record for record, and does nothing of it again."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duragent.errors import Damaged, IdempotencyMismatch, InvalidRequest, SessionNotFound
from duragent.journal import events as e
from duragent.journal.inputs import Close, Rename
from duragent.session.sessions import NewSession
from duragent.stores.files.checkup import check
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.rotation import Rotation
from duragent.transfer.export import export
from duragent.transfer.fork import Fork, fork
from duragent.transfer.import_ import import_
from tests.support.copied import LONG, OLD_LOG, Place, eventful, past, place_in
from tests.support.logs import spoil
from tests.support.tool_calls import bash, calls
from tests.support.wellformed import refusal


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as found:
        yield found


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
    # A write is good as a whole, and the last one but one stands by itself.
    spoil(place.root / parent, head - 2)
    async with place_in(tmp_path, days=1) as place:
        child = await place.fork(parent)
        assert (await place.house.sessions.state(child)).parent == f"{parent}@{head - 3}"
        assert (await place.house.ask(child, "on")).outcome == "completed"
        with pytest.raises(InvalidRequest):
            await place.fork(parent, head - 2)
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
