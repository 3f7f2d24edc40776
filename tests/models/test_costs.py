"""What answers cost."""

import pytest

from duragent.models.base import ModelChoice
from duragent.models.costs import cost_usd, listed_price
from duragent.models.facts import model_facts
from duragent.models.messages import ModelUsage

GPT, CLAUDE = ModelChoice("openai", "gpt-4o"), ModelChoice("anthropic", "claude-sonnet-4-5")


def test_listed_price_is_that_of_the_table_or_unknown() -> None:
    facts = model_facts("openai", "gpt-4o")
    expected = 1_000 * facts["input_cost_per_token"] + 10 * facts["output_cost_per_token"]
    assert listed_price("openai", "gpt-4o", 1_000, 10) == pytest.approx(expected)
    assert listed_price("openai", "gpt-4o", 0, 0) == 0
    assert listed_price("openai", "a-model-of-tomorrow", 1_000, 10) is None
    assert listed_price("ollama", "llama3.1", 1_000, 10) is None


def test_cached_input_is_cheaper_and_what_is_put_into_the_cache_dearer() -> None:
    facts = model_facts("anthropic", "claude-sonnet-4-5")
    usage = ModelUsage(input_tokens=1_000, output_tokens=10, cached_input_tokens=600)
    expected = (
        100 * facts["input_cost_per_token"]
        + 600 * facts["cache_read_input_token_cost"]
        + 300 * facts["cache_creation_input_token_cost"]
        + 10 * facts["output_cost_per_token"]
    )
    assert cost_usd(CLAUDE, "", usage, cache_written_tokens=300) == pytest.approx(expected)
    assert facts["cache_read_input_token_cost"] < facts["input_cost_per_token"]
    assert facts["cache_creation_input_token_cost"] > facts["input_cost_per_token"]


def test_more_cached_tokens_than_tokens_are_not_paid_for() -> None:
    usage = ModelUsage(input_tokens=10, cached_input_tokens=1_000)
    all_cached = cost_usd(GPT, "", ModelUsage(input_tokens=10, cached_input_tokens=10))
    assert cost_usd(GPT, "", usage, cache_written_tokens=1_000) == all_cached
    assert cost_usd(GPT, "", usage, cache_written_tokens=-5) == all_cached


def test_long_questions_cost_what_the_table_says_for_long_ones() -> None:
    gemini, facts = ModelChoice("gemini", "gemini-2.5-pro"), model_facts("gemini", "gemini-2.5-pro")
    short, long = (cost_usd(gemini, "", ModelUsage(input_tokens=tokens)) for tokens in (200_000, 200_001))
    assert short == pytest.approx(200_000 * facts["input_cost_per_token"])
    assert long == pytest.approx(200_001 * facts["input_cost_per_token_above_200k_tokens"])


def test_the_model_that_answered_has_the_price_where_the_one_that_was_asked_has_none() -> None:
    usage = ModelUsage(input_tokens=10)
    alias = ModelChoice("openai", "an-alias")
    assert cost_usd(alias, "gpt-4o-2024-08-06", usage) == cost_usd(
        ModelChoice("openai", "gpt-4o-2024-08-06"), "", usage
    )
    assert cost_usd(GPT, "gpt-5", usage) == cost_usd(GPT, "", usage)
    assert cost_usd(alias, "another-alias", usage) is None


def test_what_runs_on_ones_own_machine_and_what_is_not_counted_has_no_price() -> None:
    assert cost_usd(ModelChoice("ollama", "llama3.1"), "llama3.1", ModelUsage(input_tokens=10)) is None
    assert cost_usd(GPT, "gpt-4o", ModelUsage()) is None
