"""One answer of Messages while it arrives, event by event."""

import json
from typing import Any

import pytest

from duragent.errors import ModelUnavailable
from duragent.models.direct.anthropic.answer import MessageSoFar
from duragent.models.direct.dialect import WHOLE, WireEvent
from duragent.models.direct.faults import ProviderFault
from duragent.models.messages import ModelDelta, ModelReply, ModelUsage, ToolCall
from tests.models.direct.anthropic.asking import REDACTED, SIGNED, choice, opaque

Json = dict[str, Any]


def start(usage: Any = None) -> Json:
    return {"type": "message_start", "message": {"model": "claude-sonnet-4-5-1", "usage": usage}}


def begin(index: int, **block: Any) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index: int, kind: str, **fields: str) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def end(index: int) -> Json:
    return {"type": "content_block_stop", "index": index}


def stop(reason: str | None = "end_turn", usage: Any = None, **fields: Any) -> Json:
    return {"type": "message_delta", "delta": {"stop_reason": reason, **fields}, "usage": usage}


OVER: Json = {"type": "message_stop"}


def text(index: int, *pieces: str) -> list[Json]:
    return [begin(index, type="text", text=""), *(piece(index, "text_delta", text=each) for each in pieces), end(index)]


def thinking(index: int, *pieces: str, signature: str = "c2ln") -> list[Json]:
    return [
        begin(index, type="thinking", thinking="", signature=""),
        *(piece(index, "thinking_delta", thinking=each) for each in pieces),
        *([piece(index, "signature_delta", signature=signature)] if signature else []),
        end(index),
    ]


def use(index: int, *pieces: str, call_id: str = "toolu_1", given: Json | None = None) -> list[Json]:
    return [
        begin(index, type="tool_use", id=call_id, name="ls", input=given or {}),
        *(piece(index, "input_json_delta", partial_json=each) for each in pieces),
        end(index),
    ]


def gathered(*events: Json, name: str = "message") -> tuple[list[ModelDelta], ModelReply]:
    answer = MessageSoFar(choice())
    deltas = [answer.add(WireEvent(name, json.dumps(event))) for event in events]
    assert answer.is_whole
    return [delta for delta in deltas if delta is not None], answer.reply()


def reply(*events: Json) -> ModelReply:
    deltas, whole = gathered(start(), *events)
    assert "".join(delta.text for delta in deltas) == whole.text
    assert "".join(delta.reasoning for delta in deltas) == whole.reasoning
    return whole


def test_text_thinking_and_calls_are_told_apart() -> None:
    whole = reply(
        *thinking(0, "Let me", " look."),
        {"type": "ping"},
        *text(1, "I ", "look."),
        *use(2, '{"pa', 'th": "."}'),
        *use(3, call_id="toolu_2"),
        stop("tool_use"),
        OVER,
    )
    assert whole == ModelReply(
        text="I look.",
        reasoning="Let me look.",
        calls=(
            ToolCall(id="toolu_1", name="ls", arguments='{"path": "."}'),
            ToolCall(id="toolu_2", name="ls", arguments="{}"),
        ),
        finish_reason="tool_calls",
        model="claude-sonnet-4-5-1",
        opaque=opaque({"type": "thinking", "thinking": "Let me look.", "signature": "c2ln"}),
    )


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("refusal", "content_filter"),
        ("a_reason_of_tomorrow", "stop"),
    ],
)
def test_every_reason_to_stop_has_a_meaning(reason: str, finish: str) -> None:
    assert reply(*text(0, "so far"), stop(reason), OVER).finish_reason == finish


def test_calls_count_where_a_server_says_that_it_is_done() -> None:
    assert reply(*use(0), stop("end_turn"), OVER).finish_reason == "tool_calls"


def test_refusal_without_a_word_gives_its_reason() -> None:
    why = {"type": "refusal", "category": None, "explanation": "That could do harm."}
    assert reply(stop("refusal", stop_details=why), OVER).text == "That could do harm."
    assert reply(*text(0, "So far"), stop("refusal", stop_details=why), OVER).text == "So far"
    assert reply(*thinking(0, "Hm."), stop("refusal"), OVER).opaque is None


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_thinking_is_kept_word_for_word_with_its_place() -> None:
    hidden = thinking(3, signature="b3RoZXI=")
    events = [*thinking(0, "One."), *text(1, "I look."), begin(2, **REDACTED), end(2), *hidden, *text(4, "Done.")]
    whole = reply(*events, stop(), OVER)
    assert whole.opaque == opaque(
        {"type": "thinking", "thinking": "One.", "signature": "c2ln"},
        {"type": "text", "length": 7},
        REDACTED,
        {"type": "thinking", "thinking": "", "signature": "b3RoZXI="},
    )


def test_fields_that_nobody_knows_yet_are_kept() -> None:
    events = [begin(0, **SIGNED, level=3), end(0), *text(1, "Hi.")]
    assert reply(*events, stop(), OVER).opaque == opaque(SIGNED | {"level": 3})


def test_answer_without_thinking_keeps_nothing() -> None:
    assert reply(*text(0, "Hi."), *use(1), stop("tool_use"), OVER).opaque is None


def test_thinking_that_the_limit_cut_off_is_not_kept() -> None:
    assert reply(*thinking(0, "Let me", signature=""), stop("max_tokens"), OVER).opaque is None
    # Other servers do not sign.
    assert reply(*thinking(0, "Let me", signature=""), *use(1), stop("tool_use"), OVER).opaque is not None


