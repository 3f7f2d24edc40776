"""Whose key is which, and where Ollama is."""

import pytest

from duragent.models.base import ModelChoice
from duragent.models.providers import find_key, ollama_url, with_address


def test_keys_are_found_by_provider() -> None:
    def key(provider: str, url: str | None, **environ: str) -> str | None:
        return find_key(ModelChoice(provider, "m", url), environ)

    assert key("gemini", None, GOOGLE_API_KEY="g") == "g"
    assert key("openai", None, OPENAI_API_KEY="o", ANTHROPIC_API_KEY="a") == "o"
    assert key("openai", "http://localhost:8000/v1") == "none"
    assert key("anthropic", "http://[::1]:8000") == "none"
    assert key("groq", None, GROQ_API_KEY="m") == "m"
    assert key("groq", None) is None
    assert key("ollama", None) == "none"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "http://localhost:11434"),
        ("127.0.0.1:9", "http://127.0.0.1:9"),
        ("gpu-box", "http://gpu-box:11434"),
        ("https://ollama.example:443/", "https://ollama.example:443"),
    ],
)
def test_ollama_is_looked_for_where_its_own_programs_look(host: str | None, url: str) -> None:
    assert ollama_url({} if host is None else {"OLLAMA_HOST": host}) == url


@pytest.mark.parametrize(
    ("provider", "written", "environ", "url"),
    [
        ("openai", None, {}, None),
        ("openai", None, {"OPENAI_BASE_URL": " http://h/v1 ", "OPENAI_API_BASE": "http://other"}, "http://h/v1"),
        ("openai", None, {"OPENAI_API_BASE": "http://h"}, "http://h"),
        ("openai", "http://mine", {"OPENAI_BASE_URL": "http://h"}, "http://mine"),
        ("anthropic", None, {"ANTHROPIC_BASE_URL": "http://h"}, "http://h"),
        ("ollama", None, {}, "http://localhost:11434"),
        ("mistral", None, {"MISTRAL_API_BASE": "http://h"}, "http://h"),
        ("groq", None, {"GROQ_API_BASE": "http://h"}, None),
    ],
)
def test_environment_has_the_address_where_the_agents_file_has_none(
    provider: str, written: str | None, environ: dict[str, str], url: str | None
) -> None:
    assert with_address(ModelChoice(provider, "m", written), environ) == ModelChoice(provider, "m", url)
