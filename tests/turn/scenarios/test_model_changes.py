"""A session goes on in a turn that thinks and calls tools: with another model, and when the window is full.

Real adapters ask a stub that refuses what real providers refuse.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from duragent.agent.load import load_agent
from duragent.clock import SystemClock
from duragent.journal.inputs import ChooseModel
from duragent.models.base import Model, ModelChoice
from duragent.models.choose import ModelChooser
from duragent.models.messages import ToolCall
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.testing.provider_wire import ReasoningField
from duragent.testing.signatures import sealed, signature
from duragent.testing.stub_llm import ProviderAnswer, StubLlm, StubRequest
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import House, open_house, write_agent

REST = "    name: demo\n    thinking: high\n  tools:\n    - type: builtin\n      name: think"
KEYS = dict.fromkeys(("ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY"), "sk-test")
CLAUDE = ("anthropic", "claude-sonnet-4-5")
ROUTED = ("openrouter", "anthropic/claude-sonnet-4.5")
GEMINI = ("gemini", "gemini-3-pro-preview")
LLAMA = ("ollama", "gpt-oss:20b")
GPT = ("openai", "gpt-4o-mini")
EVERY = (CLAUDE, GEMINI, ROUTED, LLAMA, GPT)


class Stage:
    """One stub for all providers. Each answer is by the model that was asked, and may choose who answers next."""

    def __init__(self, stub: StubLlm, then: Sequence[tuple[str, str]]) -> None:
        self.stub, self._then = stub, list(then)
        self.chooser = ModelChooser(SystemClock(), KEYS)
        self.house: House | None = None
        self.session = ""
        self._loop = asyncio.get_running_loop()
        stub.answer = self._answer

    def model_for(self, choice: ModelChoice) -> Model:
        urls = {"anthropic": self.stub.anthropic_url, "ollama": self.stub.ollama_url}
        return self.chooser.model_for(replace(choice, base_url=urls.get(choice.provider, self.stub.openai_url)))

    async def choose(self, provider: str, model: str) -> None:
        assert self.house is not None
        await self.house.sessions.post(self.session, ChooseModel(provider=provider, model=model))

    def _answer(self, request: StubRequest) -> ProviderAnswer:
        number = len(self.stub.requests)
        if not self._then:
            return ProviderAnswer("done", reasoning="over")
        chosen = asyncio.run_coroutine_threadsafe(self.choose(*self._then.pop(0)), self._loop)
        chosen.result(LIMIT_SECONDS)
        calls = tuple(
            ToolCall(id=f"toolu_{number}_{at}", name="think", arguments=json.dumps({"thought": f"{number} {at}"}))
            for at in range(2)
        )
        match request.body["model"]:
            case "gpt-4o-mini":
                return ProviderAnswer("well", calls=calls)
            case "anthropic/claude-sonnet-4.5":
                field: ReasoningField = "reasoning_details"
            case _:
                field = "reasoning_content"
        return ProviderAnswer(
            "well", reasoning=f"I {number}", hidden_reasoning=f"h {number}", calls=calls, reasoning_field=field
        )


@pytest.fixture
def stub() -> Iterator[StubLlm]:
    with StubLlm() as running:
        yield running


@pytest.mark.parametrize("first", EVERY, ids=[name for name, _ in EVERY])
async def test_each_step_of_a_turn_may_be_anothers_and_each_model_gets_back_its_own(
    stub: StubLlm, tmp_path: Path, first: tuple[str, str]
) -> None:
    others = [model for model in EVERY if model != first]
    stage = Stage(stub, [*others, first, first, *others])
    store = MemoryStore()
    async with open_house(store, ScriptedModel(), tmp_path, agent_rest=REST, model_for=stage.model_for) as house:
        stage.house, stage.session = house, await house.new()
        await stage.choose(*first)
        answered = await house.ask(stage.session, "go")
        assert (answered.outcome, answered.reply and answered.reply.text) == ("completed", "done"), answered.reason
        await house.ask(stage.session, "and again?")
    await stage.chooser.close()
    asked = [request.body["model"] for request in stub.requests]
    assert asked[:7] == [name for _, name in (first, *others, first, first)]
    for request in stub.requests:
        assert request.protocol.refuse(request.body, request.headers) is None
    again = json.dumps(stub.requests[6].body)
    for word in _signed_by(first[1], 1):
        assert word in again
    for other in others:
        assert not any(word in again for word in _signed_by(other[1], 2 + others.index(other)))


@pytest.mark.parametrize("model", [CLAUDE, ROUTED, GEMINI, LLAMA], ids=lambda model: str(model[0]))
async def test_a_turn_that_outgrows_the_window_goes_on_with_what_is_left_of_its_thinking(
    stub: StubLlm, tmp_path: Path, model: tuple[str, str]
) -> None:
    provider, name = model
    stage = Stage(stub, [])
    rest = REST.replace("name: demo", f"name: {name}\n    max_input_tokens: 8000")
    rounds = 12

    def answer(request: StubRequest) -> ProviderAnswer:
        number = len(stub.requests)
        call = ToolCall(id=f"toolu_{number}", name="think", arguments=json.dumps({"thought": f"{number}"}))
        return ProviderAnswer(
            "well",
            reasoning=f"{number} {'thought ' * 600}",
            calls=(call,) if number <= rounds else (),
            reasoning_field="reasoning_details" if model == ROUTED else "reasoning_content",
        )

    stub.answer = answer
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path, model_for=stage.model_for) as house:
        house.speakers.known["assistant"] = load_agent(write_agent(tmp_path, rest=rest, provider=provider))
        answered = await house.ask(await house.new(), "go")
        assert answered.outcome == "completed", answered.reason
    await stage.chooser.close()
    assert len(stub.requests) == rounds + 1
    for request in stub.requests:
        assert request.protocol.refuse(request.body, request.headers) is None
    last = json.dumps(stub.requests[-1].body)
    assert "truncated" in last
    if model != GEMINI:
        assert f"{rounds} thought thought" in last
        assert "2 thought thought" not in last.replace("12 thought", "")


def _signed_by(model: str, number: int) -> list[str]:
    """What comes back only to that model."""
    if model == GEMINI[1]:
        return [signature(model, "think")]
    if model in (CLAUDE[1], ROUTED[1]):
        return [signature(model, f"I {number}"), sealed(model, f"h {number}")]
    return [f"I {number}"] if model == LLAMA[1] else []
