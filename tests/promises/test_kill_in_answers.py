"""kill -9 of the real server at moments of its answers. Promises 1, 2 and 4.

What holds at each named point is tried in `tests/campaigns/test_kills.py`.
"""

import asyncio

import httpx
import pytest

from duragent.errors import ServerError
from duragent.journal.events import ModelFailed, ModelReplied, OwnerClaimed, TurnEnded
from duragent.wire import SendMessage
from tests.support.attached import Seen, attached, same, whole
from tests.support.real_server import RealServer

COUNT = "count to 60"
"""Six seconds: the kill comes in the middle of it, however busy the machine is."""
COUNTED = " ".join(str(number) for number in range(1, 61))


@pytest.mark.parametrize("words", [6, *(pytest.param(each, marks=pytest.mark.campaign) for each in (1, 11, 55))])
async def test_an_answer_that_was_killed_goes_on_and_every_client_sees_each_record_once(
    server: RealServer, words: int
) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        async with attached(server, session) as one, attached(server, session) as two:
            await client.post_message(session, SendMessage(content=COUNT))
            await asyncio.gather(*(seen.until(lambda s: len(s.last_text().split()) >= words) for seen in (one, two)))
            server.kill()
            shown = [seen.last_text() for seen in (one, two)]
            server.start()
            await asyncio.gather(one.until(Seen.ended), two.until(Seen.ended))
    records = server.records(session)
    for seen in (one, two):
        whole(seen.records)
        same(seen.records, records)
        assert seen.losses >= 1
    failed = next(record.event for record in records if isinstance(record.event, ModelFailed))
    assert failed.error == "interrupted"
    assert all(failed.partial_text.startswith(text) for text in shown)
    replied = next(record.event for record in records if isinstance(record.event, ModelReplied))
    assert replied.text.split()[: len(COUNTED.split())] == COUNTED.split()
    assert replied.attempt == 2
    assert [e.event.epoch for e in records if isinstance(e.event, OwnerClaimed)] == [1, 2]


async def test_a_cancel_survives_a_kill(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        async with attached(server, session) as seen:
            await client.post_message(session, SendMessage(content="count to 500"))
            await seen.until(lambda s: len(s.last_text().split()) >= 3)
            assert (await client.cancel(session)).cancelled
            server.kill()
            server.start()
            await seen.until(Seen.ended)
        ended = next(record.event for record in server.records(session) if isinstance(record.event, TurnEnded))
        assert ended.outcome == "cancelled"
        shown = (await client.messages(session)).messages[-1]
        assert shown.interrupted
        assert shown.content.split()[:3] == ["1", "2", "3"]


async def test_done_is_told_only_when_the_answer_is_durable(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
    endpoint = await server.locate()
    headers = {"Authorization": f"Bearer {endpoint.token}"}
    async with (
        httpx.AsyncClient(base_url=endpoint.url, headers=headers) as http,
        http.stream("POST", f"/api/v1/sessions/{session}/stream", json={"content": "hello"}) as response,
    ):
        async for line in response.aiter_lines():
            if line == "event: done":
                server.kill()
                break
    assert server.kinds(session)[-2:] == ["model_replied", "turn_ended"]


async def test_a_client_that_asks_for_a_session_that_never_was_is_told(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        with pytest.raises(ServerError, match="not found"):
            await client.session("session_nobody")
