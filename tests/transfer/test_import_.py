"""What was exported is the same elsewhere, and what was under way in it is wound up."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duragent.errors import SessionExists
from duragent.journal import events as e
from duragent.stores.files.rotation import Rotation
from tests.support.copied import LONG, Place, eventful, exported, imported, past, place_in
from tests.support.tool_calls import bash
from tests.support.wellformed import refusal


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as found:
        yield found


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
