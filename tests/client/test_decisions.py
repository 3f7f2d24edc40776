"""What is allowed until a session ends, taken back by a client."""

from tests.client.fake_server import FakeServer, client_of

REVOKED = {"session_id": "s", "seq": 9, "allowed": ["bash:ls *"]}


async def test_revoke_sends_the_patterns_and_gives_what_is_left() -> None:
    server = FakeServer(statuses={"/api/v1/sessions/s/revoke": (200, REVOKED)})
    async with client_of(server) as client:
        left = await client.revoke("s", ["bash:make *"], "Ada")
    assert left.allowed == ["bash:ls *"]
    [asked] = [asked for asked in server.asked if asked.path.endswith("/revoke")]
    assert asked.json() == {"patterns": ["bash:make *"], "by": "Ada"}
