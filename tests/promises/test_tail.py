"""always.md at the wire: last in every request, in no earlier message, also where what is out of order is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duragent.models.messages import ToolCall
from duragent.testing.stub_llm import ProviderAnswer, StubLlm
from tests.support.providers import KEYS, AskedProvider
from tests.support.real_server import RealServer, make_workspace, told

TAIL = "Answer in metres."
TEXT = "\n    tools: text"
WAYS = [
    pytest.param((AskedProvider("openai", "direct", "gpt-4o-mini"), ""), id="openai"),
    pytest.param((AskedProvider("openai", "direct", "gpt-4o-mini"), TEXT), id="openai-text"),
    pytest.param((AskedProvider("openai", "direct", "mistral-small"), ""), id="strict"),
    pytest.param((AskedProvider("openai", "direct", "mistral-small"), TEXT), id="strict-text"),
    pytest.param((AskedProvider("openai", "litellm", "gpt-4o-mini"), ""), id="openai-litellm"),
    pytest.param((AskedProvider("anthropic", "direct", "claude-sonnet-4-5"), ""), id="anthropic"),
    pytest.param((AskedProvider("anthropic", "litellm", "claude-sonnet-4-5"), ""), id="anthropic-litellm"),
    pytest.param((AskedProvider("ollama", "direct", "qwen3"), ""), id="ollama"),
]
TOOLS = "\n  tools:\n    - type: builtin\n      name: think"


@pytest.fixture(params=WAYS)
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[RealServer, StubLlm, bool]]:
    provider: AskedProvider
    provider, mode = request.param
    with StubLlm() as stub:
        server = make_workspace(tmp_path, rest=f"{provider.block(stub)}{mode}{TOOLS}", provider=provider.provider)
        (server.workspace / "shared").mkdir()
        (server.workspace / "shared" / "units.md").write_text(f"{TAIL}\n")
        (server.workspace / "agents" / "always.md").write_text("{{include:shared/units.md}}\n")
        server.environ = KEYS
        server.start()
        yield server, stub, bool(mode)
        server.stop()


def texts(value: Any) -> list[str]:
    """All texts of a message, in their order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [*texts(value.get("content") or ""), *texts(value.get("text", ""))]


async def test_words_that_are_said_always_are_read_last(asked: tuple[RealServer, StubLlm, bool]) -> None:
    server, stub, as_text = asked
    thought = '{"thought": "hm"}'
    stub.script(
        f'<tool_call>{{"name": "think", "arguments": {thought}}}</tool_call>'
        if as_text
        else ProviderAnswer(calls=(ToolCall(id="abcDEF123", name="think", arguments=thought),)),
        "Done.",
        "Well.",
    )
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        assert (await told(client, session, "go")).content == "Done."
        assert (await told(client, session, "and on")).content == "Well."
    bodies = [request.body for request in stub.requests]
    assert [request.protocol.refuse(request.body, request.headers) for request in stub.requests] == [None] * 3
    ends = ["\n\n".join(text for text in texts(body["messages"][-1]) if text) for body in bodies]
    assert ends[0] == f"{TAIL}\n\ngo"
    assert ends[1].endswith(f"\n\n{TAIL}")
    assert ends[2] == f"{TAIL}\n\nand on"
    assert [json.dumps(body).count(TAIL) for body in bodies] == [1, 1, 1]
    # The rest begins as the request before did, but for the tail and for marks.
    said = [[" ".join(texts(message)).replace(TAIL, "").strip() for message in body["messages"]] for body in bodies]
    assert said[1][: len(said[0])] == said[0]
    assert said[2][: len(said[1])] == said[1]
    runtime = f"tools={'text' if as_text else 'native'} | home=agents/assistant"
    assert all(runtime in json.dumps(body) for body in bodies)
    assert json.dumps(bodies[0]).count("agent=assistant | model=") == 1
