"""What Ollama refuses, without a server."""

import base64
from typing import Any

import pytest

from duragent.testing.provider_rules import refuse_ollama

USER = {"role": "user", "content": "hi"}
CALLING = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "ls", "arguments": {"a": 1}}}]}
RESULT = {"role": "tool", "tool_name": "ls", "content": "x"}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n...").decode()


def refused(*messages: dict[str, Any], **more: Any) -> str:
    """The sentence of the refusal; "" when the request is taken."""
    refusal = refuse_ollama({"model": "m", "messages": list(messages), **more}, {})
    return refusal.message if refusal else ""


@pytest.mark.parametrize(
    ("messages", "more", "sentence"),
    [
        ([USER], {"think": True, "options": {"num_ctx": 8192}, "format": {"type": "object"}}, ""),
        ([USER, CALLING, RESULT, USER, USER], {"think": "low"}, ""),
        ([{**USER, "images": [PNG]}], {}, ""),
        ([{**USER, "images": [f"data:image/png;base64,{PNG}"]}], {}, "illegal base64 data"),
        ([{**USER, "images": [PNG[8:]]}], {}, "Failed to load image"),
        ([], {}, "at least one message"),
        ([USER], {"model": ""}, "model is required"),
        ([USER], {"think": "off"}, "invalid think value"),
        ([USER], {"format": "yaml"}, "invalid format"),
        ([{"role": "developer", "content": "x"}], {}, "invalid role"),
        ([{"role": "user", "content": [{"type": "text", "text": "x"}]}], {}, "cannot unmarshal array"),
        ([USER, {"role": "assistant", "tool_calls": [{"function": {"name": "ls", "arguments": "{}"}}]}], {},
         "cannot unmarshal string"),
        ([USER, CALLING], {}, "has no tool message"),
        ([USER, CALLING, USER], {}, "has no tool message"),
        ([USER, RESULT], {}, "without a call"),
        ([USER, CALLING, {**RESULT, "tool_name": "cat"}], {}, "was not called"),
        ([USER], {"tools": [{"type": "function", "function": {"name": "l s"}}]}, "Invalid tool name"),
    ],
)  # fmt: skip
def test_ollama_refuses_what_the_real_one_does(messages: list[Any], more: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(*messages, **more)
    assert bool(sentence) is bool(refused(*messages, **more))


def test_key_is_not_needed_and_a_wrong_one_is_refused() -> None:
    refusal = refuse_ollama({"model": "m", "messages": [USER]}, {"authorization": "Bearer bad-key"})
    assert refusal is not None
    assert refusal.status == 401
