"""An agent's memory behind a real server: what is noted in one session is in the requests of later ones."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duragent.journal.events import MemoryRecalled
from duragent.models.messages import ToolCall
from duragent.testing.stub_llm import ProviderAnswer, StubLlm
from tests.support.providers import KEYS, AskedProvider
from tests.support.real_server import RealServer, make_workspace, told

OPENAI = AskedProvider("openai", "direct", "gpt-4o-mini")
METRIC = "I prefer metric units"


@pytest.fixture
def stub() -> Iterator[StubLlm]:
    with StubLlm() as stub:
        yield stub


@pytest.fixture
def remembering(tmp_path: Path, stub: StubLlm) -> Iterator[RealServer]:
    """An agent that remembers, on the stub."""
    server = make_workspace(tmp_path, rest=f"{OPENAI.block(stub)}\n  memory: {{}}", provider="openai")
    server.environ = KEYS
    yield server
    server.stop()


def notes(content: str) -> ProviderAnswer:
    """The model's call that notes it."""
    return call(action="remember", content=content)


def call(**arguments: object) -> ProviderAnswer:
    return ProviderAnswer(calls=(ToolCall(id="call_1", name="memory", arguments=json.dumps(arguments)),))


async def ask(server: RealServer, text: str) -> str:
    """In a session of its own."""
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await told(client, session, text)
    return session


def body(stub: StubLlm) -> dict[str, Any]:
    """The newest request."""
    return stub.requests[-1].body


def recalled(server: RealServer, session: str) -> list[MemoryRecalled]:
    return [record.event for record in server.records(session) if isinstance(record.event, MemoryRecalled)]


async def test_note_of_one_session_is_in_the_request_of_the_next(remembering: RealServer, stub: StubLlm) -> None:
    stub.script(notes("The user prefers metric units"), "Noted.", "Metric.", "Metric again.")
    remembering.start()
    await ask(remembering, f"remember that {METRIC}")
    session = await ask(remembering, "which units does the trip report need?")
    assert "The user prefers metric units" in json.dumps(body(stub))
    [found] = recalled(remembering, session)
    assert [item.trust for item in found.items if item.ref.startswith("m_") and not item.left_out] == ["owner"]
    # The index is a cache.
    remembering.terminate()
    index = remembering.workspace / "streams" / "mind-assistant" / "index.sqlite"
    index.unlink()
    remembering.start()
    again = await ask(remembering, "which units does the trip report need?")
    [second] = recalled(remembering, again)
    assert "The user prefers metric units [m_" in second.text
    assert index.exists()
