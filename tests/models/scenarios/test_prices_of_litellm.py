"""Prices without litellm are those that litellm reckons, for every model of the providers that are asked directly."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duragent.models.base import ModelChoice
from duragent.models.costs import cost_usd
from duragent.models.messages import ModelUsage

USAGES = (
    ModelUsage(input_tokens=1_000, output_tokens=100),
    ModelUsage(input_tokens=1_000, output_tokens=100, cached_input_tokens=900, reasoning_tokens=60),
    ModelUsage(input_tokens=500_000, output_tokens=3, cached_input_tokens=100),
    ModelUsage(output_tokens=1),
)


def test_prices_are_those_of_litellm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    litellm: Any = pytest.importorskip("litellm")
    different = [
        (choice.label, usage, cost_usd(choice, "", usage, written), expected)
        for choice in _choices()
        for usage in USAGES
        for written in {0, min(50, usage.input_tokens)}
        if (expected := _by_litellm(litellm, choice, usage, written)) is not None
        if cost_usd(choice, "", usage, written) != pytest.approx(expected, rel=1e-6, abs=1e-12)
    ]
    assert different == [], different[:20]


def _choices() -> Iterator[ModelChoice]:
    spec = importlib.util.find_spec("litellm")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0])
    table = json.loads((folder / "model_prices_and_context_window_backup.json").read_bytes())
    for key, facts in table.items():
        provider = facts.get("litellm_provider")
        if (
            provider in ("openai", "anthropic", "gemini", "openrouter")
            and facts.get("mode") == "chat"
            and "output_cost_per_token" in facts
        ):
            yield ModelChoice(provider, key.removeprefix(f"{provider}/"))


def _by_litellm(litellm: Any, choice: ModelChoice, usage: ModelUsage, written: int) -> float | None:
    usage_object = litellm.Usage(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
        prompt_tokens_details={
            "cached_tokens": usage.cached_input_tokens,
            "cache_creation_tokens": written,
        },
        completion_tokens_details={"reasoning_tokens": usage.reasoning_tokens},
    )
    asked, answered = litellm.cost_per_token(
        model=choice.name, custom_llm_provider=choice.provider, usage_object=usage_object
    )
    return float(asked + answered)
