"""Providers as the stub plays them, each asked directly and, where litellm can, through litellm."""

from dataclasses import dataclass

import pytest

from duragent.testing.stub_llm import StubLlm

KEYS = {"OPENAI_API_KEY": "sk-test", "ANTHROPIC_API_KEY": "sk-test"}


@dataclass(frozen=True)
class AskedProvider:
    """One provider, and through what it is asked."""

    provider: str
    adapter: str
    model: str

    def block(self, stub: StubLlm) -> str:
        """What follows `provider:` in an agent.yaml."""
        urls = {"openai": stub.openai_url, "anthropic": stub.anthropic_url, "ollama": stub.ollama_url}
        return f"    name: {self.model}\n    adapter: {self.adapter}\n    base_url: {urls[self.provider]}"


_KNOWN = (
    AskedProvider("openai", "direct", "gpt-4o-mini"),
    AskedProvider("openai", "litellm", "gpt-4o-mini"),
    AskedProvider("anthropic", "direct", "claude-sonnet-4-5"),
    AskedProvider("anthropic", "litellm", "claude-sonnet-4-5"),
    AskedProvider("ollama", "direct", "qwen3"),
)

EVERY_PROVIDER = [pytest.param(each, id=f"{each.provider}-{each.adapter}") for each in _KNOWN]
PRICED_PROVIDERS = EVERY_PROVIDER[:-1]
"""Those whose answers have a price, and a way to say that they decline."""
