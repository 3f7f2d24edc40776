"""Agents that think and use tools, at a provider that refuses thinking which was changed: whole days of a session.

Each generation of models is asked in its own way, so each has its walk: questions with calls, a kill, another model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from duragent.models.messages import ToolCall
from duragent.testing import provider_rules
from duragent.testing.stub_llm import ProviderAnswer, StubLlm
from duragent.wire import PickModel
from tests.support.real_server import RealServer, make_workspace, told

CLAUDES = ("claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-7", "claude-opus-5", "claude-opus-5-5")
REST = """\
    name: claude-haiku-4-5
    base_url: {url}
    thinking: high
    temperature: 0.5
  tools:
    - type: builtin
      name: think"""


@dataclass
class Walk:
    server: RealServer
    stub: StubLlm

    def answer(self, *answers: ProviderAnswer) -> None:
        self.stub.script(*answers)

    @property
    def asked(self) -> Mapping[str, Any]:
        return self.stub.requests[-1].body

    def given_back(self) -> list[list[str]]:
        """What each message of the assistant begins with in the newest request: the thinking in it."""
        said = [message["content"] for message in self.asked["messages"] if message["role"] == "assistant"]
        return [[block["thinking"] for block in blocks if block["type"] == "thinking"] for blocks in said]

    def none_refused(self) -> None:
        refusals = [provider_rules.refuse_anthropic(request.body, request.headers) for request in self.stub.requests]
        assert [refusal for refusal in refusals if refusal] == []


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with StubLlm() as stub:
        rest = REST.format(url=stub.anthropic_url)
        server = make_workspace(tmp_path_factory.mktemp("thinking"), rest=rest, provider="anthropic")
        server.environ = {"ANTHROPIC_API_KEY": "sk-test"}
        server.start()
        yield Walk(server, stub)
        server.stop()


@pytest.fixture
def walk(running: Walk) -> Walk:
    running.stub.requests.clear()
    return running


def thought(said: str, *, calls: int = 0, text: str = "") -> ProviderAnswer:
    made = (ToolCall(id=f"toolu_{said[0]}{at}", name="think", arguments='{"thought": "hm"}') for at in range(calls))
    return ProviderAnswer(text, reasoning=said, hidden_reasoning=f"{said} (hidden)", calls=tuple(made))


async def test_models_that_think_get_their_thinking_back_also_after_a_kill(walk: Walk) -> None:
    sessions = {}
    async with walk.server.client() as client:
        for name in CLAUDES:
            sessions[name] = session = (await client.create_session("assistant")).session_id
            await client.choose_model(session, PickModel(model=name, by="me"))
            answers = (
                thought("One.", calls=2),
                thought("Two.", calls=1, text="I look."),
                thought("Three.", text="Done."),
            )
            walk.answer(*answers)
            assert (await told(client, session, "go")).content == "Done."
            assert (walk.asked["model"], walk.given_back()) == (name, [["One."], ["Two."]])
            blocks = walk.asked["messages"][3]["content"]
            assert [block["type"] for block in blocks] == ["thinking", "redacted_thinking", "text", "tool_use"]
        walk.server.kill()
        walk.server.start()
        for session in sessions.values():
            walk.answer(thought("Four.", calls=1), ProviderAnswer("Done again."))
            assert (await told(client, session, "and on")).content == "Done again."
            assert walk.given_back() == [["One."], ["Two."], ["Three."], ["Four."]]
    walk.none_refused()


async def test_a_session_whose_model_is_changed_goes_on_with_what_that_one_thought(walk: Walk) -> None:
    async with walk.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        for at, name in enumerate((*CLAUDES, CLAUDES[0])):
            await client.choose_model(session, PickModel(model=name, by="me"))
            walk.answer(thought(f"{at}.", calls=1), thought(f"{at} too.", text="Done."))
            assert (await told(client, session, "go")).content == "Done."
            others: list[list[str]] = [[]] * (2 * at)
            if at == len(CLAUDES):
                others[:2] = [["0."], ["0 too."]]
            assert walk.given_back() == [*others, [f"{at}."]]
    walk.none_refused()


async def test_answer_of_a_thinking_model_that_breaks_off_is_asked_for_again(walk: Walk) -> None:
    async with walk.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        cut = ProviderAnswer("So far.", reasoning="One and two and three.", cut_after_chunks=3, cut="error")
        walk.answer(cut, thought("One.", calls=1), thought("Two.", text="Done."))
        assert (await told(client, session, "go")).content == "Done."
        assert len(walk.stub.requests) == 3
        assert walk.given_back() == [["One."]]
    walk.none_refused()


async def test_newest_models_go_on_although_what_stands_in_front_of_their_thinking_has_changed(walk: Walk) -> None:
    async with walk.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await client.choose_model(session, PickModel(model="claude-opus-5-5", by="me"))
        walk.answer(thought("One.", calls=1), thought("Two.", text="Done."))
        await told(client, session, "go")
        (walk.server.workspace / "agents" / "assistant" / "SOUL.md").write_text("You are stern.\n")
        await client.reload_agents()
        walk.answer(thought("Three.", calls=1), thought("Four.", text="Done again."))
        assert (await told(client, session, "and on")).content == "Done again."
        assert "You are stern." in str(walk.asked["system"])
        assert walk.given_back() == [["One."], ["Two."], ["Three."]]
    walk.none_refused()
