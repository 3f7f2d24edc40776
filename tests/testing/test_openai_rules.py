"""What only some servers and models of OpenAI's protocol refuse, without a server. The rest: `test_provider_rules`."""

import base64
from typing import Any

import pytest

from duragent.testing.provider_rules import refuse_openai
from duragent.testing.signatures import sealed, signature

USER = {"role": "user", "content": "hi"}
CALL = {"id": "abcDEF123", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "abcDEF123", "content": "x"}
TOOLS = {"tools": [{"type": "function", "function": {"name": "ls", "parameters": {"type": "object"}}}]}
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n...").decode()
PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4").decode()
CLAUDE, GEMINI, MISTRAL = "anthropic/claude", "gemini-3-pro", "mistral-large-latest"
FORM = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


def refused(model: str, *messages: dict[str, Any], **more: Any) -> str:
    """The sentence of the refusal; "" when the request is taken."""
    refusal = refuse_openai({"model": model, "messages": list(messages), **more}, {"authorization": "Bearer k"})
    return refusal.message if refusal else ""


def signed(name: str) -> dict[str, Any]:
    """An assistant's call with what Gemini wrote at it, by the tool's name that was signed."""
    return {**CALLING, "tool_calls": [CALL | {"extra_content": {"google": {"thought_signature": name}}}]}


def detailed(*details: dict[str, Any]) -> dict[str, Any]:
    return {**CALLING, "reasoning_details": list(details)}


def part(kind: str, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": kind, **fields}]}


TEXT = {"type": "reasoning.text", "text": "hm", "signature": signature(CLAUDE, "hm"), "index": 0}
PIECES = ({"type": "reasoning.text", "text": "h"}, {"type": "reasoning.text", "text": "m"}, {**TEXT, "text": None})
HIDDEN = {"type": "reasoning.encrypted", "data": sealed(CLAUDE, "secret")}
ASKED = {"reasoning": {"effort": "low"}}


@pytest.mark.parametrize(
    ("model", "messages", "more", "sentence"),
    [
        (MISTRAL, [USER, CALLING, RESULT], {}, ""),
        (MISTRAL, [USER, USER], {}, "roles must alternate"),
        ("m", [USER, USER], {}, ""),
        (MISTRAL, [USER, CALLING, RESULT, USER], {}, "Unexpected role 'user' after role 'tool'"),
        (MISTRAL, [USER, {"role": "assistant", "content": "x"}], {}, "Expected last role User or Tool"),
        (MISTRAL, [USER, {**CALLING, "tool_calls": [{**CALL, "id": "call_1"}]}, {**RESULT, "tool_call_id": "call_1"}],
         {}, "must be a-z, A-Z, 0-9, with a length of 9"),
        ("deepseek-reasoner", [USER, CALLING, RESULT], {}, "Missing `reasoning_content`"),
        ("deepseek-reasoner", [USER, {**CALLING, "reasoning_content": "hm"}, RESULT], {}, ""),
        (GEMINI, [USER, CALLING, RESULT], {}, "is missing a `thought_signature`"),
        (GEMINI, [USER, signed(signature(GEMINI, "ls")), RESULT], {}, ""),
        (GEMINI, [USER, signed("skip_thought_signature_validator"), RESULT], {}, ""),
        (GEMINI, [USER, signed(signature(GEMINI, "cat")), RESULT], {}, "Thought signature is not valid"),
        (GEMINI, [USER, CALLING, RESULT, {"role": "assistant", "content": "x"}, USER], {}, ""),
        (CLAUDE, [USER, detailed(TEXT), RESULT], ASKED, ""),
        (CLAUDE, [USER, detailed(*PIECES, HIDDEN), RESULT], ASKED, ""),
        (CLAUDE, [USER, CALLING, RESULT], {}, ""),
        (CLAUDE, [USER, CALLING, RESULT], ASKED, "Expected `thinking`"),
        (CLAUDE, [USER, CALLING, RESULT], {"reasoning": {"effort": "none"}}, ""),
        (CLAUDE, [USER, detailed({**TEXT, "text": "ha"}), RESULT], {}, "Invalid `signature`"),
        (CLAUDE, [USER, detailed({"type": "reasoning.text", "text": "hm"}), RESULT], {}, "signature: Field required"),
        (CLAUDE, [USER, detailed({**HIDDEN, "data": "x"}), RESULT], {}, "Invalid `data`"),
        ("gpt-4o", [USER, {**CALLING, "reasoning_content": "hm"}, RESULT], {}, "reasoning_content"),
        ("gpt-4o", [USER], {"reasoning_effort": "low"}, "Unrecognized request argument"),
        ("gpt-5-mini", [USER], {"reasoning_effort": "low", "max_completion_tokens": 9}, ""),
        ("gpt-5-mini", [USER], {"max_tokens": 9}, "Use 'max_completion_tokens'"),
        ("gpt-5-mini", [USER], {"temperature": 0.5}, "'temperature' does not support"),
        ("gpt-oss-20b", [USER], {"max_tokens": 9}, ""),
        ("m", [USER], {**TOOLS, "tool_choice": "required"}, ""),
        ("m", [USER], {**TOOLS, "tool_choice": "any"}, "Invalid value: 'any'"),
        ("m", [USER], {**TOOLS, "tool_choice": {"type": "function", "function": {"name": "cat"}}}, "not found"),
        ("m", [USER], {"tool_choice": "none"}, "only allowed when 'tools'"),
        ("m", [USER], {"response_format": FORM}, ""),
        ("m", [USER], {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, "json_schema.name"),
        ("m", [USER], {"response_format": {"type": "json"}}, "response_format.type"),
        ("m", [USER], {"stream_options": {"include_usage": True}}, "only allowed with 'stream'"),
        ("m", [part("image_url", image_url={"url": PNG})], {}, ""),
        ("m", [part("image_url", image_url={"url": PNG.replace("png", "gif")})], {}, "does not match"),
        ("m", [part("image_url", image_url={"url": "photo.png"})], {}, "Expected a base64-encoded data URL"),
        ("m", [part("file", file={"filename": "a.pdf", "file_data": PDF})], {}, ""),
        ("m", [part("file", file={"file_data": PDF})], {}, "file.filename"),
        ("m", [part("image")], {}, "Invalid value: 'image'"),
        ("m", [USER, CALLING, {**RESULT, "content": part("image_url")["content"]}], {}, "Invalid value: 'image_url'"),
        ("m", [{"role": "user", "content": []}], {}, "empty array"),
    ],
)  # fmt: skip
def test_some_refuse_what_others_take(model: str, messages: list[Any], more: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(model, *messages, **more)
    assert bool(sentence) is bool(refused(model, *messages, **more))
