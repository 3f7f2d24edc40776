"""Models, by the client: what the server says of them, and what it is told."""

from duragent.wire import ModelOffers, NamedModel, PickModel, SessionInfo
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


async def test_what_a_name_means_for_an_agent() -> None:
    named = NamedModel(provider="a", model="b")
    server = FakeServer(statuses={"/api/v1/agents/a%2Fb/model": (200, named.model_dump())})
    async with client_of(server) as client:
        assert await client.named_model("a/b", "b", "http://127.0.0.1:1/v1") == named
    assert server.asked[-1].query == {"model": "b", "base_url": "http://127.0.0.1:1/v1"}
