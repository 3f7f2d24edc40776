"""An answer in Chat Completions, as each server sends it."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from duragent.errors import ModelUnavailable
from duragent.models.base import ModelChoice
from duragent.models.direct.dialect import WireEvent
from duragent.models.direct.faults import ProviderFault
from duragent.models.direct.openai_chat import OpenAiChat
from duragent.models.messages import ModelDelta, ModelUsage, ToolCall
from tests.models.direct.openai.saying import DONE, OPENAI, event, gathered, piece, reply_of, said, used, whole

OPENROUTER = ModelChoice("openrouter", "google/gemini-3-pro")
GEMINI = ModelChoice("gemini", "gemini-3-pro")
DEEPSEEK = ModelChoice("openai", "deepseek-chat", "https://api.deepseek.com")
MISTRAL = ModelChoice("openai", "magistral-small", "https://api.mistral.ai/v1")
THINKING = [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}]


def test_pieces_are_joined_and_reasoning_is_kept_apart() -> None:
    deltas, reply = gathered(
        said(role="assistant", content=""),
        said(reasoning_content="hm"),
        said(content="he"),
        said(content="llo"),
        said("length"),
        used(prompt_tokens=3, completion_tokens=2, total_tokens=5),
        DONE,
    )
    assert deltas == [ModelDelta(reasoning="hm"), ModelDelta(text="he"), ModelDelta(text="llo")]
    assert (reply.text, reply.reasoning, reply.finish_reason, reply.model) == ("hello", "hm", "length", "m-1")
    assert reply.usage == ModelUsage(input_tokens=3, output_tokens=2)
    assert reply.opaque is None


@pytest.mark.parametrize(
    ("events", "text", "reasoning"),
    [
        ([said(reasoning="a"), said(content="b")], "b", "a"),
        ([said(reasoning="a", reasoning_content="a", content="b")], "b", "a"),
        ([said(content=THINKING), said(content="b")], "b", "a"),
        ([said(content=[{"type": "text", "text": "b"}])], "b", ""),
        ([said(reasoning_details=[{"type": "reasoning.text", "text": "a"}]), said(content="b")], "b", "a"),
        (
            [
                said(content="<thought>a", extra_content={"google": {"thought": True}}),
                said(content="a", extra_content={"google": {"thought": True}}, role="assistant"),
                said(content="</thought>b", role="assistant"),
            ],
            "b",
            "aa",
        ),
        (
            [said(content="<thought>a", extra_content={"google": {"thought": True}}), said(content="</thought>b")],
            "b",
            "a",
        ),
        ([said(content=None, reasoning=None, tool_calls=None, refusal=None)], "", ""),
        ([said(content=7, reasoning=["x"], tool_calls=[None, 3])], "", ""),
    ],
)  # fmt: skip
def test_text_and_reasoning_in_every_spelling(events: list[WireEvent], text: str, reasoning: str) -> None:
    reply = reply_of(*events, said("stop"), DONE)
    assert (reply.text, reply.reasoning) == (text, reasoning)


def test_refusal_is_the_text_and_the_end_is_no_plain_stop() -> None:
    deltas, reply = gathered(said(refusal="I will "), said(refusal="not."), said("stop"), DONE)
    assert [delta.text for delta in deltas] == ["I will ", "not."]
    assert (reply.text, reply.finish_reason) == ("I will not.", "content_filter")


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("stop", "stop"), ("length", "length"), ("model_length", "length"), ("MAX_TOKENS", "length"),
        ("content_filter", "content_filter"), ("content_filter: SAFETY", "content_filter"), ("eos", "stop"),
        ("tool_calls", "stop"),
    ],
)  # fmt: skip
def test_reasons_for_the_end_are_four(finish: str, expected: str) -> None:
    assert reply_of(said(content="a"), said(finish), DONE).finish_reason == expected


@pytest.mark.parametrize(
    ("events", "is_whole"),
    [
        ([said(content="a"), said("stop")], True),
        ([said(content="a"), DONE], True),
        ([said(content="a")], False),
        ([DONE], False),
        ([event({"choices": []}), event({"choices": None}), event({})], False),
    ],
)
def test_answer_is_whole_when_somebody_says_so(events: list[WireEvent], is_whole: bool) -> None:
    answer = OpenAiChat().begin_answer(OPENAI)
    for each in events:
        answer.add(each)
    assert answer.is_whole is is_whole


def test_answer_that_came_as_a_whole() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    deltas, reply = gathered(whole({"role": "assistant", "content": "a", "tool_calls": [call]}, None))
    assert deltas == [ModelDelta(text="a")]
    assert reply.calls == (ToolCall(id="c", name="ls", arguments="{}"),)
    assert reply.finish_reason == "tool_calls"


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said_there", "status"),
    [
        ({"error": {"message": "slow down", "type": "rate_limit_error", "code": None}}, "slow down", 429),
        ({"error": {"message": "no gateway", "code": 502}, "choices": [{"delta": {}}]}, "no gateway", 502),
        ({"error": {"message": "busy", "type": "overloaded_error"}}, "busy", 529),
        ({"error": {"message": "too long", "code": "context_length_exceeded"}}, "too long", 400),
        ({"error": "it broke"}, "it broke", None),
        ([{"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}], "overloaded", 503),
        ({"object": "error", "message": "no such model", "code": 404}, "no such model", 404),
        ({"choices": [{"delta": {}, "finish_reason": "error"}]}, "the provider ended the answer with 'error'", None),
    ],
)  # fmt: skip
def test_error_inside_a_stream_is_a_fault_with_its_status(value: Any, said_there: str, status: int | None) -> None:
    answer = OpenAiChat().begin_answer(OPENAI)
    answer.add(said(content="so far"))
    with pytest.raises(ProviderFault) as caught:
        answer.add(event(value))
    assert (caught.value.said, caught.value.status) == (said_there, status)


def test_error_that_is_null_is_none() -> None:
    assert (
        reply_of(event({"error": None, "choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]})).text == "a"
    )


@pytest.mark.parametrize("data", ["{", "[" * 100_000, "data"])
def test_event_that_is_no_json_is_a_fault_that_another_attempt_may_not_have(data: str) -> None:
    with pytest.raises(ModelUnavailable):
        OpenAiChat().begin_answer(OPENAI).add(WireEvent("message", data))


def test_call_that_gemini_could_not_read_is_a_fault() -> None:
    with pytest.raises(ProviderFault):
        reply_of(said("function_call_filter: MALFORMED_FUNCTION_CALL"))


# --- what is wanted back --------------------------------------------------------------------------------------------


def wanted(*events: WireEvent, choice: ModelChoice) -> Any:
    opaque = reply_of(*events, said("stop"), DONE, choice=choice).opaque
    if opaque is not None:
        assert (opaque.adapter, opaque.model) == ("openai_chat", choice.label)
    return opaque and opaque.value


def test_blocks_of_reasoning_are_kept_whole_with_the_ids_of_their_calls() -> None:
    text = {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1"}
    locked = {"type": "reasoning.encrypted", "index": 1, "data": "xyz", "id": "c9"}
    value = wanted(
        said(reasoning="a", reasoning_details=[text | {"text": "a"}]),
        said(reasoning="b", reasoning_details=[text | {"text": "b", "signature": None}]),
        said(reasoning_details=[text | {"signature": "signed"}]),
        said(reasoning_details=[locked], tool_calls=[piece(0, "{}", id="c9", name="ls")]),
        choice=OPENROUTER,
    )
    assert value == {
        "reasoning_details": [text | {"text": "ab", "signature": "signed"}, locked],
        "call_ids": ["c9"],
    }


def test_thought_signatures_are_kept_by_the_place_of_their_call() -> None:
    signed = {"google": {"thought_signature": "s"}}
    value = wanted(
        said(tool_calls=[piece(0, "{}", id="a", name="one", extra_content=signed)]),
        said(tool_calls=[piece(0, "{}", id="b", name="two")]),
        choice=GEMINI,
    )
    assert value == {"calls": [{"extra_content": signed}, None], "call_ids": ["a", "b"]}


def test_thought_signature_of_text_is_kept() -> None:
    value = wanted(said(content="a", extra_content={"google": {"thought_signature": "s"}}), choice=GEMINI)
    assert value == {"extra_content": {"google": {"thought_signature": "s"}}}


@pytest.mark.parametrize(
    ("choice", "delta", "with_call", "without"),
    [
        (DEEPSEEK, {"reasoning_content": "a"}, {"reasoning_content": "a"}, {"reasoning_content": "a"}),
        (ModelChoice("openai", "qwen3", "http://h"), {"reasoning": "a"}, {"reasoning": "a"}, None),
        (OPENAI, {"reasoning_content": "a"}, None, None),
        (
            MISTRAL,
            {"content": THINKING},
            {"thinking": "a"},
            {"thinking": "a"},
        ),
    ],
)
def test_reasoning_is_kept_where_the_server_wants_it_back(
    choice: ModelChoice, delta: dict[str, Any], with_call: object, without: object
) -> None:
    call = said(tool_calls=[piece(0, "{}", id="c", name="ls")])
    assert wanted(said(**delta), said(content="b"), choice=choice) == without
    assert wanted(said(**delta), call, choice=choice) == with_call


# --- anything may come ----------------------------------------------------------------------------------------------

_EVERYTHING: dict[str, Any] = {
    "model": "m",
    "choices": [
        {
            "delta": {
                "content": "a",
                "reasoning": "b",
                "reasoning_content": "b",
                "refusal": "c",
                "reasoning_details": [{"type": "reasoning.text", "text": "t", "index": 0, "signature": "s"}],
                "extra_content": {"google": {"thought": True, "thought_signature": "s"}},
                "tool_calls": [{"index": 0, "id": "a", "function": {"name": "n", "arguments": "{}"}, "extra": 1}],
                "function_call": {"name": "n", "arguments": "{}"},
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "cost": 0.1,
        "is_byok": True,
        "cost_details": {"upstream_inference_cost": 0.1},
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
    "x_groq": {"usage": {}},
    "error": None,
}
_ODD: tuple[Any, ...] = (None, 0, -1, 1.5, True, "", "\ud800", [], {}, [None], [[]], {"a": 1}, ["x"], 1e308, 10**30)


def with_odd_values(value: Any) -> Iterator[Any]:
    """The value with each odd one in each place, one at a time."""
    yield from _ODD
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (value | {key: odd} for odd in with_odd_values(inner))
    if isinstance(value, list):
        yield from ([odd] for odd in with_odd_values(value[0]))


@pytest.mark.parametrize("choice", [OPENAI, OPENROUTER, GEMINI, DEEPSEEK, MISTRAL], ids=lambda choice: choice.label)
def test_no_value_in_any_place_is_an_error_of_ours(choice: ModelChoice) -> None:
    for chunk in with_odd_values(_EVERYTHING):
        answer = OpenAiChat().begin_answer(choice)
        with suppress(ProviderFault, ModelUnavailable):
            answer.add(event(chunk))
            answer.add(event(_EVERYTHING))
            assert answer.is_whole
            answer.reply().model_dump()
