"""kill -9 around the choice of another model for a session: it has the old one or the new one, and goes on."""

import asyncio

import pytest

from duragent.journal.events import ModelChosen
from duragent.testing.stub_llm import StubLlm
from duragent.wire import PickModel
from tests.support.real_server import RealServer, told


@pytest.mark.parametrize(
    ("point", "is_chosen"),
    [
        ("log.before_write:1", False),
        # What the kernel has is there after a kill, acknowledged or not.
        ("log.written:1", True),
        ("log.synced:1", True),
        ("commit.stored:1", True),
    ],
)
async def test_killed_around_a_choice_the_session_goes_on_with_one_of_the_two(
    server: RealServer, point: str, is_chosen: bool
) -> None:
    with StubLlm() as stub:
        choice = PickModel(model="openai/other", base_url=stub.openai_url, by="me")
        server.start()
        async with server.client() as client:
            session = (await client.create_session("assistant")).session_id
            await told(client, session, "before")
            server.kill()
            server.start({"DURAGENT_CRASHPOINT": point})
            choosing = asyncio.ensure_future(client.choose_model(session, choice))
            await server.wait_until_dead()
            choosing.cancel()
            await asyncio.gather(choosing, return_exceptions=True)
            server.start()
            assert (await client.session(session)).model == ("openai/other" if is_chosen else None)
            assert (await told(client, session, "after")).content
            assert [request.body["model"] for request in stub.requests] == ["other"] * is_chosen
            # Chosen again, it is in the log once.
            assert (await client.choose_model(session, choice)).model == "openai/other"
            await told(client, session, "on")
            assert len(stub.requests) == 1 + is_chosen
    chosen = [record.event for record in server.records(session) if isinstance(record.event, ModelChosen)]
    assert [(event.model, event.base_url) for event in chosen] == [("other", stub.openai_url)]
