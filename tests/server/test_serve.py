"""The server's own life: its start on a bound socket, and its end."""

import asyncio
import signal

import httpx
import pytest

from duragent.server.serve import HEAD_MAX_BYTES
from duragent.testing import Line
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House, opened
from tests.support.until import until


async def test_server_answers_as_soon_as_it_is_entered_and_never_after(house: House) -> None:
    async with house.live() as http:
        url = http.base_url
        assert (await http.get("/livez")).text == "ok"
    with pytest.raises(httpx.ConnectError):
        await house.client(str(url)).get("/livez")


async def test_signals_stay_with_the_program(house: House) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with house.live():
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_stop_ends_streams_and_waits_within_the_grace(house: House) -> None:
    house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=1))
    session_id = await house.create()
    base = f"/api/v1/sessions/{session_id}"
    async with (
        house.served() as (server, http),
        opened(http, f"{base}/events") as events,
        opened(http, f"{base}/stream", "POST", json={"content": "count"}) as stream,
    ):
        await stream.until("token")
        waiting = asyncio.create_task(http.post(f"{base}/messages", json={"content": "and?"}))
        await until(lambda: house.sessions.watchers(session_id) >= 3)
        await asyncio.wait_for(server.stop(10 * LIMIT_SECONDS), LIMIT_SECONDS)
        assert "delta" in [event.name for event in await events.rest()]
        assert [event.name for event in await stream.rest()] in ([], ["error"])
        answer = await asyncio.wait_for(waiting, LIMIT_SECONDS)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:duragent:problem:stopping")


async def test_stop_does_not_wait_for_a_client_that_reads_nothing(house: House) -> None:
    session_id = await house.create()
    for _ in range(6):
        await house.say(session_id, "x" * 1_000_000)
    async with house.served() as (server, http):
        _, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port, limit=1024)
        head = f"GET /api/v1/sessions/{session_id}/events HTTP/1.1\r\nHost: localhost\r\n"
        token = http.headers["authorization"]
        writer.write(f"{head}Accept: text/event-stream\r\nAuthorization: {token}\r\n\r\n".encode())
        await until(lambda: house.sessions.watchers(session_id))
        await asyncio.wait_for(server.stop(0.2), LIMIT_SECONDS)
        writer.close()


async def test_connection_too_many_is_told_so_and_the_others_go_on(house: House) -> None:
    async with house.live(connections_max=lambda: 2) as http:
        one, two = [house.client(str(http.base_url)) for _ in range(2)]
        async with one, two:
            for client in (one, two):
                assert (await client.get("/livez")).text == "ok"
            refused = await http.get("/livez")
            assert (refused.status_code, refused.headers.get("retry-after")) == (503, "5")
            assert refused.json()["type"] == "urn:duragent:problem:too-many-connections"
            assert (await one.get("/livez")).text == "ok"
        async with asyncio.timeout(LIMIT_SECONDS):
            while (await http.get("/livez")).status_code != 200:
                await asyncio.sleep(0)


async def test_endless_request_head_is_cut_off(house: House) -> None:
    async with house.live() as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * HEAD_MAX_BYTES)
        assert (await asyncio.wait_for(reader.read(), LIMIT_SECONDS)).startswith(b"HTTP/1.1 400")
        writer.close()
