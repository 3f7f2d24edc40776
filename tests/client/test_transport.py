"""Requests are sent until they are answered: again, with the same key, with the token of now."""

import pytest

from duragent.client.address import Endpoint, always, endpoint_of_url
from duragent.client.client import Client
from duragent.errors import ProblemResponse, ServerUnreachable
from duragent.wire import SendMessage
from tests.client.fake_server import NO_PAUSES, FakeServer, client_of, running

REFUSED = {"type": "urn:duragent:problem:unauthorized", "title": "Unauthorized", "status": 401, "detail": "no"}
STOPPING = {"type": "urn:duragent:problem:stopping", "title": "Stopping", "status": 503, "detail": "it stops"}


async def test_a_post_whose_answer_is_lost_is_sent_again_and_counts_once() -> None:
    server = FakeServer(drops=3)
    async with client_of(server) as client:
        accepted = await client.post_message("s", SendMessage(content="hi"))
    assert accepted.seq == 1
    assert len(server.records) == 1
    assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 1
    assert len(server.asked) == 4


async def test_text_with_lone_surrogates_and_nulls_is_sent_as_it_is() -> None:
    server = FakeServer()
    async with client_of(server) as client:
        await client.post_message("s", SendMessage(content="a\ud800\0b"))
    assert server.records[0]["text"] == "a\ud800\0b"


async def test_a_server_that_is_not_duragent_is_told_apart() -> None:
    server = FakeServer(statuses={"/api/v1/agents": (200, {"hello": "world"}), "/version": (418, {})})
    async with client_of(server) as client:
        with pytest.raises(ServerUnreachable, match="not duragent"):
            await client.agents()
        with pytest.raises(ProblemResponse, match="418"):
            await client.version()


async def test_an_unreachable_server_is_told_when_patience_ends() -> None:
    async with Client(
        always(Endpoint("http://127.0.0.1:9", None, local=True)), patience_seconds=0.05, backoff=NO_PAUSES
    ) as client:
        with pytest.raises(ServerUnreachable):
            await client.ready()


async def test_a_named_server_gets_patience_once_it_has_answered() -> None:
    server = FakeServer()
    async with running(server), Client(always(endpoint_of_url(server.url, environ={})), backoff=NO_PAUSES) as client:
        server.drops = 1
        with pytest.raises(ServerUnreachable) as caught:
            await client.post_message("s", SendMessage(content="hi"))
        await client.post_message("s", SendMessage(content="hi"))
        server.drops = 2
        await client.post_message("s", SendMessage(content="hi"))
    assert caught.value.named


async def test_server_that_was_started_again_is_asked_with_its_new_token() -> None:
    looked: list[str] = []
    async with running(FakeServer()) as server:

        async def locate(*, wanted: bool) -> Endpoint:
            looked.append("old" if not looked else "new")
            if looked[-1] == "new" and not final:
                server.statuses.clear()
            return Endpoint(server.url, looked[-1], local=True)

        async with Client(locate, backoff=NO_PAUSES) as client:
            final = False
            await client.approvals()
            server.statuses["/api/v1/approvals"] = (401, REFUSED)
            await client.approvals()
            assert server.asked[-1].headers["authorization"] == "Bearer new"
            final = True
            server.statuses["/api/v1/approvals"] = (401, REFUSED)
            with pytest.raises(ProblemResponse, match="no"):
                await client.approvals()
    assert looked == ["old", "new", "new"]


async def test_a_server_that_was_started_again_is_asked_how_it_is_with_its_new_token() -> None:
    tokens = iter(["old", "new"])
    async with running(FakeServer()) as server:

        async def locate(*, wanted: bool) -> Endpoint:
            return Endpoint(server.url, next(tokens), local=True)

        async with Client(locate, backoff=NO_PAUSES) as client:
            await client.approvals()
            await client.ready()
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer old", "Bearer new"]


async def test_delete_that_was_refused_for_its_old_token_and_finds_nothing_is_not_told_as_done() -> None:
    server = FakeServer()
    async with client_of(server) as client:
        await client.ready()
        server.next_statuses["/api/v1/sessions/s"] = [(401, REFUSED)]
        with pytest.raises(ProblemResponse, match="nope"):
            await client.delete_session("s")
    assert [asked.method for asked in server.asked] == ["GET", "DELETE", "DELETE"]


async def test_delete_whose_answer_was_lost_is_done_when_nothing_is_there_any_more() -> None:
    server = FakeServer(drops=1)
    async with client_of(server) as client:
        await client.delete_session("s")
        server.next_statuses["/api/v1/sessions/s"] = [(503, STOPPING)]
        await client.delete_session("s")
    assert [asked.method for asked in server.asked] == ["DELETE"] * 4


async def test_delete_that_reached_no_server_at_first_is_not_told_as_done() -> None:
    server, refused = FakeServer(), Endpoint("http://127.0.0.1:9", None, local=True)
    async with running(server):
        endpoints = iter([refused, Endpoint(server.url, None, local=True)])

        async def locate(*, wanted: bool) -> Endpoint:
            return next(endpoints)

        async with Client(locate, backoff=NO_PAUSES) as client:
            with pytest.raises(ProblemResponse, match="nope"):
                await client.delete_session("s")
