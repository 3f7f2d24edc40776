"""The model that a new agent begins with: the usual ones, and the choice among what can be asked.

Light: a chat with the demo agent looks here before each first prompt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Only starting points: names change faster than releases, and agent.yaml says where to change them.
DEFAULT_MODELS = {
    "openrouter": "moonshotai/kimi-k2.5",
    "anthropic": "claude-sonnet-4-6",
    "openai": "gpt-5-mini",
    "gemini": "gemini-2.5-flash",
    "ollama": "qwen3",
    "demo": "demo",
}

PROVIDER_KEYS = {
    "openrouter": "OPENROUTER_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "openai": "OPENAI_API_KEY",
    "gemini": "GEMINI_API_KEY",
}
"""Which environment variable holds a provider's key, in the order in which a provider is chosen."""


@dataclass(frozen=True)
class ProviderChoice:
    """A model to begin with. `why` is half a sentence for people: "OPENROUTER_API_KEY is set"."""

    provider: str
    model: str
    why: str


def choose_provider(environ: Mapping[str, str], ollama_models: Sequence[str] | None) -> ProviderChoice:
    """The first provider that has a key, else a running Ollama (None: it does not run), else the offline demo."""
    for provider, key in PROVIDER_KEYS.items():
        if environ.get(key, "").strip():
            return ProviderChoice(provider, DEFAULT_MODELS[provider], f"{key} is set")
    if ollama_models:
        return ProviderChoice("ollama", ollama_models[0], "Ollama is running on this machine")
    why = "no provider key found and no Ollama on localhost"
    if ollama_models is not None:
        why = f"no provider key found, and Ollama has no model yet (`ollama pull {DEFAULT_MODELS['ollama']}`)"
    return ProviderChoice("demo", DEFAULT_MODELS["demo"], why)
