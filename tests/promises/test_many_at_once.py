"""Many at once: nothing lost, nothing mixed."""

import asyncio
from pathlib import Path

from duragent.client.client import Client
from duragent.journal.events import MessageReceived, ModelReplied
from duragent.testing.stub_llm import ProviderAnswer, StubLlm, StubRequest
from duragent.wire import SendMessage
from tests.support.attached import Seen, attached, whole
from tests.support.real_server import RealServer, make_workspace

SESSIONS = 50


def _long_answer(request: StubRequest) -> ProviderAnswer:
    words = " ".join(f"{request.last_message}-{number}" for number in range(30))
    return ProviderAnswer(text=words, chunk_delay_seconds=0.01)


async def test_fifty_sessions_stream_at_once_to_two_clients_each(tmp_path: Path) -> None:
    with StubLlm(_long_answer) as stub:
        rest = f"    name: stub-model\n    base_url: {stub.openai_url}"
        server = make_workspace(tmp_path, rest=rest, provider="openai")
        server.start()
        try:
            async with server.client() as client:
                sessions = [(await client.create_session("assistant")).session_id for _ in range(SESSIONS)]
                await asyncio.gather(*(_talk(server, client, number, name) for number, name in enumerate(sessions)))
        finally:
            server.stop()
    assert len(stub.requests) == SESSIONS


async def _talk(server: RealServer, client: Client, number: int, session: str) -> None:
    async with attached(server, session) as one, attached(server, session) as two:
        await client.post_message(session, SendMessage(content=f"session{number}"))
        await asyncio.gather(one.until(Seen.ended, 50), two.until(Seen.ended, 50))
    expected = " ".join(f"session{number}-{word}" for word in range(30))
    for seen in (one, two):
        whole(seen.records)
        events = [record.event for record in seen.records]
        assert [event.text for event in events if isinstance(event, MessageReceived)] == [f"session{number}"]
        assert [event.text for event in events if isinstance(event, ModelReplied)] == [expected]
        assert all(expected.startswith(text) for text in seen.texts.values())
        assert seen.last_text()
