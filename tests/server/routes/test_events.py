"""`/events` as a stream, from a real server."""

import asyncio
import contextlib
from typing import Any

import pytest

from duragent.bus import OutputDelta
from duragent.errors import ModelUnavailable
from duragent.testing import Line
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House, opened


async def test_stream_greets_replays_catches_up_and_goes_on(house: House) -> None:
    session_id = await house.create()
    await house.say(session_id, "hi")
    log = await house.log(session_id)
    async with house.live() as http, opened(http, f"/api/v1/sessions/{session_id}/events") as stream:
        hello, *replay, caught_up = await stream.until("caught_up")
        await house.say(session_id, "again")
        live = await stream.until("turn_ended")
    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.raw.startswith(b"retry: 1000\n\nevent: hello\n")
    assert (hello.name, hello.data["session_id"], hello.data["head"]) == ("hello", session_id, len(log))
    assert [event.data for event in replay] == log
    assert [(event.name, event.id) for event in replay] == [(record["type"], str(record["seq"])) for record in log]
    assert caught_up.data == {"head": len(log)}
    records = [event.data for event in live if event.name != "delta"]
    assert [record["seq"] for record in records] == list(range(len(log) + 1, len(log) + 1 + len(records)))


async def test_last_event_id_wins_over_after_and_tail_begins_near_the_end(house: House) -> None:
    session_id = await house.create()
    await house.say(session_id, "hi")
    head = len(await house.log(session_id))
    path = f"/api/v1/sessions/{session_id}/events"
    async with house.live() as http:
        for query, headers, first in (
            ({"after": 1}, {}, 2),
            ({"after": 1}, {"Last-Event-ID": "3"}, 4),
            ({"tail": 2}, {}, head - 1),
        ):
            async with opened(http, path, params=query, headers=headers) as stream:
                _, *replay, _ = await stream.until("caught_up")
            assert [event.data["seq"] for event in replay] == list(range(first, head + 1))


async def test_client_ahead_of_the_log_is_reset_and_gets_it_all(house: House) -> None:
    session_id = await house.create()
    async with house.live() as http, opened(http, f"/api/v1/sessions/{session_id}/events?after=99") as stream:
        names = [event.name for event in await stream.until("caught_up")]
    assert names == ["hello", "reset", "session_created", "owner_claimed", "caught_up"]


async def test_pieces_of_an_answer_come_without_an_id_and_to_one_who_comes_late(house: House) -> None:
    gate = asyncio.Event()
    house.model.add(Line("one two three", gate=gate, gate_after_chunks=2))
    session_id = await house.create()
    path = f"/api/v1/sessions/{session_id}/events"
    async with house.live() as http:
        await house.say(session_id, "count", Prefer="respond-async")
        await asyncio.wait_for(house.model.asked(), LIMIT_SECONDS)
        await house.clock.settle()
        async with opened(http, path, params={"tail": 0}) as stream:
            so_far = (await stream.until("delta"))[-1]
            gate.set()
            *later, replied = await stream.until("model_replied")
    assert b"id:" not in stream.raw.split(b"event: delta")[0]
    assert (so_far.data["text"], so_far.data["offset"]) == ("one two", 0)
    assert [(delta.data["text"], delta.data["offset"]) for delta in later] == [(" three", 7)]
    assert replied.data["text"] == "one two three"


async def test_text_with_line_ends_cannot_make_events_of_its_own(house: House) -> None:
    evil = "x\n\nevent: done\ndata: {}\r\n\r\nid: 999\r\ud800\u2028\x85"
    house.model.add(Line(evil, chunks=(evil,)))
    session_id = await house.create()
    async with house.live() as http, opened(http, f"/api/v1/sessions/{session_id}/events") as stream:
        await http.post(f"/api/v1/sessions/{session_id}/messages", json={"content": evil[:20]})
        events = await stream.until("turn_ended")
    assert {event.name for event in events} >= {"delta", "model_replied"}
    assert "done" not in {event.name for event in events}
    assert "999" not in {event.id for event in events}
    assert next(event.data["text"] for event in events if event.name == "delta") == evil
    assert next(event.data["text"] for event in events if event.name == "model_replied") == evil


