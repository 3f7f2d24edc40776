"""Usage that cannot be true, over real HTTP in the protocols of four providers: the answer is kept all the same."""

import itertools
import json
import logging
from typing import Any

import pytest

from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.models.litellm.usage import mended
from duragent.models.messages import ModelUsage
from duragent.testing.stub_llm import ProviderAnswer, StubLlm
from tests.models.litellm.asking import ENVIRON, ask_for_text
from tests.models.litellm.gemini import Gemini

ABSURD: tuple[Any, ...] = (
    *(-5, 1.5, "many", "1e9", "", None, 10**30, True, [], {}, [7], {"a": "b"}),
    *(float("nan"), float("inf"), float("-inf")),
)
OPENAI = ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details")
ANTHROPIC = (
    *("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
    *("server_tool_use", "cache_creation", "iterations"),
)
GEMINI = (
    *("promptTokenCount", "candidatesTokenCount", "totalTokenCount", "cachedContentTokenCount", "thoughtsTokenCount"),
    *("promptTokensDetails", "candidatesTokensDetails", "cacheTokensDetails"),
)


def in_bounds(usage: ModelUsage) -> bool:
    return all(0 <= tokens <= 1_000 for tokens in usage.model_dump().values())


@pytest.mark.parametrize(
    ("provider", "name", "fields"),
    [
        ("openai", "gpt-4o-mini", OPENAI),
        ("openrouter", "openai/gpt-4o-mini", (*OPENAI, "cost")),
        ("anthropic", "claude-sonnet-4-5", ANTHROPIC),
    ],
)
async def test_answer_is_kept_whatever_the_provider_says_about_its_usage(
    stub: StubLlm, provider: str, name: str, fields: tuple[str, ...]
) -> None:
    url = stub.anthropic_url if provider == "anthropic" else stub.openai_url
    model = LitellmModel(ModelChoice(provider, name, url), ENVIRON)
    nested = [{field: {"cached_tokens": value, "reasoning_tokens": value}} for field in fields[3:5] for value in ABSURD]
    flat = [{field: value} for field, value in itertools.product(fields, ABSURD)]
    everything = [dict.fromkeys(fields, value) for value in ABSURD]
    for usage in (*flat, *nested, *everything, None):
        stub.script(ProviderAnswer("one two", wire_usage=usage))
        said, reply = await ask_for_text(model)
        assert (said, reply.text, reply.finish_reason) == ("one two", "one two", "stop"), usage
        assert in_bounds(reply.usage), usage
        assert reply.cost_usd is None or 0 <= reply.cost_usd <= 2, usage


async def test_gemini_answer_is_kept_whatever_is_said_about_its_usage(gemini: Gemini) -> None:
    model = LitellmModel(ModelChoice("gemini", "gemini-2.5-flash", gemini.url), ENVIRON)
    for usage in (*({field: value} for field, value in itertools.product(GEMINI, ABSURD)), None, "none", 7):
        gemini.answers.append([Gemini.text("one two", "STOP") | {"usageMetadata": usage}])
        said, reply = await ask_for_text(model)
        assert (said, reply.text, reply.finish_reason) == ("one two", "one two", "stop"), usage
        assert in_bounds(reply.usage), usage


async def test_log_says_once_for_an_answer_what_was_absurd_and_its_price_is_unknown(
    stub: StubLlm, caplog: pytest.LogCaptureFixture
) -> None:
    model = LitellmModel(ModelChoice("openai", "gpt-4o-mini", stub.openai_url), ENVIRON)
    stub.script(
        ProviderAnswer("one two", wire_usage={"prompt_tokens": -5, "completion_tokens": float("nan")}),
        ProviderAnswer("three"),
    )
    with caplog.at_level(logging.WARNING, "duragent"):
        _, odd = await ask_for_text(model)
        _, fine = await ask_for_text(model)
    assert odd.usage == ModelUsage()
    assert odd.cost_usd is None
    assert fine.usage == ModelUsage(input_tokens=10, output_tokens=1)
    assert fine.cost_usd is not None
    assert [record.getMessage() for record in caplog.records] == [
        "openai/gpt-4o-mini reported a usage that cannot be true, which counts as unknown: "
        "completion_tokens=nan, prompt_tokens=-5"
    ]


def test_mended_usage_keeps_what_is_known() -> None:
    reported = {
        "prompt_tokens": 7,
        "completion_tokens": "x",
        "prompt_tokens_details": {"cached_tokens": -1, "audio_tokens": None},
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1.5}, "TEXT"],
        "service_tier": "default",
    }
    assert mended(reported) == {
        "prompt_tokens": 7,
        "prompt_tokens_details": {},
        "promptTokensDetails": [{"modality": "TEXT"}],
        "service_tier": "default",
    }
    assert json.dumps(reported)  # nothing in the provider's own object was replaced
    assert reported["completion_tokens"] == "x"
