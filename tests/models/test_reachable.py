"""Which models can be asked from here."""

import pytest

from duragent.models import reachable as module
from duragent.models.reachable import ReachableModel, missing_at_ollama, reachable
from duragent.testing.stub_llm import StubLlm
from tests.support.stub_ollama import Pulled, StubOllama

USUAL = {"openrouter": "a/b", "openai": "gpt", "gemini": "gem", "ollama": "qwen3", "demo": "demo"}
NO_OLLAMA = {"OLLAMA_HOST": "127.0.0.1:9"}


@pytest.fixture(autouse=True)
def _no_server_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCAL_SERVERS", {})


def test_keys_come_first_then_ollama_then_servers_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with StubOllama(qwen3=Pulled(), gemma3=Pulled()) as ollama, StubLlm() as studio, StubLlm() as own:
        studio.others["/v1/models"] = lambda _: {"data": [{"id": "local"}]}
        own.others["/v1/models"] = lambda _: {"data": [{"id": "mine"}]}
        monkeypatch.setattr(module, "LOCAL_SERVERS", {"LM Studio": studio.openai_url})
        keys = {"OPENAI_API_KEY": "k", "GOOGLE_API_KEY": "k", "OPENROUTER_API_KEY": " ", "OLLAMA_HOST": ollama.url}
        found = reachable(keys, USUAL, [own.openai_url, "http://127.0.0.1:9/v1"])
        assert found.models == (
            ReachableModel("openai", "gpt", "OPENAI_API_KEY is set", is_example=True),
            ReachableModel("gemini", "gem", "GOOGLE_API_KEY is set", is_example=True),
            ReachableModel("ollama", "qwen3", f"Ollama runs at {ollama.url}"),
            ReachableModel("ollama", "gemma3", f"Ollama runs at {ollama.url}"),
            ReachableModel("openai", "local", "LM Studio runs on this machine", studio.openai_url),
            ReachableModel("openai", "mine", f"{own.openai_url} answers", own.openai_url),
        )
        assert found.hints == ()
        assert [server.requests for server in (studio, own)] == [[], []]


def test_an_ollama_without_a_model_is_no_missing_ollama() -> None:
    with StubOllama() as ollama:
        found = reachable({"OLLAMA_HOST": ollama.url}, USUAL)
        assert found.models == ()
        assert found.hints == (
            f"Ollama runs at {ollama.url} and has no model yet: `ollama pull qwen3`, or another one.",
        )
        assert missing_at_ollama({}, "qwen3", ollama.url) == "Ollama does not have qwen3: `ollama pull qwen3`"
    assert reachable(NO_OLLAMA, USUAL) == module.Reachable(())


def test_a_model_is_missing_only_where_an_ollama_says_so() -> None:
    with StubOllama(**{"qwen3:latest": Pulled(), "gemma3:4b": Pulled()}) as ollama:
        keys = {"OLLAMA_HOST": ollama.url}
        assert missing_at_ollama(keys, "qwen3") is None
        assert missing_at_ollama(keys, "gemma3:4b") is None
        said = missing_at_ollama(keys, "gemma3")
        assert said == "Ollama does not have gemma3: `ollama pull gemma3`; it has qwen3:latest, gemma3:4b"
    assert missing_at_ollama(NO_OLLAMA, "qwen3") is None
