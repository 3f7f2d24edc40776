"""Ollama's protocol: what is asked, and how answers are read. What the wire does to them is tested with the engine."""

import base64
import json
from typing import Any

import pytest

from duragent.clock import SystemClock
from duragent.errors import AuthenticationFailed, BadModelRequest, ModelError, ModelUnavailable
from duragent.models.base import ModelChoice
from duragent.models.choose import ModelChooser
from duragent.models.direct.dialect import WireEvent
from duragent.models.direct.dialects import dialect_of
from duragent.models.direct.faults import ProviderFault
from duragent.models.direct.ollama_chat import OllamaChat
from duragent.models.messages import (
    AttachedFile,
    ChatMessage,
    ModelDelta,
    ModelReply,
    ModelRequest,
    ModelUsage,
    OneTool,
    OpaquePart,
    ResponseSchema,
    ThinkingLevel,
    ToolCall,
    ToolSchema,
)
from duragent.testing.stub_llm import Behaviour, Failure, ProviderAnswer, StubLlm

QWEN = ModelChoice("ollama", "qwen3")
LIST = ToolSchema(name="ls", description="Lists.", parameters={"type": "object", "properties": {}})
CALL = ToolCall(id="call_7", name="ls", arguments='{"path": "/tmp"}')
HELLO = (ChatMessage(role="user", content="hello"),)
SCHEMA = ResponseSchema(name="answer", json_schema={"type": "object", "properties": {"n": {"type": "integer"}}})


def body(request: ModelRequest, choice: ModelChoice = QWEN) -> dict[str, Any]:
    return dict(OllamaChat().written(choice, None, request).body)


def test_ollama_is_asked_in_its_own_protocol_unless_the_agent_says_otherwise() -> None:
    found = dialect_of(QWEN)
    assert found is not None
    assert (found.name, found.framing) == ("ollama_chat", "lines")
    assert dialect_of(ModelChoice("ollama", "qwen3", adapter="litellm")) is None


@pytest.mark.parametrize(
    "base_url",
    ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/", "http://h:1/api", "http://h:1/api/chat"],
)
def test_every_address_that_people_write_leads_to_ollama(base_url: str) -> None:
    assert OllamaChat().url(base_url) == "http://h:1"
    assert OllamaChat().url("http://h/behind/a/proxy") == "http://h/behind/a/proxy"


def test_a_plain_question_has_nothing_that_was_not_asked_for() -> None:
    asked = OllamaChat().written(QWEN, None, ModelRequest(messages=HELLO))
    assert (asked.path, dict(asked.headers)) == ("/api/chat", {})
    assert asked.body == {"model": "qwen3", "messages": [{"role": "user", "content": "hello"}], "stream": True}


def test_a_key_is_sent_as_ollamas_cloud_wants_it() -> None:
    asked = OllamaChat().written(QWEN, "secret", ModelRequest(messages=HELLO))
    assert asked.headers == {"Authorization": "Bearer secret"}
    assert "secret" not in repr(asked)


def test_the_window_and_the_limits_of_an_answer_are_options() -> None:
    request = ModelRequest(messages=HELLO, window_tokens=32_768, max_output_tokens=500, temperature=0.0)
    assert body(request)["options"] == {"num_ctx": 32_768, "num_predict": 500, "temperature": 0.0}


def test_calls_are_objects_and_results_name_their_tool() -> None:
    request = ModelRequest(
        messages=(
            ChatMessage(role="system", content="Be brief."),
            ChatMessage(role="user", content="list"),
            ChatMessage(role="assistant", content="Well", calls=(CALL,)),
            ChatMessage(role="tool", call_id="call_7", content="a.txt"),
            ChatMessage(role="user", content="note"),
            ChatMessage(role="user", content="again"),
        ),
        tools=(LIST,),
    )
    asked = body(request)
    assert asked["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "list"},
        {
            "role": "assistant",
            "content": "Well",
            "tool_calls": [{"id": "call_7", "function": {"name": "ls", "arguments": {"path": "/tmp"}}}],
        },
        {"role": "tool", "content": "a.txt", "tool_name": "ls", "tool_call_id": "call_7"},
        {"role": "user", "content": "note\n\nagain"},
    ]
    assert asked["tools"] == [
        {
            "type": "function",
            "function": {"name": "ls", "description": "Lists.", "parameters": {"type": "object", "properties": {}}},
        }
    ]


