"""Which model a person means."""

import pytest

from duragent.errors import DuragentError, InvalidRequest, ModelNotConfigured
from duragent.models.base import ModelChoice
from duragent.models.named import named_model

KEYS = {"OPENAI_API_KEY": "k", "OPENROUTER_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
OPENAI = ModelChoice("openai", "gpt", "http://127.0.0.1:1/v1")
ROUTER = ModelChoice("openrouter", "a/b")
DEMO = ModelChoice("demo", "demo")
OLLAMA = ModelChoice("ollama", "qwen3")


@pytest.mark.parametrize(
    ("text", "own", "label"),
    [
        ("anthropic/claude-x", OPENAI, "anthropic/claude-x"),
        (" gpt-9 ", OPENAI, "openai/gpt-9"),
        ("demo", OPENAI, "demo/demo"),
        ("groq/llama/x", DEMO, "groq/llama/x"),
        ("moonshotai/kimi", ROUTER, "openrouter/moonshotai/kimi"),
        ("openrouter/a/c", DEMO, "openrouter/a/c"),
        ("anthropic/claude-x", ROUTER, "anthropic/claude-x"),
        ("gemini/gem", ROUTER, "openrouter/gemini/gem"),
        ("hf.co/x/y", OLLAMA, "ollama/hf.co/x/y"),
        ("gemma3:4b", OLLAMA, "ollama/gemma3:4b"),
    ],
)
def test_a_provider_and_a_name_or_a_name_at_the_agents_provider(text: str, own: ModelChoice, label: str) -> None:
    assert named_model(text, own, KEYS).label == label


def test_the_agents_address_is_of_its_provider_alone() -> None:
    assert named_model("gpt-9", OPENAI, {}).base_url == OPENAI.base_url
    assert named_model("anthropic/claude-x", OPENAI, KEYS).base_url is None


@pytest.mark.parametrize(
    ("text", "own", "error", "sentence"),
    [
        ("gpt", DEMO, InvalidRequest, "which provider has 'gpt'? Write provider/name"),
        ("opnai/gpt", DEMO, InvalidRequest, "there is no provider 'opnai'; did you mean 'openai'?"),
        ("antropic/claude", OPENAI, InvalidRequest, "did you mean 'anthropic'?"),
        ("gemini/gem", OPENAI, ModelNotConfigured, "`duragent keys set gemini`"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_would_be_right(
    text: str, own: ModelChoice, error: type[DuragentError], sentence: str
) -> None:
    with pytest.raises(error) as refused:
        named_model(text, own, KEYS)
    assert sentence in str(refused.value)


def test_an_address_that_a_client_names_is_of_this_machine_and_gets_no_key() -> None:
    chosen = named_model("openai/local", DEMO, KEYS, "http://127.0.0.1:1234/v1")
    assert chosen == ModelChoice("openai", "local", "http://127.0.0.1:1234/v1", without_key=True)
    for url in ("http://example.org/v1", "file:///etc/passwd", "http://127.0.0.1.example.org", "127.0.0.1"):
        with pytest.raises(InvalidRequest, match="own machine"):
            named_model("openai/local", DEMO, KEYS, url)
