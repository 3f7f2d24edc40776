"""Which providers there are, without litellm's import."""

import subprocess
import sys

import pytest

from duragent.models.provider_names import provider_names, unknown_provider
from duragent.models.providers import PROVIDERS


def test_litellms_own_names_are_known_and_it_is_not_imported() -> None:
    code = (
        "import sys; from duragent.models.provider_names import provider_names; names = provider_names();"
        "assert {'groq', 'ollama_chat', 'hosted_vllm', 'bedrock', 'lm_studio', 'demo'} <= names, names;"
        "assert 'litellm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(PROVIDERS) <= provider_names()


@pytest.mark.parametrize(
    ("provider", "sentence"),
    [
        ("anthropic", None),
        ("demo", None),
        ("ollama_chat", None),
        ("Anthropic", "there is no provider 'Anthropic'; did you mean 'anthropic'?"),
        ("opnai", "there is no provider 'opnai'; did you mean 'openai'?"),
        ("zzz", "there is no provider 'zzz'"),
    ],
)
def test_an_unknown_provider_is_said_with_what_is_near(provider: str, sentence: str | None) -> None:
    assert unknown_provider(provider) == sentence
