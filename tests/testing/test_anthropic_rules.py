"""What Anthropic refuses about thinking, files and marks, without a server. The rest is in `test_provider_rules`."""

import base64
from typing import Any

import pytest

from duragent.testing.provider_rules import refuse_anthropic
from duragent.testing.signatures import sealed, signature

MODEL = "claude"
USER = {"role": "user", "content": "hi"}
USE = {"type": "tool_use", "id": "c1", "name": "ls", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "c1", "content": "x"}
RESULTS = {"role": "user", "content": [RESULT]}
NOTE = {"type": "text", "text": "It is noon."}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": signature(MODEL, "hm")}
HIDDEN = {"type": "redacted_thinking", "data": sealed(MODEL, "secret")}
ON = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}
TOOLS = {"tools": [{"name": "ls", "input_schema": {"type": "object"}}]}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n...").decode()
MARK = {"cache_control": {"type": "ephemeral"}}


def refused(*messages: dict[str, Any], **more: Any) -> str:
    """The sentence of the refusal; "" when the request is taken."""
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    refusal = refuse_anthropic({"model": MODEL, "max_tokens": 9, "messages": list(messages), **more}, headers)
    return refusal.message if refusal else ""


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def image(media_type: str, data: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": media_type, "data": data}
    return {"role": "user", "content": [{"type": "image", "source": source}]}


@pytest.mark.parametrize(
    ("messages", "more", "sentence"),
    [
        ([USER, said(THOUGHT, USE), RESULTS], ON, ""),
        ([USER, said(THOUGHT, HIDDEN, USE), RESULTS], ON, ""),
        ([USER, said(HIDDEN, USE), RESULTS], ON, ""),
        ([USER, said(THOUGHT, USE), RESULTS, said({**USE, "id": "c2"}), {"role": "user", "content": [
            {**RESULT, "tool_use_id": "c2"}]}], ON, ""),
        ([USER, said(NOTE), USER], ON, ""),
        ([USER, said(USE), RESULTS], {}, ""),
        ([USER, said(USE), RESULTS], {"thinking": {"type": "adaptive"}}, ""),
        ([USER, said(USE), RESULTS], ON, "Expected `thinking` or `redacted_thinking`, but found `tool_use`"),
        ([USER, said(NOTE, USE), RESULTS], ON, "Expected `thinking` or `redacted_thinking`, but found `text`"),
        ([USER, said(USE), {"role": "user", "content": [RESULT, NOTE]}], ON, "Expected `thinking`"),
        ([USER, said(USE), RESULTS, {"role": "user", "content": [NOTE]}], ON, "Expected `thinking`"),
        ([USER, said({**THOUGHT, "thinking": "ha"}, USE), RESULTS], {}, "Invalid `signature` in `thinking` block"),
        ([USER, said({**THOUGHT, "signature": ""}, USE), RESULTS], {}, "Invalid `signature` in `thinking` block"),
        ([USER, said({"type": "thinking", "thinking": "hm"}, USE), RESULTS], {}, "thinking.signature: Field required"),
        ([USER, said({**THOUGHT, "index": 0}, USE), RESULTS], {}, "Extra inputs are not permitted"),
        ([USER, said({**HIDDEN, "data": "e30="}, USE), RESULTS], {}, "Invalid `data` in `redacted_thinking` block"),
        ([USER, said(NOTE, THOUGHT, USE), RESULTS], {}, "cannot be modified"),
        ([USER, said(THOUGHT), USER], {}, "final block in an assistant message cannot be `thinking`"),
        ([USER], {**ON, "temperature": 0.5}, "`temperature` may only be set to 1"),
        ([USER], {**ON, **TOOLS, "tool_choice": {"type": "any"}}, "when tool_choice forces tool use"),
        ([USER], {**ON, **TOOLS, "tool_choice": {"type": "none"}}, ""),
        ([USER], {**ON, "max_tokens": 1024}, "must be greater than `thinking.budget_tokens`"),
        ([USER], {"thinking": {"type": "enabled", "budget_tokens": 1000}}, "greater than or equal to 1024"),
        ([USER], {"thinking": {"type": "enabled"}}, "budget_tokens: Field required"),
        ([USER], {"thinking": {"type": "off"}}, "thinking: Input tag 'off'"),
        ([USER], {"temperature": 1.5}, "temperature: range: 0..1"),
        ([USER], {"tool_choice": {"type": "auto"}}, "tool_choice: may only be given"),
        ([USER], {"stream_options": {}}, "stream_options: Extra inputs are not permitted"),
        ([said(NOTE), USER], {}, "first message must use"),
        ([USER, said(NOTE)], {}, "must end with a user message"),
        ([USER, said({**USE, "id": "call:1"}), RESULTS], {}, "should match pattern"),
        ([USER, said(image("image/png", PNG)["content"][0])], {}, "does not match any of the expected"),
        ([image("image/png", PNG)], {}, ""),
        ([image("image/jpeg", PNG)], {}, "does not match the provided media type image/jpeg"),
        ([image("image/png", "=")], {}, "Invalid base64 data"),
        ([image("image/bmp", PNG)], {}, "media_type: Input should be one of"),
        ([{"role": "user", "content": [{**NOTE, **MARK}] * 4}], {}, ""),
        ([{"role": "user", "content": [{**NOTE, **MARK}] * 5}], {}, "A maximum of 4 blocks with cache_control"),
    ],
)  # fmt: skip
def test_anthropic_refuses_what_the_real_one_does(messages: list[Any], more: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(*messages, **more)
    assert bool(sentence) is bool(refused(*messages, **more))


def test_thought_of_another_model_is_refused() -> None:
    assert "Invalid `signature`" in refused(USER, said(THOUGHT, USE), RESULTS, model="another")