@pytest.mark.parametrize("arguments", ["", "{", "[1]", "null", '"text"', "[" * 100_000])
def test_arguments_that_are_no_object_do_not_fail_later_requests(arguments: str) -> None:
    called = ChatMessage(role="assistant", calls=(ToolCall(id="1", name="ls", arguments=arguments),))
    (message,) = body(ModelRequest(messages=(called,)))["messages"]
    assert message["tool_calls"][0]["function"]["arguments"] == {}


def test_images_stand_beside_the_text() -> None:
    file = AttachedFile(name="a.png", media_type="image/png", sha256="f" * 64, size_bytes=3)
    message = ChatMessage(role="user", content="what?", attachments=(file,))
    request = ModelRequest(messages=(message,), files={"f" * 64: b"png"})
    written = {"role": "user", "content": "what?", "images": [base64.b64encode(b"png").decode()]}
    assert body(request)["messages"] == [written]
    paper = file.model_copy(update={"name": "a.pdf", "media_type": "application/pdf"})
    with pytest.raises(BadModelRequest, match=r"ollama/qwen3: Ollama takes images only, and 'a\.pdf' is none"):
        body(request.model_copy(update={"messages": (message.model_copy(update={"attachments": (paper,)}),)}))


@pytest.mark.parametrize(
    ("name", "thinking", "written"),
    [
        ("qwen3", None, None),
        ("qwen3", "off", False),
        ("qwen3", "low", True),
        ("qwen3", "high", True),
        ("qwen3", 1_000, True),
        ("llama3.1", "high", None),
        ("llama3.1", "off", False),
        ("gpt-oss:20b", "off", "low"),
        ("gpt-oss:20b", "medium", "medium"),
        ("gpt-oss:20b", 2_048, "low"),
        ("gpt-oss:20b", 8_192, "medium"),
        ("gpt-oss:20b", 30_000, "high"),
    ],
)
def test_thinking_is_written_as_the_model_takes_it(
    name: str, thinking: ThinkingLevel | int | None, written: bool | str | None
) -> None:
    request = ModelRequest(messages=HELLO, thinking=thinking)
    assert body(request, ModelChoice("ollama", name)).get("think") == written


def test_a_form_of_the_answer_is_its_format() -> None:
    assert body(ModelRequest(messages=HELLO, response_schema=SCHEMA))["format"] == SCHEMA.json_schema


def test_tools_that_must_not_be_called_are_not_offered() -> None:
    request = ModelRequest(messages=HELLO, tools=(LIST,), tool_choice="none", response_schema=SCHEMA)
    assert "tools" not in body(request)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"tool_choice": "required"}, "cannot make a model call a tool"),
        ({"tool_choice": OneTool(name="ls")}, "cannot make a model call a tool"),
        ({"response_schema": SCHEMA}, "only possible without tools"),
    ],
)
def test_what_ollama_cannot_do_is_refused(changed: dict[str, Any], sentence: str) -> None:
    request = ModelRequest(messages=HELLO, tools=(LIST,)).model_copy(update=changed)
    with pytest.raises(BadModelRequest, match=sentence):
        body(request)


# --- answers --------------------------------------------------------------------------------------------------------


def read(*lines: dict[str, Any], choice: ModelChoice = QWEN) -> tuple[list[ModelDelta], ModelReply]:
    answer = OllamaChat().begin_answer(choice)
    deltas = []
    for line in lines:
        assert not answer.is_over
        delta = answer.add(WireEvent("message", json.dumps(line)))
        deltas += [delta] if delta else []
    assert answer.is_over
    assert answer.is_whole
    return deltas, answer.reply()


