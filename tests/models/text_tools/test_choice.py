"""Which models get their tools as text."""

import pytest

from duragent.models.base import ModelChoice
from duragent.models.facts import model_facts
from duragent.models.text_tools.choice import wants_text


@pytest.mark.parametrize(
    ("provider", "name", "expected"),
    [
        ("ollama", "llama2", True),
        ("ollama", "gemma3:1b-it-qat", True),
        ("ollama_chat", "phi3:mini", True),
        ("ollama", "library/tinyllama", True),
        ("ollama", "qwen3:4b", False),
        ("ollama", "llama3.1", False),
        ("ollama", "somebody/gemma3-tools:12b", False),
        ("openai", "gpt-4o", False),
        ("openai", "a-model-of-tomorrow", False),
        ("openai", "gpt-3.5-turbo-16k", False),
        ("anthropic", "claude-sonnet-4-5", False),
        ("demo", "demo", False),
    ],
)
def test_auto_is_text_only_for_models_known_to_have_no_tools(provider: str, name: str, expected: bool) -> None:
    choice = ModelChoice(provider, name)
    assert wants_text(choice, "auto") is expected
    assert wants_text(choice, "text") is True
    assert wants_text(choice, "native") is False


def test_auto_follows_the_table_where_it_says_no() -> None:
    facts = model_facts("openai", "gpt-5-chat")
    assert wants_text(ModelChoice("openai", "gpt-5-chat"), "auto") is (facts.get("supports_function_calling") is False)
    assert model_facts("openai", "no-such-model") == {}
    assert model_facts("groq", "gpt-4o") == {}
