"""How much a model is to think, as a level or as tokens: where a provider knows only one of the two. Pure."""

from typing import Literal

ThinkingStrength = Literal["low", "medium", "high"]

BUDGETS: dict[ThinkingStrength, int] = {"low": 2_048, "medium": 8_192, "high": 24_576}
"""Tokens, where a provider wants a number."""


def level_of(budget_tokens: int) -> ThinkingStrength:
    """The lowest level whose tokens are enough for the budget; beyond all of them the highest."""
    return next((level for level, tokens in BUDGETS.items() if budget_tokens <= tokens), "high")
