"""How much a model is to think, as a level or as tokens."""

import pytest

from duragent.models.levels import BUDGETS, level_of


@pytest.mark.parametrize(
    ("tokens", "level"),
    [(1, "low"), (2_048, "low"), (2_049, "medium"), (8_192, "medium"), (8_193, "high"), (10**9, "high")],
)
def test_budget_is_the_level_whose_tokens_are_enough(tokens: int, level: str) -> None:
    assert level_of(tokens) == level


def test_level_is_the_level_of_its_own_tokens() -> None:
    assert {level: level_of(tokens) for level, tokens in BUDGETS.items()} == {level: level for level in BUDGETS}
