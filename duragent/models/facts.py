"""litellm's table of models, read from its file: what a model can do and holds, without importing litellm."""

import functools
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from duragent.models.messages import price

_FILE = "model_prices_and_context_window_backup.json"


def model_facts(provider: str, name: str) -> Mapping[str, Any]:
    """What the table says of the model; nothing when it does not have it. Reads the file at the first use."""
    known = table()
    for key in (f"{provider}/{name}", name):
        facts = known.get(key)
        if isinstance(facts, dict) and (key != name or facts.get("litellm_provider") == provider):
            return facts
    return {}


@functools.cache
def table() -> Mapping[str, Any]:
    """The whole table, once for the process; empty when litellm's file is not there or is no JSON object."""
    # `importlib.resources.files` would import the package, which takes seconds; its specification does not.
    spec = importlib.util.find_spec("litellm")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        try:
            read = json.loads((Path(folder) / _FILE).read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(read, dict):
            return read
    return {}


def listed_price(provider: str, name: str, input_tokens: int, output_tokens: int) -> float | None:
    """US dollars by the table, without discounts for cached input; None when it has no price. Blocks as `table`."""
    facts = model_facts(provider, name)
    rates = (facts.get("input_cost_per_token"), facts.get("output_cost_per_token"))
    priced = zip(rates, (input_tokens, output_tokens), strict=True)
    dollars = [rate * tokens for rate, tokens in priced if _is_rate(rate)]
    return price(sum(dollars)) if len(dollars) == len(rates) else None


def _is_rate(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
