"""Files of messages, by the client."""

import pytest

from duragent.errors import ProblemResponse
from duragent.wire import SendMessage, SentAttachment
from tests.client.fake_server import FakeServer, client_of

PNG = b"\x89PNG\r\n\x1a\n"
KEPT = {"name": "a b.png", "media_type": "image/png", "sha256": "0" * 64, "size_bytes": 8}
PROBLEM = {"type": "urn:duragent:problem:body-too-large", "title": "x", "status": 413, "detail": "too large"}


async def test_file_is_sent_as_it_is_and_named_by_the_message() -> None:
    path = "/api/v1/sessions/s/attachments"
    server = FakeServer(next_statuses={path: [(503, {}), (201, KEPT)]})
    async with client_of(server) as client:
        photo = await client.attach("s", PNG, name="a b.png")
        await client.post_message("s", SendMessage(content="see", attachments=[photo]))
    assert photo == SentAttachment.model_validate(KEPT)
    *uploads, message = server.asked
    assert [(asked.path, asked.query, asked.body) for asked in uploads] == [(path, {"name": "a b.png"}, PNG)] * 2
    assert (message.json()["content"], message.json()["attachments"]) == ("see", [KEPT])


async def test_name_that_no_address_can_hold_is_sent_as_far_as_it_can_be() -> None:
    path = "/api/v1/sessions/s/attachments"
    server = FakeServer(statuses={path: (201, KEPT)})
    async with client_of(server) as client:
        await client.attach("s", PNG, name="a\udcff.png")
    assert [asked.query for asked in server.asked] == [{"name": "a\N{REPLACEMENT CHARACTER}.png"}]


async def test_file_that_is_refused_says_why() -> None:
    server = FakeServer(statuses={"/api/v1/sessions/s/attachments": (413, PROBLEM)})
    async with client_of(server) as client:
        with pytest.raises(ProblemResponse, match="too large"):
            await client.attach("s", PNG, name="a.png")
