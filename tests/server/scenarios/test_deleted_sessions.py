"""A session that is deleted: each stream and each wait on it is told so and ends."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from duragent.testing import Line
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House, Stream, opened
from tests.support.tool_calls import bash
from tests.support.until import until

GONE = ("urn:duragent:problem:session-deleted", 410)


async def _running(house: House) -> str:
    """A session whose answer is being written for as long as it lives."""
    house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=1))
    session_id = await house.create()
    await house.say(session_id, "count", Prefer="respond-async")
    await asyncio.wait_for(house.model.asked(), LIMIT_SECONDS)
    return session_id


async def _deciding(house: House) -> str:
    """A session that waits for a person."""
    await house.worker()
    return str((await house.waits("rm -f x"))["session_id"])


async def _quiet(house: House) -> str:
    session_id = await house.create()
    await house.say(session_id, "hi")
    return session_id


@pytest.mark.parametrize("make", [_quiet, _running, _deciding])
@pytest.mark.parametrize("behind", [0, 1000])
async def test_events_end_with_deleted(house: House, make: Callable[[House], Awaitable[str]], behind: int) -> None:
    session_id = await make(house)
    path = f"/api/v1/sessions/{session_id}/events?after={behind}"
    async with house.live() as http, opened(http, path) as stream:
        await stream.until("caught_up")
        assert (await http.delete(f"/api/v1/sessions/{session_id}")).status_code == 204
        last = (await stream.rest())[-1]
    assert (last.name, last.data) == ("deleted", {})


@pytest.mark.parametrize("mark", ["token", "approval_required"])
async def test_the_stream_of_an_answer_ends_with_an_error_that_says_deleted(house: House, mark: str) -> None:
    if mark == "token":
        house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=1))
        session_id = await house.create()
    else:
        await house.worker()
        house.script("rm -f x")
        session_id = await house.create("worker")
    path = f"/api/v1/sessions/{session_id}"
    async with house.live() as http, opened(http, f"{path}/stream", "POST", json={"content": "go"}) as stream:
        await stream.until(mark)
        assert (await http.delete(path)).status_code == 204
        ended = await _told(stream)
    assert ended == [("error", {"message": "the session was deleted", "code": "session-deleted"})]


async def _told(stream: Stream) -> list[tuple[str, object]]:
    return [(event.name, event.data) for event in await stream.rest()]


async def test_a_message_that_waits_for_its_answer_is_told(house: House) -> None:
    session_id = await _running(house)
    waiting = asyncio.create_task(house.say(session_id, "and more"))
    await until(lambda: house.sessions.watchers(session_id))
    await house.http.delete(f"/api/v1/sessions/{session_id}")
    assert _problem(await asyncio.wait_for(waiting, LIMIT_SECONDS)) == GONE


async def test_a_decision_that_waits_for_the_rest_of_its_turn_is_told(house: House) -> None:
    await house.worker()
    house.model.add(bash("rm -f x"), Line("done", gate=asyncio.Event()))
    waits = (await house.say(await house.create("worker"), "please")).json()
    waiting = asyncio.create_task(house.decide(waits, "deny"))
    await until(lambda: house.sessions.watchers(waits["session_id"]))
    await house.http.delete(f"/api/v1/sessions/{waits['session_id']}")
    assert _problem(await asyncio.wait_for(waiting, LIMIT_SECONDS)) == GONE


def _problem(response: httpx.Response) -> tuple[str, int]:
    return response.json()["type"], response.status_code
