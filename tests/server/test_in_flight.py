"""`max_connections`: how many requests are worked on at a time, and who is never kept waiting."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest

from duragent.errors import Stopping
from duragent.server.bounds import Bounds
from duragent.server.in_flight import InFlight, Kind
from duragent.server.problems import RequestRefused
from duragent.server.settings import ServerSettings
from duragent.server.stop import Stop
from duragent.testing import Line
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House, Stream, opened

LIMIT = 2


class Counted:
    """A slow inside: how many calls of it are under way, and how many there ever were at once."""

    def __init__(self) -> None:
        self.now = self.most = self.begun = 0
        self.gate = asyncio.Event()

    async def __call__(self, **query: object) -> tuple[list[object], None]:
        self.now, self.begun = self.now + 1, self.begun + 1
        self.most = max(self.most, self.now)
        try:
            await self.gate.wait()
        finally:
            self.now -= 1
        return [], None


@pytest.fixture
def slow(house: House) -> Counted:
    house.sessions.list = counted = Counted()  # type: ignore[method-assign,assignment]  # a slow disk
    return counted


async def test_only_so_many_requests_are_worked_on_and_the_others_get_their_turn(house: House, slow: Counted) -> None:
    async with house.with_settings(max_connections=LIMIT) as http:
        asked = [asyncio.create_task(http.get("/api/v1/sessions")) for _ in range(20)]
        await house.clock.settle()
        assert (slow.now, slow.begun) == (LIMIT, LIMIT)
        for public in ("/livez", "/readyz", "/version"):
            assert (await http.get(public)).status_code == 200
        admin = {"Authorization": "Bearer the-admin-token"}
        assert (await http.post("/api/admin/v1/shutdown", headers=admin)).status_code == 200
        slow.gate.set()
        assert [(await each).status_code for each in asked] == [200] * 20
    assert (slow.most, slow.begun) == (LIMIT, 20)


async def test_a_client_that_went_away_gives_its_turn_back(house: House, slow: Counted) -> None:
    async with house.with_settings(max_connections=LIMIT) as http:
        for _ in range(3):
            asked = [asyncio.create_task(http.get("/api/v1/sessions")) for _ in range(5)]
            await house.clock.settle()
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        slow.gate.set()
        assert (await http.get("/api/v1/sessions")).status_code == 200


async def test_streams_and_waits_keep_nobody_from_working(house: House) -> None:
    """As many of both as there may be, and one more of each that waits: everything short still answers at once."""
    await house.worker()
    gate = asyncio.Event()
    house.dependencies = replace(house.dependencies, settings=ServerSettings(max_connections=LIMIT))
    async with house.live() as http, AsyncExitStack() as stack:
        sessions = [await house.create() for _ in range(LIMIT + 1)]
        streams: list[Stream] = []
        house.model.add(*[Line("one two", gate=gate) for _ in range(LIMIT)])
        waiting = [asyncio.create_task(_say(http, session)) for session in sessions[:LIMIT]]
        await asyncio.wait_for(house.model.asked(LIMIT), LIMIT_SECONDS)
        for session in sessions[:LIMIT]:
            streams.append(await stack.enter_async_context(opened(http, f"/api/v1/sessions/{session}/events")))
            await streams[-1].until("caught_up")
        waiting.append(asyncio.create_task(_say(http, sessions[LIMIT])))
        late = asyncio.create_task(_first_event(http, sessions[LIMIT]))
        assert (await http.get("/api/v1/sessions")).status_code == 200
        assert (await http.get(f"/api/v1/sessions/{sessions[LIMIT]}")).json()["turns"] == 0
        durable = await _say(http, sessions[0], Prefer="respond-async")
        assert durable.status_code == 202
        assert (await http.post(f"/api/v1/sessions/{sessions[1]}/cancel")).json()["cancelled"] is True
        gate.set()
        assert [(await each).status_code for each in waiting] == [200] * (LIMIT + 1)
        assert (late.done(), len(streams)) == (False, LIMIT)
        await stack.aclose()
        assert await asyncio.wait_for(late, LIMIT_SECONDS) == "hello"


async def test_a_turn_that_waits_for_a_person_gives_its_place_to_the_decision(house: House) -> None:
    await house.worker()
    house.dependencies = replace(house.dependencies, settings=ServerSettings(max_connections=1))
    house.script("rm -f x")
    async with house.live() as http:
        path = f"/api/v1/sessions/{await house.create('worker')}"
        asked = (await http.post(f"{path}/messages", json={"content": "go"})).json()
        body = {"call_id": asked["call_id"], "decision": "deny"}
        assert (await http.post(f"{path}/approve", json=body)).json()["content"] == "done it"


@pytest.mark.parametrize("kind", ["request", "answer", "stream"])
async def test_who_waits_too_long_or_behind_too_many_is_refused(kind: Kind) -> None:
    flight = InFlight(1, 0.05, Stop(), queue_max=1)
    async with flight.turn(kind):
        queued = asyncio.create_task(_turn(flight, kind))
        await asyncio.sleep(0)
        with pytest.raises(RequestRefused, match="1 more wait already") as full:
            await _turn(flight, kind)
        with pytest.raises(RequestRefused, match=r"within 0\.05 seconds") as late:
            await queued
    assert [(each.value.code, each.value.headers) for each in (full, late)] == [("busy", {"Retry-After": "1"})] * 2
    await _turn(flight, kind)


async def test_a_stop_ends_the_queue() -> None:
    stop = Stop()
    flight = InFlight(1, 60, stop, queue_max=1)
    async with flight.turn("stream"):
        queued = asyncio.create_task(_turn(flight, "stream"))
        await asyncio.sleep(0)
        stop.begin()
        with pytest.raises(Stopping):
            await asyncio.wait_for(queued, LIMIT_SECONDS)


async def test_a_message_that_is_refused_was_not_stored(house: House) -> None:
    gate = asyncio.Event()
    house.model.add(Line("one two", gate=gate))
    one, other = await house.create(), await house.create()
    async with house.with_settings(Bounds(queue_max=0), max_connections=1) as http:
        first = asyncio.create_task(_say(http, one))
        await asyncio.wait_for(house.model.asked(), LIMIT_SECONDS)
        assert (await _say(http, other)).status_code == 503
        gate.set()
        assert (await first).status_code == 200
    assert "message_received" not in [record["type"] for record in await house.log(other)]


async def _turn(flight: InFlight, kind: Kind) -> None:
    async with flight.turn(kind):
        pass


async def _say(http: httpx.AsyncClient, session_id: str, **headers: str) -> httpx.Response:
    body: dict[str, Any] = {"content": "hi"}
    return await http.post(f"/api/v1/sessions/{session_id}/messages", json=body, headers=headers)


async def _first_event(http: httpx.AsyncClient, session_id: str) -> str:
    async with opened(http, f"/api/v1/sessions/{session_id}/events") as stream:
        event = await stream.next()
        assert event is not None
        return event.name


async def test_requests_above_the_limit_wait_and_then_are_refused(house: House) -> None:
    session_id = await house.create()
    begun, answered = 0, asyncio.Event()

    async def slow(**query: object) -> object:
        nonlocal begun
        begun += 1
        try:
            return await asyncio.Event().wait()
        finally:
            # It keeps its place until the other one has been refused.
            await answered.wait()

    house.sessions.list = slow  # type: ignore[method-assign,assignment]  # a slow disk
    async with house.with_settings(max_connections=1, request_timeout_seconds=0.5) as http:
        asked = [asyncio.create_task(http.get("/api/v1/sessions")) for _ in range(2)]
        await house.clock.settle()
        assert begun == 1
        unworked = await asked[1]
        answered.set()
        late = await asked[0]
        assert (late.status_code, unworked.status_code, unworked.headers["retry-after"]) == (408, 503, "1")
        assert unworked.json()["type"] == "urn:duragent:problem:busy"
        assert (await http.get("/livez")).status_code == 200
        assert (await http.get(f"/api/v1/sessions/{session_id}")).status_code == 200
