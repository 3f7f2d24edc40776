"""`/model`: what can be asked, and who answers from the next question on."""

import json
from collections.abc import Iterator

import pytest

from duragent.cli.chat.commands.models import lines_of
from duragent.cli.chat.progress import status_line
from duragent.models import reachable as module
from duragent.wire import ModelOffer, ModelOffers
from tests.cli.chat.sitting import Terminal, sitting
from tests.cli.desk import Desk
from tests.support.stub_ollama import Pulled, StubOllama


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubOllama]:
    monkeypatch.setattr(module, "LOCAL_SERVERS", {})
    with StubOllama(**{"qwen3:4b": Pulled(), "gemma3:4b": Pulled()}) as running:
        yield running


def model_shown(terminal: Terminal) -> str:
    """The model that the status line names."""
    return status_line(terminal.talk.conversation.progress, 100).partition(" · ")[0]


async def test_a_model_is_chosen_by_its_number_by_its_name_and_taken_back(desk: Desk, ollama: StubOllama) -> None:
    desk.house.dependencies.keys.update({"OLLAMA_HOST": ollama.url})  # type: ignore[attr-defined]  # it is a dict here
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type("/model\r")
        await terminal.shows("2  ollama/gemma3:4b")
        await terminal.shows("/model own")
        terminal.type("/model 2\r")
        await terminal.shows("From the next question on ollama/gemma3:4b answers.")
        terminal.type("/model ollama/gemma3:4b\r")
        await terminal.shows("ollama/gemma3:4b answers in this session already.")
        terminal.type("/model 3\r")
        await terminal.shows("There is no model 3 in the list")
        terminal.type("/model ²\r")
        await terminal.shows("There is no model ² in the list")
        terminal.type("/model ollama/gone\r")
        await terminal.shows("ollama pull gone")
        terminal.type("/model own\r")
        await terminal.shows("the agent's own model answers.")


async def test_a_model_is_chosen_before_there_is_a_session(desk: Desk, ollama: StubOllama) -> None:
    desk.house.dependencies.keys.update({"OLLAMA_HOST": ollama.url})  # type: ignore[attr-defined]  # it is a dict here
    async with sitting(desk) as terminal:
        terminal.type("/model ollama/gone\r")
        await terminal.shows("ollama pull gone")
        assert terminal.talk.beginning.pick is None
        terminal.type("/model ollama/qwen3:4b\r")
        await terminal.shows("ollama/qwen3:4b answers in this session as soon as it begins.")
        assert model_shown(terminal) == "ollama/qwen3:4b"
        terminal.type("/model own\r")
        await terminal.shows("The agent's own model answers as soon as it begins.")
        assert model_shown(terminal) == "demo"
        # What is typed behind it waits for it.
        terminal.type("/model ollama/gemma3:4b\rhello again\r")
        await terminal.shows("ollama/gemma3:4b answers in this session as soon as it begins.")
        await terminal.shows("From the next question on ollama/gemma3:4b answers.")
        [session] = (await terminal.talk.client.sessions()).sessions
        assert session.model == "ollama/gemma3:4b"


async def test_a_model_that_was_chosen_without_a_word_leaves_no_session(desk: Desk, ollama: StubOllama) -> None:
    desk.house.dependencies.keys.update({"OLLAMA_HOST": ollama.url})  # type: ignore[attr-defined]  # it is a dict here
    async with sitting(desk) as terminal:
        terminal.type("/model ollama/qwen3:4b\r")
        await terminal.shows("as soon as it begins.")
        del ollama.pulled["qwen3:4b"]
        terminal.type("hello\r")
        await terminal.shows("Not accepted: ")
        assert len((await terminal.talk.client.sessions()).sessions) == 1
    assert json.loads((await desk.run("session", "list", "--json")).out) == []


def test_the_list_says_what_is_nearly_there_and_what_to_type() -> None:
    offer = ModelOffer(provider="openai", model="gpt", why="OPENAI_API_KEY is set", is_example=True)
    lines = lines_of(ModelOffers(models=[offer, offer.model_copy(update={"model": "a\x1bb"})], hints=["Pull one."]))
    assert lines[0].split() == "1 openai/gpt OPENAI_API_KEY is set; any other name: openai/NAME".split()
    assert "\x1b" not in lines[1]
    assert lines[2] == "Pull one."
    assert "keys set" in lines_of(ModelOffers(models=[]))[0]
