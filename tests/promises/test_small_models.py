"""Tools for models that have no tool calling, or that see too many tools: over the real wire."""

from pathlib import Path

import pytest

from duragent.testing.stub_llm import ProviderAnswer, StubLlm, StubRequest
from tests.support.hands import make_hands
from tests.support.providers import EVERY_PROVIDER, KEYS, AskedProvider
from tests.support.real_server import told


def _as_text(request: StubRequest) -> ProviderAnswer:
    last = request.body["messages"][-1]["content"]
    if "tool_result" in str(last):
        return ProviderAnswer("It says hello.")
    return ProviderAnswer(
        'I run it.\n\n<tool_call>{"name": "bash", "arguments": {"command": "./do hello"}}</tool_call>'
    )


@pytest.mark.parametrize("asked", EVERY_PROVIDER)
async def test_a_model_without_tool_calling_calls_tools_as_text(asked: AskedProvider, tmp_path: Path) -> None:
    with StubLlm(_as_text) as stub:
        hands = make_hands(tmp_path, rest=f"{asked.block(stub)}\n    tools: text", provider=asked.provider)
        hands.server.environ = KEYS
        hands.server.start()
        try:
            async with hands.server.client() as client:
                session = (await client.create_session("assistant")).session_id
                answer = await told(client, session, "say hello")
        finally:
            hands.server.stop()
        assert answer.content == "It says hello."
        assert hands.count() == {"hello": 1}
        assert [result.outcome for result in hands.results(session)] == ["ok"]
        assert all("tools" not in request.body for request in stub.requests)
        assert "did hello" in str(stub.requests[1].body["messages"][-1])


@pytest.mark.parametrize("asked", EVERY_PROVIDER)
async def test_a_small_model_is_shown_only_the_tools_that_fit(asked: AskedProvider, tmp_path: Path) -> None:
    with StubLlm(lambda request: ProviderAnswer("ok")) as stub:
        hands = make_hands(tmp_path, rest=f"{asked.block(stub)}\n  tools_recall: 2", provider=asked.provider)
        names = ("bash", "read_file", "write_file", "web", "think", "search_files")
        file = hands.server.workspace / "agents" / "assistant" / "agent.yaml"
        many = "\n".join(f"    - {{type: builtin, name: {name}}}" for name in names)
        file.write_text(file.read_text().replace("  tools: [{type: builtin, name: bash}]", f"  tools:\n{many}"))
        hands.server.environ = KEYS
        hands.server.start()
        try:
            async with hands.server.client() as client:
                session = (await client.create_session("assistant")).session_id
                await told(client, session, "search the web for otters")
        finally:
            hands.server.stop()
        shown = [tool.get("function", tool)["name"] for tool in stub.requests[0].body["tools"]]
        assert len(shown) == 2
        assert "web" in shown