def piece(**message: Any) -> dict[str, Any]:
    return {"model": "qwen3", "message": {"role": "assistant", "content": ""} | message, "done": False}


DONE = {
    "model": "qwen3",
    "message": {"role": "assistant", "content": ""},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 26,
    "eval_count": 5,
}


def test_text_and_thinking_arrive_apart() -> None:
    deltas, reply = read(piece(thinking="Hm. "), piece(thinking="So."), piece(content="Hel"), piece(content="lo"), DONE)
    assert deltas == [
        ModelDelta(reasoning="Hm. "),
        ModelDelta(reasoning="So."),
        ModelDelta(text="Hel"),
        ModelDelta(text="lo"),
    ]
    assert reply == ModelReply(
        text="Hello", reasoning="Hm. So.", model="qwen3", usage=ModelUsage(input_tokens=26, output_tokens=5)
    )


def test_calls_get_ids_where_ollama_gives_none_and_keep_their_order() -> None:
    _, reply = read(
        piece(tool_calls=[{"function": {"name": "a", "arguments": {"é": [1]}}}]),
        piece(
            tool_calls=[
                {"id": "call_2", "function": {"name": "b", "arguments": {}}},
                {"function": {"name": "c"}},
                {"id": "call_2", "function": {"name": "d", "arguments": '{"x": 1}'}},
            ]
        ),
        DONE,
    )
    assert reply.calls == (
        ToolCall(id="call_1", name="a", arguments='{"é": [1]}'),
        ToolCall(id="call_2", name="b", arguments="{}"),
        ToolCall(id="call_3", name="c", arguments="{}"),
        ToolCall(id="call_4", name="d", arguments='{"x": 1}'),
    )
    assert reply.finish_reason == "tool_calls"


def test_thoughts_before_calls_go_back_to_the_same_model_only() -> None:
    _, reply = read(piece(thinking="I list."), piece(tool_calls=[{"function": {"name": "ls", "arguments": {}}}]), DONE)
    kept = OpaquePart(adapter="ollama_chat", model="ollama/qwen3", value={"thinking": "I list."})
    assert reply.opaque == kept
    called = ChatMessage(role="assistant", calls=(CALL,), opaque=kept)

    def thought(message: ChatMessage, choice: ModelChoice = QWEN) -> object:
        return body(ModelRequest(messages=(message,)), choice)["messages"][0].get("thinking")

    assert thought(called) == "I list."
    assert thought(called, ModelChoice("ollama", "llama3.1")) is None
    for other in (
        kept.model_copy(update={"adapter": "openai_chat"}),
        kept.model_copy(update={"value": "I list."}),
        kept.model_copy(update={"value": {"thinking": 7}}),
    ):
        assert thought(called.model_copy(update={"opaque": other})) is None


@pytest.mark.parametrize(
    ("reason", "finish"), [("stop", "stop"), ("length", "length"), ("odd", "stop"), (None, "stop")]
)
def test_why_an_answer_ended_is_told(reason: str | None, finish: str) -> None:
    _, reply = read(piece(content="Hello"), DONE | {"done_reason": reason})
    assert reply.finish_reason == finish


def test_odd_counts_and_parts_do_not_lose_an_answer() -> None:
    last = {"done": True, "prompt_eval_count": -3, "eval_count": "many", "message": None}
    odd = [None, 7, {"function": None}, {"function": {"name": 1, "arguments": None}}]
    _, reply = read({"message": {"content": None, "tool_calls": odd}}, piece(content="Hello", tool_calls={}), last)
    assert (reply.text, reply.usage, reply.model) == ("Hello", ModelUsage(), "qwen3")
    assert reply.calls == (ToolCall(id="call_1", name="", arguments="{}"),)


def test_a_failure_in_the_stream_is_told_in_ollamas_words() -> None:
    answer = OllamaChat().begin_answer(QWEN)
    answer.add(WireEvent("message", json.dumps(piece(content="Hel"))))
    with pytest.raises(ProviderFault) as caught:
        answer.add(WireEvent("message", '{"error": "model runner has unexpectedly stopped"}'))
    assert caught.value == ProviderFault("model runner has unexpectedly stopped", None)
    assert not answer.is_whole
    with pytest.raises(ProviderFault) as caught:
        answer.add(WireEvent("message", '{"error": {"message": "unauthorized"}, "status_code": 401}'))
    assert caught.value == ProviderFault("unauthorized", 401)