def test_second_thought_is_shown_as_a_paragraph_of_its_own() -> None:
    assert reply(*thinking(0, "One", "."), *thinking(1, "Two", "."), stop(), OVER).reasoning == "One.\n\nTwo."


# --- other servers --------------------------------------------------------------------------------------------------


def test_calls_may_come_whole_at_their_beginning_and_without_an_id() -> None:
    events = [*use(0, call_id="", given={"path": "."}), *use(1, call_id="")]
    assert reply(*events, stop("tool_use"), OVER).calls == (
        ToolCall(id="call_1", name="ls", arguments='{"path": "."}'),
        ToolCall(id="call_2", name="ls", arguments="{}"),
    )


def test_two_blocks_with_one_index_are_two() -> None:
    events = [*use(0, '{"a": 1}'), *use(0, '{"a": 2}', call_id="toolu_2")]
    assert [call.arguments for call in reply(*events, stop("tool_use"), OVER).calls] == ['{"a": 1}', '{"a": 2}']


def test_blocks_whose_pieces_come_in_turns_stay_apart() -> None:
    one, two = use(0, '{"a"', ": 1}"), use(1, '{"b"', ": 2}", call_id="toolu_2")
    interleaved = [event for pair in zip(one, two, strict=True) for event in pair]
    calls = reply(*interleaved, stop("tool_use"), OVER).calls
    assert [call.arguments for call in calls] == ['{"a": 1}', '{"b": 2}']


def test_text_without_a_beginning_is_text() -> None:
    assert reply(piece(0, "text_delta", text="Hi"), piece(0, "text_delta", text="."), OVER).text == "Hi."


def test_call_that_the_limit_cut_off_has_the_arguments_that_came() -> None:
    cut = [event for event in use(0, '{"path": ') if event["type"] != "content_block_stop"]
    assert [call.arguments for call in reply(*cut, stop("max_tokens"), OVER).calls] == ['{"path": ']
    bare = [event for event in use(0) if event["type"] != "content_block_stop"]
    assert [call.arguments for call in reply(*bare, stop("max_tokens"), OVER).calls] == [""]


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        None,
        {"type": "event_of_tomorrow", "index": 0},
        {"type": "content_block_start", "index": 0},
        {
            "type": "content_block_start",
            "index": {},
            "content_block": {"type": "web_search_tool_result", "content": []},
        },
        {"type": "content_block_delta", "index": 7},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {}}},
        {"type": "content_block_delta", "index": [], "delta": {"type": "text_delta", "text": None}},
        {"type": "content_block_start", "index": 7, "content_block": {"type": "thinking", "thinking": 3}},
        {"type": "content_block_stop", "index": []},
        {"type": "message_start", "message": None},
        {"type": "message_delta", "delta": 3},
    ],
)
def test_what_is_not_known_is_passed_over(event: Any) -> None:
    assert reply(event, *text(0, "Hi."), stop(), OVER).text == "Hi."


def test_answer_in_one_piece_is_read_as_well() -> None:
    content = [SIGNED, {"type": "text", "text": "I look."}, {"type": "tool_use", "id": "t", "name": "ls", "input": {}}]
    message = {
        "type": "message",
        "model": "m",
        "content": content,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 10, "output_tokens": 2},
    }
    deltas, whole = gathered(message, name=WHOLE)
    assert deltas == [ModelDelta(text="I look.", reasoning="Let me look.")]
    assert whole == ModelReply(
        text="I look.",
        reasoning="Let me look.",
        calls=(ToolCall(id="t", name="ls", arguments="{}"),),
        finish_reason="tool_calls",
        model="m",
        usage=ModelUsage(input_tokens=10, output_tokens=2),
        cost_usd=whole.cost_usd,
        opaque=opaque(SIGNED),
    )


# --- ends and faults ------------------------------------------------------------------------------------------------


def test_answer_is_whole_with_its_reason_and_over_with_its_last_event() -> None:
    answer = MessageSoFar(choice())
    seen = []
    for event in (start(), *text(0, "Hi."), stop(), OVER):
        answer.add(WireEvent("message", json.dumps(event)))
        seen.append((answer.is_whole, answer.is_over))
    assert seen == [(False, False)] * 4 + [(True, False), (True, True)]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("overloaded_error", 529),
        ("rate_limit_error", 429),
        ("api_error", 500),
        ("authentication_error", 401),
        ("invalid_request_error", 400),
        ("an_error_of_tomorrow", None),
    ],
)
def test_failure_inside_of_a_stream_has_the_status_that_says_the_same(kind: str, status: int | None) -> None:
    answer = MessageSoFar(choice())
    failure = {"type": "error", "error": {"type": kind, "message": "Overloaded"}}
    with pytest.raises(ProviderFault) as caught:
        answer.add(WireEvent("error", json.dumps(failure)))
    assert caught.value == ProviderFault("Overloaded", status)


@pytest.mark.parametrize(
    ("failure", "said"),
    [({"error": "no such model"}, "no such model"), ({"type": "error", "error": {"code": 7}}, '{"code": 7}')],
)
def test_failure_in_another_form_keeps_its_words(failure: Any, said: str) -> None:
    with pytest.raises(ProviderFault) as caught:
        MessageSoFar(choice()).add(WireEvent(WHOLE, json.dumps(failure)))
    assert caught.value == ProviderFault(said)


@pytest.mark.parametrize("data", ["{", "<html>", "[" * 100_000])
def test_what_is_no_json_breaks_the_answer(data: str) -> None:
    with pytest.raises(ModelUnavailable, match="sent something that is not JSON"):
        MessageSoFar(choice()).add(WireEvent("message", data))
