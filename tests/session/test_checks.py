"""Looking at many sessions: what cannot be opened or read is named, and keeps no other session from the look."""

from pathlib import Path

import pytest

from duragent.errors import Damaged, Unavailable
from duragent.session.checks import FIRST_SECONDS
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.house import open_house


class Picky(MemoryStore):
    """Streams in `closed` cannot be claimed, those in `bad` are damaged; `verified` are those that were read whole."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: set[str] = set()
        self.bad: set[str] = set()
        self.verified: list[str] = []

    async def claim(self, stream_id: str) -> Claim:
        if stream_id in self.closed:
            raise Unavailable("permission denied")
        return await super().claim(stream_id)

    async def verify(self, stream_id: str) -> int:
        self.verified.append(stream_id)
        if stream_id in self.bad:
            raise Damaged(stream_id, "events.jsonl", 1, "a test", 0)
        return await super().verify(stream_id)


async def test_each_session_is_read_and_what_cannot_be_opened_is_returned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Picky()
    async with open_house(store, ScriptedModel(), tmp_path) as house:
        sessions = [await house.new() for _ in range(6)]
    async with open_house(store, ScriptedModel(), tmp_path, node="node-2") as house:
        store.closed, store.bad = {sessions[1]}, {sessions[4]}
        unread = await house.sessions.housekeeping.checks.open_all([*sessions, "session_none"])
        assert unread == {sessions[1]}
        assert set(store.verified) == set(sessions) - {sessions[1]}
        assert [session.id for session in house.sessions.live] == [sessions[4]], "only the damaged one stays in memory"
        assert list(house.sessions.damaged()) == [sessions[4]]
    assert f"session {sessions[1]} cannot be opened: permission denied" in caplog.text


async def test_damaged_log_is_read_again_at_growing_intervals_until_it_is_whole(tmp_path: Path) -> None:
    store = Picky()
    async with open_house(store, ScriptedModel(otherwise="ok"), tmp_path) as house:
        session, checks = await house.new(), house.sessions.housekeeping.checks
        store.bad = {session}
        await checks.open_all([session])
        await checks.tick_damaged()
        looks = []
        for _ in range(20):
            store.verified.clear()
            house.clock.jump(FIRST_SECONDS)
            await checks.tick_damaged()
            looks.append(len(store.verified))
        assert [at for at, look in enumerate(looks, 1) if look] == [1, 3, 7, 15]
        store.bad.clear()
        house.clock.jump(3_600)
        await checks.tick_damaged()
        assert house.sessions.damaged() == {}
        assert (await house.ask(session, "hi")).outcome == "completed"
