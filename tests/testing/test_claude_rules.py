"""What Anthropic refuses of some models only, without a server."""

from typing import Any

import pytest

from duragent.testing.anthropic_rules import signer_of_answer
from duragent.testing.provider_rules import refuse_anthropic
from duragent.testing.signatures import sealed, signature

USER = {"role": "user", "content": "hi"}
CONTROLS = {"anthropic-beta": "thinking-binding-controls-2026-08-01"}
ADAPTIVE = {"thinking": {"type": "adaptive"}}
BUDGET = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
OFF = {"thinking": {"type": "disabled"}}
DROPS = {"thinking": {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}}


def refused(model: str, *messages: dict[str, Any], more: dict[str, Any], headers: dict[str, str] | None = None) -> str:
    """The sentence of the refusal; "" when the request is taken."""
    body = {"model": model, "max_tokens": 2048, "messages": [USER, *messages], **more}
    refusal = refuse_anthropic(body, {"x-api-key": "k", "anthropic-version": "2023-06-01", **(headers or {})})
    return refusal.message if refusal else ""


@pytest.mark.parametrize(
    ("model", "more", "sentence"),
    [
        ("claude-sonnet-4-5-20250929", BUDGET, ""),
        ("claude-sonnet-4-20250514", BUDGET, ""),
        ("claude-sonnet-4-5", ADAPTIVE, "adaptive thinking is not supported on this model"),
        ("claude-sonnet-4-5", {"output_config": {"effort": "low"}}, "does not support the effort parameter"),
        ("claude-opus-4-5", {"output_config": {"effort": "low"}}, ""),
        ("claude-opus-4-6", BUDGET, ""),
        ("claude-opus-4-6", ADAPTIVE, ""),
        ("claude-opus-4-7", ADAPTIVE, ""),
        ("claude-opus-4-7", BUDGET, '"thinking.type.enabled" is not supported'),
        ("claude-opus-4-7", {"temperature": 1}, "`temperature` is deprecated"),
        ("claude-opus-5", OFF, ""),
        ("claude-opus-5-5", OFF, '"thinking.type.disabled" is not supported'),
        ("claude-haiku-5-5", OFF, ""),
        ("claude-opus-5-5", DROPS, "thinking.block_binding: Extra inputs are not permitted"),
    ],
)
def test_each_model_takes_thinking_in_its_own_way(model: str, more: dict[str, Any], sentence: str) -> None:
    found = refused(model, more=more)
    assert sentence in found
    assert bool(sentence) == bool(found)


@pytest.mark.parametrize(("model", "binds"), [("claude-opus-5-5", True), ("claude-opus-5", False)])
def test_newest_models_bind_what_they_think_to_all_in_front_of_it(model: str, binds: bool) -> None:
    asked = {"model": model, "messages": [USER], "system": "Be brief."}
    signed = signer_of_answer(asked)
    answer = {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": signature(signed, "hm")},
            {"type": "redacted_thinking", "data": sealed(signed, "hm")},
            {"type": "text", "text": "Hello."},
        ],
    }
    marked = [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]
    same, other = {"system": "Be brief."}, {"system": "Be long."}
    assert refused(model, answer, USER, more=same) == ""
    assert (
        refuse_anthropic(
            {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": marked}, answer, USER], **same},
            {"x-api-key": "k", "anthropic-version": "1"},
        )
        is None
    )
    assert bool(refused(model, answer, USER, more=other)) == binds
    if binds:
        assert refused(model, answer, USER, more={**other, **DROPS}, headers=CONTROLS) == ""
