"""kill -9 between a file, its message and the answer: sent again, both count once, and each request has the file."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from duragent.client.client import Client
from duragent.errors import ServerError
from duragent.journal.events import MessageReceived
from duragent.models.messages import ToolCall
from duragent.stores.files.checkup import check
from duragent.testing.stub_llm import Failure, ProviderAnswer, StubLlm, StubRequest
from duragent.wire import SendMessage, SentAttachment
from tests.support.bounds import LIMIT_SECONDS
from tests.support.pictures import png
from tests.support.real_server import RealServer, make_workspace, told

PNG = png(3, 2)
ENCODED = base64.b64encode(PNG).decode()
T = TypeVar("T")


async def sent_at_last(server: RealServer, send: Callable[[], Awaitable[T]], environ: dict[str, str]) -> T:
    """What comes of a request that is sent again to a server that starts again after it was killed."""
    asking = asyncio.ensure_future(send())
    async with asyncio.timeout(LIMIT_SECONDS):
        dead = asyncio.ensure_future(server.wait_until_dead())
        await asyncio.wait((asking, dead), return_when=asyncio.FIRST_COMPLETED)
        if asking.done() and not asking.exception():
            dead.cancel()
            return asking.result()
        await dead
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    server.start(environ)
    return await send()


def images_in(request: StubRequest) -> int:
    return json.dumps(request.body).count(ENCODED)


@pytest.mark.parametrize(
    "point",
    [
        # Of the file.
        "blob.stored:1",
        "attachment.stored:1",
        # Of the message, and of the question.
        "log.before_write:1",
        "log.written:1",
        "commit.stored:1",
        "model.called:1",
        "model.heard:1",
    ],
)
async def test_killed_anywhere_a_message_with_a_file_counts_once_and_is_answered(tmp_path: Path, point: str) -> None:
    with StubLlm() as stub:
        rest = f"    name: claude-sonnet-4-5\n    base_url: {stub.anthropic_url}\n"
        server, environ = make_workspace(tmp_path, rest, provider="anthropic"), {"ANTHROPIC_API_KEY": "sk-test"}
        try:
            server.start(environ)
            async with server.client() as client:
                session = (await client.create_session("assistant")).session_id
                server.kill()
                server.start(environ | {"DURAGENT_CRASHPOINT": point})
                file = await sent_at_last(server, lambda: client.attach(session, PNG, name="a.png"), environ)
                body = SendMessage(content="look", attachments=[file])
                await sent_at_last(server, lambda: client.ask(session, body, key="k"), environ)
                assert await client.attachment(session, file.sha256) == PNG
                assert "and?" in (await told(client, session, "and?")).content
        finally:
            server.stop()
    received = [record.event for record in server.records(session) if isinstance(record.event, MessageReceived)]
    assert [(event.text, len(event.attachments)) for event in received] == [("look", 1), ("and?", 0)]
    assert [images_in(request) for request in stub.requests] == [1] * len(stub.requests) != []
    found = check(server.sessions_dir, session)
    assert (found.damage, found.lost_blobs, found.blobs) == (None, [], 1)


PROVIDERS: dict[str, tuple[str, Callable[[StubLlm], str]]] = {
    "anthropic": ("claude-sonnet-4-5", lambda stub: stub.anthropic_url),
    "openai": ("gpt-4o", lambda stub: stub.openai_url),
    "ollama": ("llava", lambda stub: stub.ollama_url),
}


@pytest.mark.parametrize("adapter", ["direct", "litellm"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_each_provider_gets_the_image(tmp_path: Path, provider: str, adapter: str) -> None:
    name, url = PROVIDERS[provider]
    with StubLlm() as stub:
        rest = f"    name: {name}\n    base_url: {url(stub)}\n    adapter: {adapter}\n"
        server = make_workspace(tmp_path, rest, provider=provider)
        try:
            server.start({"ANTHROPIC_API_KEY": "sk-test", "OPENAI_API_KEY": "sk-test"})
            async with server.client() as client:
                session = (await client.create_session("assistant")).session_id
                await with_image(client, session)
                await told(client, session, "and?")
        finally:
            server.stop()
    assert [images_in(request) for request in stub.requests] == [1, 1]


@pytest.mark.parametrize("adapter", ["direct", "litellm"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_each_provider_gets_the_image_of_a_result(tmp_path: Path, provider: str, adapter: str) -> None:
    name, url = PROVIDERS[provider]
    (tmp_path / "photo.png").write_bytes(PNG)
    with StubLlm() as stub:
        rest = f"    name: {name}\n    base_url: {url(stub)}\n    adapter: {adapter}\n"
        rest += "  tools: [{type: builtin, name: read_file}]\n"
        server = make_workspace(tmp_path, rest, provider=provider)
        calls = tuple(ToolCall(id=f"c{at}", name="read_file", arguments='{"path": "photo.png"}') for at in range(2))
        stub.script(ProviderAnswer(calls=calls), "I see", "still")
        try:
            server.start({"ANTHROPIC_API_KEY": "sk-test", "OPENAI_API_KEY": "sk-test"})
            async with server.client() as client:
                session = (await client.create_session("assistant")).session_id
                assert (await told(client, session, "look at photo.png")).content == "I see"
                assert (await told(client, session, "and?")).content == "still"
        finally:
            server.stop()
    assert [images_in(request) for request in stub.requests] == [0, 2, 2]


@pytest.mark.parametrize("adapter", ["direct", "litellm"])
async def test_an_image_that_a_provider_refuses_costs_one_turn(tmp_path: Path, adapter: str) -> None:
    with StubLlm() as stub:
        rest = f"    name: claude-sonnet-4-5\n    base_url: {stub.anthropic_url}\n    adapter: {adapter}\n"
        server = make_workspace(tmp_path, rest, provider="anthropic")
        stub.script(Failure(400, "Could not process image"), "hello")
        try:
            server.start({"ANTHROPIC_API_KEY": "sk-test"})
            async with server.client() as client:
                session = (await client.create_session("assistant")).session_id
                with pytest.raises(ServerError, match="Could not process image"):
                    await with_image(client, session)
                assert (await told(client, session, "and?")).content == "hello"
        finally:
            server.stop()
    assert [images_in(request) for request in stub.requests] == [1, 0]


async def with_image(client: Client, session: str) -> SentAttachment:
    file = await client.attach(session, PNG, name="a.png")
    await client.ask(session, SendMessage(content="look", attachments=[file]))
    return file


async def test_a_file_whose_session_is_gone_is_refused_in_words(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await with_image(client, session)
        await client.delete_session(session)
        with pytest.raises(ServerError, match="not found"):
            await client.attach(session, PNG, name="a.png")
    assert list(server.sessions_dir.glob("*/blobs/*")) == []