@pytest.mark.parametrize("line", ["<html>", "[]", '"text"', "[" * 100_000, '{"a"'])
def test_a_line_that_is_no_object_is_a_broken_answer(line: str) -> None:
    with pytest.raises(ModelUnavailable, match="a line of the answer is no JSON object"):
        OllamaChat().begin_answer(QWEN).add(WireEvent("message", line))


# --- through the engine, at a server that refuses what Ollama refuses -----------------------------------------------


async def ask(stub: StubLlm, request: ModelRequest, name: str = "qwen3") -> list[ModelDelta | ModelReply]:
    chooser = ModelChooser(SystemClock(), {"OLLAMA_HOST": stub.ollama_url})
    try:
        return [piece async for piece in chooser.model_for(ModelChoice("ollama", name)).stream(request)]
    finally:
        await chooser.close()


async def test_an_agent_thinks_calls_and_answers_over_the_wire() -> None:
    call = ToolCall(id="", name="ls", arguments='{"path": "é"}')
    request = ModelRequest(messages=HELLO, tools=(LIST,), window_tokens=16_384, thinking="high")
    with StubLlm() as stub:
        stub.script(ProviderAnswer("Let me see.", reasoning="I list.", calls=(call, call)), "Two files.")
        *deltas, first = await ask(stub, request)
        assert isinstance(first, ModelReply)
        assert "".join(delta.text for delta in deltas if isinstance(delta, ModelDelta)) == "Let me see."
        assert (first.reasoning, [each.id for each in first.calls]) == ("I list.", ["call_1", "call_2"])
        assert first.finish_reason == "tool_calls"
        assert first.usage.input_tokens > 0
        answered = (
            ChatMessage(role="assistant", content=first.text, calls=first.calls, opaque=first.opaque),
            *(ChatMessage(role="tool", call_id=each.id, content="a.txt") for each in first.calls),
        )
        *_, second = await ask(stub, request.model_copy(update={"messages": HELLO + answered}))
        assert isinstance(second, ModelReply)
        assert (second.text, second.finish_reason, second.cost_usd) == ("Two files.", "stop", None)
        asked = stub.requests[1].body
        assert asked["messages"][1]["thinking"] == "I list."
        assert [message.get("tool_name") for message in asked["messages"]] == [None, None, "ls", "ls"]
        assert (asked["options"], asked["think"]) == ({"num_ctx": 16_384}, True)


@pytest.mark.parametrize(
    ("behaviour", "kind", "sentence"),
    [
        (Failure(404, "model 'qwen3' not found"), BadModelRequest, "`ollama pull qwen3`"),
        (Failure(500, "model requires more system memory (9 GiB) than is available"), BadModelRequest, "max_input_tok"),
        (Failure(500, "llama runner process has terminated"), ModelUnavailable, "has terminated"),
        (Failure(503, "server busy, please try again"), ModelUnavailable, "server busy"),
        (Failure(401, "unauthorized"), AuthenticationFailed, "unauthorized"),
        (ProviderAnswer("one two", cut_after_chunks=1, cut="error"), ModelUnavailable, "told to fail in the middle"),
        (ProviderAnswer("one two", cut_after_chunks=1, cut="end"), ModelUnavailable, "broke off"),
        (ProviderAnswer("one two", cut_after_chunks=1, cut="break"), ModelUnavailable, "broke"),
    ],
)
async def test_what_fails_is_told_with_what_to_do(behaviour: Behaviour, kind: type, sentence: str) -> None:
    with StubLlm() as stub:
        stub.script(behaviour)
        with pytest.raises(ModelError, match=sentence) as caught:
            await ask(stub, ModelRequest(messages=HELLO))
        assert type(caught.value) is kind
