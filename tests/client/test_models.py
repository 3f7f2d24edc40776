"""Models, by the client: what the server says of them, and what it is told."""

from duragent.wire import ModelOffers, PickModel, SessionInfo
from tests.client.fake_server import FakeServer, client_of


async def test_what_can_be_asked_and_who_answers() -> None:
    offers = ModelOffers(models=[], hints=["Pull one."])
    session = SessionInfo(session_id="s/1", agent="a", status="active", created_at="", updated_at="", model="a/b")
    path = "/api/v1/sessions/s%2F1/model"
    server = FakeServer(statuses={"/api/v1/models": (200, offers.model_dump()), path: (200, session.model_dump())})
    async with client_of(server) as client:
        assert await client.models() == offers
        assert await client.choose_model("s/1", PickModel(model="a/b", by="Ada")) == session
    assert server.asked[-1].json() == {"model": "a/b", "base_url": "", "by": "Ada"}
