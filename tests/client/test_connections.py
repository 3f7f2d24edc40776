"""A duragent v0.5 is recognised before it is sent a message."""

import pytest

from duragent.client.address import always, endpoint_of_url
from duragent.client.client import Client
from duragent.errors import OlderServer
from duragent.wire import SendMessage
from tests.client.fake_server import NO_PAUSES, FakeServer, running


async def test_a_server_of_v0_5_is_told_before_it_is_sent_a_message() -> None:
    version = {"version": "0.5.4", "commit": "abc", "build_date": "2026-01-01"}
    server = FakeServer(is_v0_5=True, statuses={"/version": (200, version)})
    async with (
        running(server),
        Client(always(endpoint_of_url(server.url, environ={"DURAGENT_TOKEN": "x"})), backoff=NO_PAUSES) as client,
    ):
        with pytest.raises(OlderServer, match=r"an older duragent \(0.5.4\) answers at http://127.0.0.1:"):
            await client.post_message("s", SendMessage(content="hi"))
    assert [asked.path for asked in server.asked] == ["/readyz", "/version"]
    assert all("authorization" not in asked.headers for asked in server.asked)
