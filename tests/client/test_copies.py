"""Sessions from other sessions: what is sent once only, and what may be sent a second time."""

from collections.abc import AsyncIterator

import pytest

from duragent.errors import ProblemResponse, ServerUnreachable
from tests.client.fake_server import FakeServer, client_of

PROBLEM = {"type": "urn:duragent:problem:session-damaged", "title": "x", "status": 409, "detail": "line 3 is broken"}


async def pieces() -> AsyncIterator[bytes]:
    for piece in (b"PK", b"", b"\x03\x04", b"rest"):
        yield piece


async def test_export_is_given_piece_by_piece() -> None:
    server, written = FakeServer(archive=b"PK" + bytes(200_000)), bytearray()
    async with client_of(server) as client:
        await client.export("s/1", written.extend)
    assert bytes(written) == server.archive
    assert [asked.path for asked in server.asked] == ["/livez", "/api/v1/sessions/s%2F1/export"]


async def test_export_that_is_refused_writes_nothing_and_says_why() -> None:
    server = FakeServer(statuses={"/api/v1/sessions/s/export": (409, PROBLEM)})
    async with client_of(server) as client:
        with pytest.raises(ProblemResponse, match="line 3 is broken"):
            await client.export("s", lambda piece: pytest.fail("written"))


async def test_import_under_a_new_id_is_sent_again_with_its_key_when_the_answer_is_lost() -> None:
    server = FakeServer(drops=1)
    async with client_of(server) as client:
        info = await client.import_session(pieces(), new_id=True, again=pieces)
    assert info.session_id == "session_1"
    imports = [asked for asked in server.asked if asked.path == "/api/v1/imports"]
    assert [(asked.body, asked.query) for asked in imports] == [(b"PK\x03\x04rest", {"new_id": "true"})] * 2
    assert len({asked.headers["idempotency-key"] for asked in imports}) == 1


@pytest.mark.parametrize("new_id", [True, False])
async def test_import_that_cannot_be_sent_again_says_that_it_may_have_been_taken_in(new_id: bool) -> None:
    server = FakeServer(drops=1)
    async with client_of(server) as client:
        with pytest.raises(ServerUnreachable, match="the session may have been taken in: `duragent session list`"):
            await client.import_session(pieces(), new_id=new_id, again=None if new_id else pieces)
    imports = [asked for asked in server.asked if asked.path == "/api/v1/imports"]
    assert [("idempotency-key" in asked.headers, asked.query["new_id"]) for asked in imports] == [
        (new_id, str(new_id).lower())
    ]


async def test_import_that_is_refused_says_why() -> None:
    server = FakeServer(statuses={"/api/v1/imports": (409, PROBLEM)})
    async with client_of(server) as client:
        with pytest.raises(ProblemResponse, match="line 3 is broken"):
            await client.import_session(pieces())
