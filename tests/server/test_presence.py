"""`on_disconnect: pause`: a turn waits when its last watcher has gone."""

import asyncio

from duragent.server.presence import RETURN_SECONDS
from duragent.testing import Line
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House, opened
from tests.support.until import until


async def _leave_in_a_turn(house: House, agent: str) -> str:
    house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=1))
    session_id = await house.create(agent)
    async with house.live() as http, opened(http, f"/api/v1/sessions/{session_id}/events") as stream:
        await house.say(session_id, "count", Prefer="respond-async")
        await stream.until("delta")
        sleepers = house.clock.sleepers
        await stream.response.aclose()
        await until(lambda: house.sessions.watchers(session_id) == 0)
        await house.clock.settle()
        assert sleepers
        await house.clock.advance(RETURN_SECONDS)
        await house.clock.settle()
    return session_id


async def test_turn_is_paused_when_the_last_watcher_has_gone_and_stays_away(house: House) -> None:
    session_id = await _leave_in_a_turn(house, "pauser")
    assert (await house.log(session_id))[-1]["type"] in ("session_paused", "model_failed")
    assert (await house.http.get(f"/api/v1/sessions/{session_id}")).json()["status"] == "paused"


async def test_turn_goes_on_without_watchers_unless_the_agent_says_pause(house: House) -> None:
    session_id = await _leave_in_a_turn(house, "assistant")
    assert (await house.http.get(f"/api/v1/sessions/{session_id}")).json()["status"] == "running"


async def test_turn_is_not_paused_when_a_watcher_is_back_in_time(house: House) -> None:
    house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=1))
    session_id = await house.create("pauser")
    path = f"/api/v1/sessions/{session_id}/events"
    async with house.live() as http:
        async with opened(http, path) as stream:
            await house.say(session_id, "count", Prefer="respond-async")
            await stream.until("delta")
        async with opened(http, path) as stream:
            await stream.until("caught_up")
            await house.clock.advance(RETURN_SECONDS)
            assert (await house.http.get(f"/api/v1/sessions/{session_id}")).json()["status"] == "running"


async def test_stop_of_the_server_pauses_nothing(house: House) -> None:
    house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=1))
    session_id = await house.create("pauser")
    async with house.served() as (server, http), opened(http, f"/api/v1/sessions/{session_id}/events") as stream:
        await house.say(session_id, "count", Prefer="respond-async")
        await stream.until("delta")
        await asyncio.wait_for(server.stop(10 * LIMIT_SECONDS), LIMIT_SECONDS)
        await stream.rest()
    await house.clock.advance(RETURN_SECONDS)
    assert "session_paused" not in [item["type"] for item in await _log_of(house, session_id)]


async def _log_of(house: House, session_id: str) -> list[dict[str, str]]:
    lines = await house.sessions.read(session_id, 0, 1000)
    return [{"type": record.event.type} for record in await house.sessions.records(session_id, lines)]
