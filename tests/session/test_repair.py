"""A damaged session goes on behind its good records, and runs nothing again."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duragent.errors import Damaged, InvalidRequest, NotDamaged
from duragent.journal import events as e
from duragent.session.watch import LogHead
from duragent.stores.files.checkup import check
from duragent.stores.files.rotation import Rotation
from tests.support.bounds import LIMIT_SECONDS
from tests.support.copied import LONG, Place, eventful, past, place_in
from tests.support.logs import spoil
from tests.support.tool_calls import bash
from tests.support.until import until
from tests.support.wellformed import refusal


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as found:
        yield found


async def damaged(place: Place, parent: str, head: int) -> None:
    """The session loses its last record but one: everything from there on is not to be trusted."""
    spoil(place.root / parent, head)
    with (place.root / parent / "events.jsonl").open("ab") as log:
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
            spoil(place.root / session, bad)
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
        spoil(place.root / session, 8)
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
    spoil(place.root / other, 1)
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
    spoil(place.root / session, head)
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
    spoil(place.root / session, 5)
    with pytest.raises(Damaged):
        await place.house.sessions.read(session, 4, 1)
    async with asyncio.timeout(LIMIT_SECONDS):
        state = await place.house.sessions.repair(session)
    assert (state.turn, list((place.folder / "work" / "run" / "spool").glob("*/*"))) == (None, [])
    assert place.effects == ["begun"]


async def test_session_that_is_repaired_goes_on_from_what_is_on_the_disk_now(place: Place) -> None:
    session = await place.house.new()
    await place.house.ask(session, "one")
    log = place.root / session / "events.jsonl"
    # As sed -i does it: another file gets the name, while the server has the old one open.
    other = Path(shutil.copytree(log.parent, place.folder / "other"))
    spoil(other, 5)
    (other / log.name).rename(log)
    state = await place.house.sessions.repair(session)
    assert place.house.sessions.damaged() == {}
    assert [type(event) for _, _, event in await past(place.house, session)][4:6] == [e.LogRecovered, e.OwnerClaimed]
    assert state.turn is None


async def test_watcher_of_a_damaged_session_sees_what_is_good_and_is_told_why_there_is_no_more(place: Place) -> None:
    session = await place.house.new()
    await place.house.ask(session, "one")
    live = await place.house.sessions.live.open(session)
    await until(lambda: not live.busy)
    await place.house.sessions.live.unload(live)
    spoil(place.root / session, 4)
    async with place.house.sessions.watch(session, 0) as items, asyncio.timeout(LIMIT_SECONDS):
        assert await _all(items) > 0
    with pytest.raises(Damaged):
        async with place.house.sessions.watch(session, 3):
            raise AssertionError("nothing more can come")
    with pytest.raises(Damaged):
        await asyncio.wait_for(place.house.sessions.answer(session, 3), LIMIT_SECONDS)
