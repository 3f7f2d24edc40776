"""Sessions that the server has not read since its start are in every list, at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from duragent.clock import moment_of
from duragent.errors import Damaged, SessionNotFound, Unavailable
from duragent.stores.base import Claim
from duragent.wire import ApprovalList, SessionInfo, SessionList
from tests.server import v05
from tests.support.http_house import House
from tests.support.open_store import OpenStore

COUNT = 12


class SlowStore(OpenStore):
    """A session is opened when it is let; what is in `faults` cannot be opened then either."""

    def __init__(self) -> None:
        super().__init__()
        self.fast = True
        self.faults: dict[str, Exception] = {}
        self._gates: dict[str, asyncio.Event] = {}

    async def claim(self, session_id: str) -> Claim:
        if not self.fast:
            await self._gates.setdefault(session_id, asyncio.Event()).wait()
        if session_id in self.faults:
            raise self.faults[session_id]
        return await super().claim(session_id)

    def let(self, session_id: str) -> None:
        self._gates.setdefault(session_id, asyncio.Event()).set()

    def let_all(self) -> None:
        self.fast = True
        for gate in self._gates.values():
            gate.set()

    async def get_snapshot(self, session_id: str) -> bytes | None:
        return None

    async def get_index(self) -> bytes:
        return b""


@asynccontextmanager
async def _started_again(folder: Path) -> AsyncIterator[tuple[House, list[str]]]:
    """A server that knows nothing of its sessions but that they are there; the last one asks a person."""
    store = SlowStore()
    first = House(folder, store)
    await first.worker()
    asking = (await first.waits("rm -f x"))["session_id"]
    ids = [*[await first.create() for _ in range(COUNT - 1)], asking]
    await first.crash()
    store.fast = False
    house = House(folder, store)
    house.sessions.index.patience_seconds = 0.01
    house.clock.jump(60)  # its ids begin anew
    house.start()
    yield house, ids
    store.let_all()
    await house.close()


async def test_every_session_is_listed_before_any_was_read(tmp_path: Path) -> None:
    async with _started_again(tmp_path) as (house, ids):
        pages = [page async for page in _pages(house)]
        listed = [info for page in pages for info in page.sessions]
        assert sorted(info.session_id for info in listed) == sorted(ids)
        assert {(info.unread, info.agent, info.status, info.damage) for info in listed} == {(True, "", "active", None)}
        assert {page.unread for page in pages} == {COUNT}
        for info in listed:
            made = moment_of(info.session_id)
            assert made is not None
            assert info.created_at.startswith(made.strftime("%Y-%m-%dT%H:%M:%S"))
            assert (await _list(house, prefix=info.session_id)).sessions == [info]
        for query in ({"agent": "assistant"}, {"status": "active"}, {"status": "damaged"}):
            assert await _list(house, **query) == SessionList(sessions=[], unread=COUNT)
        assert await _approvals(house) == ApprovalList(approvals=[], unread=COUNT)


async def test_one_that_is_asked_for_is_read_at_once(tmp_path: Path) -> None:
    async with _started_again(tmp_path) as (house, ids):
        assert isinstance(house.store, SlowStore)
        house.store.let(ids[-1])
        [asked] = (await _approvals(house, session_id=ids[-1])).approvals
        assert asked.command == "rm -f x"
        info = SessionInfo.model_validate((await house.http.get(f"/api/v1/sessions/{ids[-1]}")).json())
        assert (info.unread, info.agent, info.status) == (False, "worker", "paused")
        assert (await _list(house)).unread == COUNT - 1


async def test_when_all_are_read_nothing_more_comes(tmp_path: Path) -> None:
    async with _started_again(tmp_path) as (house, ids):
        assert (await _list(house)).unread == COUNT
        house.sessions.index.patience_seconds = 30.0
        assert isinstance(house.store, SlowStore)
        house.store.faults = {
            ids[0]: Unavailable("the disk failed"),
            ids[1]: SessionNotFound(ids[1]),
            ids[2]: Damaged(ids[2], "events.jsonl", 3, "wrong checksum", 2),
        }
        house.store.let_all()
        found = await _list(house)
        by_id = {info.session_id: info for info in found.sessions}
        assert (found.unread, set(by_id)) == (0, set(ids) - {ids[1]})
        assert {info.unread for info in found.sessions} == {False}
        damage = {name: info.damage for name, info in by_id.items() if info.damage}
        assert damage == {
            ids[0]: "it cannot be opened: the disk failed",
            ids[2]: f"it cannot be opened: {house.store.faults[ids[2]]}",
        }
        assert {info.agent for name, info in by_id.items() if name not in damage} == {"assistant", "worker"}
        assert [asked.session_id for asked in (await _approvals(house)).approvals] == ids[-1:]


async def test_one_that_is_deleted_or_made_meanwhile_is_counted_right(tmp_path: Path) -> None:
    async with _started_again(tmp_path) as (house, ids):
        assert isinstance(house.store, SlowStore)
        house.store.let(ids[3])
        assert (await house.http.delete(f"/api/v1/sessions/{ids[3]}")).status_code == 204
        house.store.fast = True
        new = await house.create()
        found = await _list(house)
        assert {info.session_id for info in found.sessions} == {*ids, new} - {ids[3]}
        unread = {info.session_id for info in found.sessions if info.unread}
        assert (found.unread, unread & {ids[3], new}) == (len(unread), set())


async def _list(house: House, **query: Any) -> SessionList:
    response = await house.http.get("/api/v1/sessions", params=query)
    assert response.status_code == 200, response.text
    v05.Sessions.model_validate(response.json())  # old clients must be able to read it, too
    return SessionList.model_validate(response.json())


async def _pages(house: House) -> AsyncIterator[SessionList]:
    page = await _list(house, limit=5)
    yield page
    while page.next_cursor:
        page = await _list(house, limit=5, cursor=page.next_cursor)
        yield page


async def _approvals(house: House, **query: str) -> ApprovalList:
    response = await house.http.get("/api/v1/approvals", params=query)
    return ApprovalList.model_validate(response.json())
