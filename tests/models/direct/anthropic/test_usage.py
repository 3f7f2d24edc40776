"""What Anthropic reports of an answer's tokens, and what it costs."""

import logging
from typing import Any

import pytest

from duragent.models.direct.anthropic.usage import ReportedUsage
from duragent.models.facts import model_facts
from duragent.models.messages import ModelUsage
from tests.models.direct.anthropic.asking import SONNET, choice


def counted(*reported: Any, name: str = SONNET) -> tuple[ModelUsage, float | None]:
    usage = ReportedUsage()
    for each in reported:
        usage.take(each)
    return usage.counted(choice(name), name)


FIRST = {"input_tokens": 10, "cache_read_input_tokens": 400, "cache_creation_input_tokens": 90, "output_tokens": 1}


def test_usage_counts_what_was_read_from_the_cache_and_what_was_written_to_it() -> None:
    last = {"output_tokens": 30, "output_tokens_details": {"thinking_tokens": 12}, "cache_read_input_tokens": None}
    usage, cost = counted(FIRST, last)
    rates = model_facts("anthropic", SONNET)
    assert usage == ModelUsage(input_tokens=500, output_tokens=30, cached_input_tokens=400, reasoning_tokens=12)
    assert cost == pytest.approx(
        10 * rates["input_cost_per_token"]
        + 400 * rates["cache_read_input_token_cost"]
        + 90 * rates["cache_creation_input_token_cost"]
        + 30 * rates["output_cost_per_token"]
    )


def test_model_that_nobody_knows_has_no_price() -> None:
    assert counted(FIRST, name="my-own") == (
        ModelUsage(input_tokens=500, output_tokens=1, cached_input_tokens=400),
        None,
    )


@pytest.mark.parametrize("absurd", [-5, 1.5, "many", 10**30, True, [], {"a": 1}])
def test_what_cannot_be_true_is_unknown_and_is_said_once(absurd: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "duragent"):
        assert counted(FIRST, {"output_tokens": absurd}) == (
            ModelUsage(input_tokens=500, output_tokens=1, cached_input_tokens=400),
            None,
        )
        assert counted(absurd) == (ModelUsage(), None) or isinstance(absurd, dict)
    assert f"cannot be true, which counts as unknown: output_tokens={absurd!r:.40}" in caplog.messages[0]


@pytest.mark.parametrize("reported", [None, {}, {"output_tokens": None}, {"output_tokens_details": None}])
def test_answer_without_usage_has_no_price(reported: Any) -> None:
    assert counted(reported) == (ModelUsage(), None)
