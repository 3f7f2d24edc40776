"""An answer in a provider's own spelling, without a server."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from duragent.models.messages import ModelUsage, ToolCall
from duragent.testing.provider_wire import (
    Chunk,
    ProviderAnswer,
    anthropic_error,
    anthropic_object,
    anthropic_stream,
    openai_error,
    openai_object,
    openai_stream,
)
from duragent.testing.signatures import is_sealed_by, signature

CALL = ToolCall(id="c1", name="ls", arguments='{"path": "."}')
ANSWER = ProviderAnswer("one two", "hm", (CALL,), usage=ModelUsage(input_tokens=7, output_tokens=3))


def events(chunks: Iterable[Chunk]) -> list[dict[str, Any]]:
    lines = b"".join(chunk.data for chunk in chunks).decode().splitlines()
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ") and "[DONE]" not in line]
    return [json.loads(each) for each in data]


def test_openai_stream_has_each_word_and_each_half_of_a_call() -> None:
    frames = events(openai_stream(ANSWER, "m", with_usage=True))
    deltas = [frame["choices"][0]["delta"] for frame in frames if frame["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "one two"
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "hm"
    pieces = [call["function"]["arguments"] for delta in deltas for call in delta.get("tool_calls", ())]
    assert (len(pieces), "".join(pieces)) == (3, CALL.arguments)
    assert [frame["choices"][0]["finish_reason"] for frame in frames if frame["choices"]][-1] == "tool_calls"
    assert (frames[-1]["usage"]["prompt_tokens"], frames[-1]["usage"]["completion_tokens"]) == (7, 3)


def test_anthropic_stream_has_a_block_for_each_part() -> None:
    frames = events(anthropic_stream(ANSWER, "m"))
    started = [frame["content_block"]["type"] for frame in frames if frame["type"] == "content_block_start"]
    assert started == ["thinking", "text", "tool_use"]
    deltas = [frame["delta"] for frame in frames if frame["type"] == "content_block_delta"]
    assert "".join(delta.get("text", "") for delta in deltas) == "one two"
    assert "".join(delta.get("partial_json", "") for delta in deltas) == CALL.arguments
    assert [frame["type"] for frame in frames][-2:] == ["message_delta", "message_stop"]
    assert frames[-2]["delta"]["stop_reason"] == "tool_use"


def test_whole_answers_say_the_same_as_streams() -> None:
    openai, anthropic = json.loads(openai_object(ANSWER, "m")), json.loads(anthropic_object(ANSWER, "m"))
    assert openai["choices"][0]["message"]["content"] == "one two"
    assert openai["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == CALL.arguments
    assert [block["type"] for block in anthropic["content"]] == ["thinking", "text", "tool_use"]
    assert anthropic["content"][-1]["input"] == {"path": "."}


def test_pieces_of_content_are_counted_and_the_frame_is_not() -> None:
    answer = ProviderAnswer("one two three")
    assert sum(chunk.counts for chunk in openai_stream(answer, "m", with_usage=False)) == 3
    assert sum(chunk.counts for chunk in anthropic_stream(answer, "m")) == 3


@pytest.mark.parametrize(("wire", "usage"), [(None, None), ({"prompt_tokens": "x"}, "x"), ({}, 10)])
def test_usage_can_be_replaced_or_left_out(wire: dict[str, Any] | None, usage: object) -> None:
    sent = json.loads(openai_object(ProviderAnswer("hi", wire_usage=wire), "m"))["usage"]
    assert (sent and sent["prompt_tokens"]) == usage


@pytest.mark.parametrize(
    ("status", "openai", "anthropic"),
    [
        (400, "invalid_request_error", "invalid_request_error"),
        (401, "authentication_error", "authentication_error"),
        (404, "invalid_request_error", "not_found_error"),
        (429, "rate_limit_error", "rate_limit_error"),
        (503, "server_error", "api_error"),
    ],
)
def test_errors_have_the_types_of_each_provider(status: int, openai: str, anthropic: str) -> None:
    assert json.loads(openai_error(status, "no"))["error"]["type"] == openai
    assert json.loads(anthropic_error(status, "no"))["error"]["type"] == anthropic


def test_thinking_of_anthropic_is_signed_and_what_is_hidden_is_sealed() -> None:
    answer = ProviderAnswer("one", "hm so", hidden_reasoning="secret")
    blocks = json.loads(anthropic_object(answer, "m"))["content"]
    assert blocks[0] == {"type": "thinking", "thinking": "hm so", "signature": signature("m", "hm so")}
    assert is_sealed_by("m", blocks[1]["data"])
    frames = events(anthropic_stream(answer, "m"))
    begun = [frame["content_block"] for frame in frames if frame["type"] == "content_block_start"]
    assert begun[1] == blocks[1]
    signed = [frame["delta"]["signature"] for frame in frames if "signature" in frame.get("delta", {})]
    assert signed == [blocks[0]["signature"]]


def test_reasoning_details_are_signed_behind_their_text() -> None:
    answer = ProviderAnswer("one", "hm so", hidden_reasoning="secret", reasoning_field="reasoning_details")
    whole = json.loads(openai_object(answer, "m"))["choices"][0]["message"]
    assert whole["reasoning"] == "hm so"
    assert [each["type"] for each in whole["reasoning_details"]] == ["reasoning.text", "reasoning.encrypted"]
    deltas = [frame["choices"][0]["delta"] for frame in events(openai_stream(answer, "m", with_usage=False))]
    details = [each for delta in deltas for each in delta.get("reasoning_details", ())]
    assert [each.get("text") for each in details] == ["hm", " so", None, None]
    assert details[2]["signature"] == whole["reasoning_details"][0]["signature"] == signature("m", "hm so")
    assert "".join(delta.get("reasoning", "") for delta in deltas) == "hm so"


def test_newer_gemini_signs_the_first_call_only() -> None:
    answer = ProviderAnswer(calls=(CALL, CALL.model_copy(update={"id": "c2"})))
    calls = json.loads(openai_object(answer, "gemini-3-pro"))["choices"][0]["message"]["tool_calls"]
    signed = {"google": {"thought_signature": signature("gemini-3-pro", "ls")}}
    assert [call.get("extra_content") for call in calls] == [signed, None]
    deltas = [frame["choices"][0]["delta"] for frame in events(openai_stream(answer, "gemini-3-pro", with_usage=False))]
    streamed = [call.get("extra_content") for delta in deltas for call in delta.get("tool_calls", ())]
    assert [each for each in streamed if each] == [signed]
