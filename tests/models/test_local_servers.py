"""What model servers on one's own machine say of themselves."""

import socket
from collections.abc import Iterator

import pytest

from duragent.models.local_servers import (
    ASKED_TOKENS,
    KNOWN_SECONDS,
    OllamaWindow,
    WindowMemory,
    ollama_models,
    ollama_window,
    openai_models,
)
from tests.support.stub_ollama import Pulled, StubOllama


@pytest.fixture
def ollama() -> Iterator[StubOllama]:
    with StubOllama() as running:
        yield running


def test_the_models_that_are_there_are_listed_at_each_form_of_the_address(ollama: StubOllama) -> None:
    assert ollama_models(ollama.url) == []
    ollama.pull("qwen3:4b")
    ollama.pull("hf.co/some/thing:latest")
    for url in (ollama.url, f"{ollama.url}/", f"{ollama.url}/v1"):
        assert ollama_models(url) == ["qwen3:4b", "hf.co/some/thing:latest"]


@pytest.mark.parametrize(
    ("model", "running", "to_ask_for"),
    [
        (Pulled(context_length=8_192), 8_192, 8_192),
        (Pulled(context_length=131_072), 131_072, ASKED_TOKENS),
        (Pulled(context_length=40_960, num_ctx=8_192), 8_192, 8_192),
        (Pulled(context_length=131_072, num_ctx=65_536), 65_536, 65_536),
        (Pulled(context_length=131_072, loaded_with=4_096), 4_096, ASKED_TOKENS),
        (Pulled(context_length=131_072, loaded_with=131_072), 131_072, 131_072),
        (Pulled(context_length=40_960, num_ctx=8_192, loaded_with=16_384), 16_384, 16_384),
        (Pulled(context_length=40_960, num_ctx=8_192, loaded_with=4_096), 4_096, 8_192),
    ],
)
def test_the_window_to_ask_for_is_the_loaded_one_where_that_is_enough(
    ollama: StubOllama, model: Pulled, running: int, to_ask_for: int
) -> None:
    ollama.pull("qwen3:latest", model)
    ollama.pull("qwen3", model)
    ollama.pull("other", Pulled(loaded_with=1))
    window = ollama_window(ollama.openai_url, "qwen3")
    assert (window.running, window.to_ask_for) == (running, to_ask_for)
    assert ollama_window(ollama.url, "gone") == OllamaWindow()
    assert (OllamaWindow().running, OllamaWindow().to_ask_for) == (None, None)


def test_a_server_with_openais_protocol_lists_its_models(ollama: StubOllama) -> None:
    assert openai_models(ollama.openai_url) is None
    ollama.others["/v1/models"] = lambda _: {"object": "list", "data": [{"id": "mine"}, {"id": ""}, {}, 7]}
    assert openai_models(f"{ollama.openai_url}/") == ["mine"]


@pytest.mark.parametrize("said", [[], {}, {"models": 7, "data": {}}, "no", 3.5, {"models": None}])
def test_an_answer_of_another_form_is_no_list(ollama: StubOllama, said: object) -> None:
    for path in ("/api/tags", "/v1/models", "/api/ps", "/api/show"):
        ollama.others[path] = lambda _: said
    assert (ollama_models(ollama.url), openai_models(ollama.openai_url)) == (None, None)
    assert ollama_window(ollama.url, "qwen3") == OllamaWindow()


def test_where_nothing_answers_there_is_nothing_and_no_long_wait() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert ollama_models(url, seconds=0.05) is None
    assert ollama_models("http://127.0.0.1:9") is None
    assert openai_models("http://[") is None
    assert ollama_models("http://127.0.0.1:99999") is None


def test_a_window_is_asked_again_only_after_a_while_and_after_no_answer() -> None:
    asked: list[str] = []
    nothing, five, six = OllamaWindow(), OllamaWindow(5), OllamaWindow(6)
    answers = [nothing, five, six]
    time = [0.0]

    def ask(url: str, name: str) -> OllamaWindow:
        asked.append(f"{url} {name}")
        return answers.pop(0)

    memory = WindowMemory(ask, lambda: time[0])
    assert [memory.window("u", "m") for _ in range(3)] == [nothing, five, five]
    time[0] = KNOWN_SECONDS
    assert memory.window("u", "m") == six
    assert asked == ["u m"] * 3
