"""Counts and prices that providers report: what cannot be true is unknown."""

from typing import Any

import pytest

from duragent.models.messages import ModelReply, ModelUsage, count, price

ABSURD: tuple[Any, ...] = (
    *(-5, 1.5, "many", "1e9", "", None, 10**30, True, [], {}, [7], {"a": "b"}),
    *(float("nan"), float("inf"), float("-inf")),
)


@pytest.mark.parametrize(
    ("value", "tokens"),
    [(7, 7), (0, 0), ("12", 12), (3.0, 3), (10**9, 10**9), *((value, None) for value in ABSURD), (10**9 + 1, None)],
)
def test_count_is_a_whole_number_in_bounds_or_unknown(value: Any, tokens: int | None) -> None:
    assert count(value) == tokens
    assert ModelUsage(input_tokens=value).input_tokens == (tokens or 0)


@pytest.mark.parametrize("value", [value for value in ABSURD if value != 1.5])
def test_price_that_cannot_be_true_is_unknown(value: Any) -> None:
    assert price(value) is None
    assert ModelReply(text="hello", cost_usd=value).cost_usd is None
