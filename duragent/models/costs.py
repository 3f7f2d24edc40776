"""What answers cost, by litellm's table of prices. Blocks for a moment at a model's first use: it reads a file."""

import re
from collections.abc import Mapping
from typing import Any

from duragent.models.base import ModelChoice
from duragent.models.facts import model_facts
from duragent.models.messages import ModelUsage, price
from duragent.models.providers import OLLAMA

_THRESHOLD = re.compile(r"(?:in|out)put_cost_per_token_above_(\d+)(k?)_tokens")
_FREE_PROVIDERS = (*OLLAMA, "demo")
"""What a model on one's own machine costs is not known; the table says 0, which is wrong."""


def cost_usd(choice: ModelChoice, model: str, usage: ModelUsage, cache_written_tokens: int = 0) -> float | None:
    """US dollars for that answer; None when the table has no price of the model, or the usage is not known.

    `model` is the one that answered, as the provider names it: it counts where the table does not have the one that
    was asked. `cache_written_tokens`: the part of the input that the provider put into its cache, which costs more at
    some.
    """
    if usage == ModelUsage():
        return None
    return _dollars(_facts_of(choice, model), usage, cache_written_tokens)


def listed_price(provider: str, name: str, input_tokens: int, output_tokens: int) -> float | None:
    """US dollars by the table, without discounts for cached input; None when it has no price."""
    usage = ModelUsage(input_tokens=input_tokens, output_tokens=output_tokens)
    return _dollars(_facts_of(ModelChoice(provider, name), ""), usage, 0)


def _facts_of(choice: ModelChoice, model: str) -> Mapping[str, Any]:
    if choice.provider in _FREE_PROVIDERS:
        return {}
    return model_facts(choice.provider, choice.name) or model_facts(choice.provider, model)


def _dollars(facts: Mapping[str, Any], usage: ModelUsage, written: int) -> float | None:
    tier = _tier(facts, usage.input_tokens)
    question, answer = _rate(facts, "input_cost_per_token", tier), _rate(facts, "output_cost_per_token", tier)
    if question is None or answer is None:
        return None
    # Without a price of its own, what comes from the cache or goes there is input like any other.
    read = _rate(facts, "cache_read_input_token_cost", tier)
    write = _rate(facts, "cache_creation_input_token_cost", tier)
    cached = min(usage.cached_input_tokens, usage.input_tokens)
    written = min(max(written, 0), usage.input_tokens - cached)
    plain = usage.input_tokens - cached - written
    asked = plain * question + cached * (question if read is None else read)
    return price(asked + written * (question if write is None else write) + usage.output_tokens * answer)


def _tier(facts: Mapping[str, Any], input_tokens: int) -> str:
    """The end of the names of the prices that hold for a question as long as this: long ones cost more at some."""
    thresholds = ((_THRESHOLD.fullmatch(name), name) for name in facts)
    steps = {(int(found[1]) * (1000 if found[2] else 1), name) for found, name in thresholds if found}
    passed = [(tokens, name) for tokens, name in steps if input_tokens > tokens]
    return max(passed)[1].partition("_per_token")[2] if passed else ""


def _rate(facts: Mapping[str, Any], name: str, tier: str) -> float | None:
    for rate in (facts.get(name + tier), facts.get(name)):
        if isinstance(rate, int | float) and not isinstance(rate, bool):
            return float(rate)
    return None
