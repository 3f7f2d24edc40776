"""The agent of one session: what was chosen for that session alone."""

from dataclasses import replace

import pytest

from duragent.agent.always import Always
from duragent.agent.memory_spec import MemorySpec
from duragent.agent.spec import ModelSpec
from duragent.journal import events as e
from duragent.journal.state import ChosenModel
from duragent.models.base import ModelChoice
from duragent.testing import ScriptedModel
from duragent.tools.toolset import Toolset
from duragent.turn.model_choice import with_model, with_system, with_tags
from duragent.turn.request import prepare
from duragent.turn.workbench import LoadedAgent
from tests.context.logs import NOW, Log, agent_with
from tests.turn.test_request import Stored

OWN = ModelSpec(
    provider="openai", name="gpt", base_url="http://own/v1", temperature=0.5, max_input_tokens=9, max_output_tokens=8
)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, OWN),
        (ChosenModel("openai", "gpt"), OWN),
        (
            ChosenModel("openai", "other"),
            ModelSpec(provider="openai", name="other", base_url="http://own/v1", temperature=0.5, max_output_tokens=8),
        ),
        (ChosenModel("gemini", "g"), ModelSpec(provider="gemini", name="g", temperature=0.5)),
        (
            ChosenModel("openai", "gpt", "http://127.0.0.1:1/v1"),
            ModelSpec(
                provider="openai", name="gpt", base_url="http://127.0.0.1:1/v1", temperature=0.5, max_output_tokens=8
            ),
        ),
    ],
)
def test_only_what_holds_for_any_model_stays(choice: ChosenModel | None, expected: ModelSpec) -> None:
    agent = agent_with()
    agent = replace(agent, spec=agent.spec.model_copy(update={"model": OWN}))
    assert with_model(agent, choice).spec.model == expected


def test_words_of_a_models_file_hold_for_that_model_only() -> None:
    own, of_model = Always("agents/ada/always.md", "own"), Always("models/fast.yaml", "fast", of_model=True)
    agent = replace(agent_with(), always=(own, of_model))
    agent = replace(agent, spec=agent.spec.model_copy(update={"model": OWN}))
    assert with_model(agent, ChosenModel("openai", "gpt")).always == (own, of_model)
    assert with_model(agent, ChosenModel("gemini", "g")).always == (own,)


def test_a_system_text_stands_in_place_of_the_agents() -> None:
    agent = agent_with()
    assert with_system(agent, "Speak Latin.").system_prompt == "Speak Latin."
    assert with_system(agent, "  ") is agent


async def test_the_request_is_for_what_the_session_says() -> None:
    log = Log()
    log.add(e.SessionCreated(agent="assistant", model="ollama/qwen3", system="Speak Latin, {{agent.name}}."))
    log.start("go")
    loaded = LoadedAgent(agent_with(), Toolset())
    prepared = await prepare(Stored(log), loaded, NOW)
    assert prepared.model == ModelChoice("ollama", "qwen3")
    assert "Speak Latin, ada." in prepared.request.messages[0].content
    log.add(e.ModelChosen(provider="openai", model="local", base_url="http://127.0.0.1:1/v1"))
    chosen = (await prepare(Stored(log), loaded, NOW)).model
    assert chosen == ModelChoice("openai", "local", "http://127.0.0.1:1/v1", without_key=True)
    log.add(e.ModelChosen())
    assert (await prepare(Stored(log), loaded, NOW)).model == ModelChoice("demo", "demo")


@pytest.mark.parametrize(
    ("memory", "tools", "expected"),
    [
        (None, "text", False),
        (MemorySpec(), "text", True),
        (MemorySpec(), "native", False),
        (MemorySpec(tags="on"), "native", True),
        (MemorySpec(tags="off"), "text", False),
    ],
)
def test_tags_are_notes_where_the_memory_wants_it(memory: MemorySpec | None, tools: str, expected: bool) -> None:
    agent = agent_with()
    agent = replace(agent, spec=agent.spec.model_copy(update={"memory": memory}))
    model = ScriptedModel()
    choice = ModelChoice("openai", "gpt", tools="text" if tools == "text" else "native")
    assert (with_tags(model, agent, choice) is not model) is expected