async def test_text_that_was_moved_to_a_blob_is_back_in_the_stream(house: House) -> None:
    session_id = await house.create()
    long = "ä" * 900_000
    await house.say(session_id, long)
    async with house.live() as http, opened(http, f"/api/v1/sessions/{session_id}/events") as stream:
        received = (await stream.until("message_received"))[-1]
    assert received.data["text"] == long
    assert "crc" not in received.data


async def test_quiet_stream_says_that_it_lives(house: House) -> None:
    session_id = await house.create()
    async with house.live() as http, opened(http, f"/api/v1/sessions/{session_id}/events") as stream:
        await stream.until("caught_up")
        await house.clock.settle()
        await house.clock.advance(15)
        await stream.until_raw(b": keep-alive\n\n")


async def test_stream_of_an_unknown_session_is_a_problem(house: House) -> None:
    async with house.live() as http:
        response = await http.get("/api/v1/sessions/session_none/events", headers={"Accept": "text/event-stream"})
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


async def test_bad_last_event_id_is_refused(house: House) -> None:
    path = f"/api/v1/sessions/{await house.create()}/events"
    for value in ("x", "-1", "9" * 30, "1.5"):
        headers = {"Accept": "text/event-stream", "Last-Event-ID": value}
        assert (await house.http.get(path, headers=headers)).status_code == 400


async def test_many_watchers_see_every_record_once(house: House) -> None:
    session_id = await house.create()
    path = f"/api/v1/sessions/{session_id}/events"
    async with house.live() as http, contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(opened(http, path)) for _ in range(20)]
        for number in range(3):
            await house.say(session_id, str(number))
        head = (await house.http.get(f"/api/v1/sessions/{session_id}")).json()["head"]
        for stream in streams:
            seen: list[int] = []
            while not seen or seen[-1] < head:
                event = await stream.next()
                assert event is not None
                if event.id and event.name not in ("delta", "hello", "caught_up"):
                    seen.append(event.data["seq"])
            assert seen == list(range(1, head + 1))


async def test_failing_attempt_is_told_by_a_higher_attempt(house: House) -> None:
    house.model.add(Line("one two", error=ModelUnavailable("broke")), "one two three")
    session_id = await house.create()
    async with house.live() as http, opened(http, f"/api/v1/sessions/{session_id}/events") as stream:
        await house.say(session_id, "count", Prefer="respond-async")
        first = await stream.until("model_failed")
        await house.clock.advance(60)
        second = await stream.until("model_replied")
    assert {event.data["attempt"] for event in first if event.name == "delta"} == {1}
    assert {event.data["attempt"] for event in second if event.name == "delta"} == {2}
    assert set(first[-3].data) == set(OutputDelta.__slots__) - {"call"}


async def test_events_are_pages_of_records_without_crc(house: House) -> None:
    session_id = await house.create()
    await house.say(session_id, "hi")
    path = f"/api/v1/sessions/{session_id}/events"

    async def page(**query: int) -> dict[str, Any]:
        result: dict[str, Any] = (await house.http.get(path, params=query)).json()
        return result

    everything = await page()
    head = everything["head"]
    assert [record["seq"] for record in everything["events"]] == list(range(1, head + 1))
    assert everything["oldest"] == 1
    assert all("crc" not in record for record in everything["events"])
    assert [record["seq"] for record in (await page(after=2, limit=2))["events"]] == [3, 4]
    assert [record["seq"] for record in (await page(before=4, limit=2))["events"]] == [2, 3]
    assert [record["seq"] for record in (await page(tail=2))["events"]] == [head - 1, head]
    assert (await page(after=head))["events"] == []
    assert (await page(tail=0))["events"] == []


@pytest.mark.parametrize(
    "query", ["after=1&before=2", "tail=1&after=1", "limit=0", "limit=1001", "after=-1", "after=x", "oops=1"]
)
async def test_events_with_a_query_that_makes_no_sense_are_refused(house: House, query: str) -> None:
    response = await house.http.get(f"/api/v1/sessions/{await house.create()}/events?{query}")
    assert response.status_code == 422
    assert response.json()["errors"]
