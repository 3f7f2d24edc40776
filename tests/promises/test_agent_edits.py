"""Agents are files: an edit counts from the next turn on, a broken edit changes nothing and is reported."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.client.client import Client
from duragent.testing.stub_llm import StubLlm
from tests.support.real_server import RealServer, make_workspace, told
from tests.support.until import until


@pytest.fixture
def stub() -> Iterator[StubLlm]:
    with StubLlm() as stub:
        yield stub


@pytest.fixture
def talking(tmp_path: Path, stub: StubLlm) -> Iterator[RealServer]:
    rest = f"    name: stub-model\n    base_url: {stub.openai_url}"
    server = make_workspace(tmp_path, rest=rest, provider="openai")
    server.start()
    yield server
    server.stop()


async def _fingerprint(client: Client) -> str:
    return (await client.agent("assistant")).fingerprint


async def test_an_edit_of_a_prompt_counts_from_the_next_turn_on(talking: RealServer, stub: StubLlm) -> None:
    async with talking.client() as client:
        session = (await client.create_session("assistant")).session_id
        await told(client, session, "one")
        before = await _fingerprint(client)
        (talking.workspace / "agents/assistant/SOUL.md").write_text("You are very strict.\n")

        async def reloaded() -> bool:
            return await _fingerprint(client) != before

        await until(reloaded)
        await told(client, session, "two")
    prompts = [request.body["messages"][0]["content"] for request in stub.requests]
    assert ["You are kind." in prompt for prompt in prompts] == [True, False]
    assert ["You are very strict." in prompt for prompt in prompts] == [False, True]


async def test_a_broken_edit_leaves_the_last_good_agent_and_is_listed_with_its_line(talking: RealServer) -> None:
    file = talking.workspace / "agents/assistant/agent.yaml"
    (talking.workspace / "agents/other").mkdir()
    async with talking.client() as client:
        session = (await client.create_session("assistant")).session_id
        file.write_text(file.read_text().replace("  model:", "  modell:"))

        async def was_told() -> bool:
            return bool((await client.ready()).broken_agents)

        await until(was_told)
        [broken] = (await client.agents()).broken
        assert broken.name == "assistant"
        assert "agent.yaml:6" in (broken.problem or "")
        assert "did you mean `model`" in (broken.problem or "")
        answer = await told(client, session, "still there?")
        assert answer.content == "You said: still there?"


async def test_an_agent_without_a_key_says_which_one_is_missing(tmp_path: Path) -> None:
    server = make_workspace(tmp_path, rest="    name: gpt-4o-mini", provider="openai")
    server.start()
    try:
        async with server.client() as client:
            session = (await client.create_session("assistant")).session_id
            with pytest.raises(Exception, match="OPENAI_API_KEY"):
                await told(client, session, "hi")
    finally:
        server.stop()
