"""What real providers refuse, without a server."""

from typing import Any

import pytest

from duragent.testing.provider_rules import merged, refuse_anthropic, refuse_openai

USER = {"role": "user", "content": "hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "ls", "parameters": {"type": "object"}}}
USE = {"type": "tool_use", "id": "c1", "name": "ls", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "c1", "content": "x"}


def openai(*messages: dict[str, Any], **more: Any) -> str:
    """The sentence of the refusal; "" when the request is taken."""
    refusal = refuse_openai({"model": "m", "messages": list(messages), **more}, {"authorization": "Bearer k"})
    return refusal.message if refusal else ""


def anthropic(*messages: dict[str, Any], **more: Any) -> str:
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    refusal = refuse_anthropic({"model": "m", "max_tokens": 9, "messages": list(messages), **more}, headers)
    return refusal.message if refusal else ""


@pytest.mark.parametrize(
    ("messages", "more", "sentence"),
    [
        ([USER], {}, ""),
        ([USER, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": "x"}],
         {"tools": [TOOL]}, ""),
        ([], {}, "at least one message"),
        ([{"role": "robot", "content": "x"}], {}, "Invalid value: 'robot'"),
        ([USER, {"role": "system", "content": "x"}], {}, "System message must be at the beginning"),
        ([{"role": "user", "content": None}], {}, "expected a string, got null"),
        ([USER], {"tools": []}, "Invalid 'tools': empty array"),
        ([USER], {"tools": [{"function": {"name": "ls"}}]}, "tools[0].type"),
        ([USER], {"tools": [{"type": "function", "function": {"name": "l s"}}]}, "Invalid tool name"),
        ([USER], {"tools": [{"type": "function", "function": {"name": "ls", "parameters": {}}}]}, "Invalid schema"),
        ([USER, {"role": "tool", "tool_call_id": "c1", "content": "x"}], {}, "must be a response to a preceding"),
        ([USER, {"role": "assistant", "tool_calls": [CALL]}], {}, "did not have response messages: c1"),
        ([USER, {"role": "assistant", "tool_calls": [CALL]}, USER], {}, "did not have response messages: c1"),
        ([USER, {"role": "assistant", "content": "x", "tool_calls": []}], {}, "tool_calls': empty array"),
        ([USER, {"role": "assistant", "tool_calls": [CALL | {"function": {"arguments": "["}}]}], {}, "not a JSON"),
        ([USER, {"role": "assistant", "tool_calls": [{**CALL, "id": ""}]}], {}, "Missing required parameter"),
    ],
)  # fmt: skip
def test_openai_refuses_what_the_real_one_does(messages: list[Any], more: dict[str, Any], sentence: str) -> None:
    assert sentence in openai(*messages, **more)
    assert bool(sentence) is bool(openai(*messages, **more))


@pytest.mark.parametrize(
    ("messages", "more", "sentence"),
    [
        ([USER], {}, ""),
        ([USER, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [RESULT]}], {}, ""),
        ([USER], {"max_tokens": 0}, "greater than or equal to 1"),
        ([{"role": "system", "content": "x"}], {}, "Unexpected role 'system'"),
        ([{"role": "assistant", "content": "x"}], {}, 'first message must use the "user" role'),
        ([USER], {"system": [{"type": "text", "text": ""}]}, "system: text content blocks must be non-empty"),
        ([USER], {"tools": [{"name": "ls", "input_schema": {}}]}, "Invalid schema"),
        ([{"role": "user", "content": []}], {}, "must have non-empty content"),
        ([{"role": "user", "content": ""}], {}, "must be non-empty"),
        ([{"role": "user", "content": " \n"}], {}, "must contain non-whitespace text"),
        ([USER, {"role": "assistant", "content": [{**USE, "input": "x"}]}], {}, "valid dictionary"),
        ([USER, {"role": "assistant", "content": [USE]}], {}, "`tool_use` ids were found without"),
        ([USER, {"role": "assistant", "content": [USE]}, USER], {}, "`tool_use` ids were found without"),
        ([{"role": "user", "content": [RESULT]}], {}, "unexpected `tool_use_id`"),
    ],
)
def test_anthropic_refuses_what_the_real_one_does(messages: list[Any], more: dict[str, Any], sentence: str) -> None:
    assert sentence in anthropic(*messages, **more)
    assert bool(sentence) is bool(anthropic(*messages, **more))


@pytest.mark.parametrize("key", ["", "bad-key"])
def test_key_is_checked_before_anything_else(key: str) -> None:
    refusals = (refuse_openai({}, {"authorization": f"Bearer {key}"}), refuse_anthropic({}, {"x-api-key": key}))
    assert [refusal and refusal.status for refusal in refusals] == [401, 401]


def test_neighbours_of_one_role_are_one_message() -> None:
    assert merged([USER, {"role": "user", "content": [RESULT]}, {"role": "assistant", "content": "x"}]) == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, RESULT]},
        {"role": "assistant", "content": [{"type": "text", "text": "x"}]},
    ]
