"""A conversation as Chat Completions has it, for each server."""

import base64
from typing import Any

import pytest

from duragent.errors import BadModelRequest
from duragent.models.base import ModelChoice
from duragent.models.direct.openai_chat import OpenAiChat
from duragent.models.messages import AttachedFile, ChatMessage, ModelRequest, OpaquePart, ToolCall

OPENAI = ModelChoice("openai", "gpt-4o-mini")
OPENROUTER = ModelChoice("openrouter", "anthropic/claude-sonnet-4.5")
GEMINI = ModelChoice("gemini", "gemini-3-pro")
DEEPSEEK = ModelChoice("openai", "deepseek-chat", "https://api.deepseek.com")
MISTRAL = ModelChoice("openai", "mistral-small-latest", "https://api.mistral.ai/v1")
VLLM = ModelChoice("openai", "qwen3", "http://127.0.0.1:8000/v1")

SYSTEM = ChatMessage(role="system", content="Be brief.")
CALL, OTHER = (ToolCall(id=name, name="ls", arguments="{}") for name in ("call_1", "call_2"))
CALLS = ChatMessage(role="assistant", calls=(CALL, OTHER))
RESULTS = (
    ChatMessage(role="tool", call_id="call_1", content="a"),
    ChatMessage(role="tool", call_id="call_2", content="b"),
)
PNG, PDF = (
    AttachedFile(name=name, media_type=media_type, sha256=name, size_bytes=3)
    for name, media_type in (("a.png", "image/png"), ("b.pdf", "application/pdf"))
)
DATA = base64.b64encode(b"abc").decode()
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}


def user(text: str, *files: AttachedFile) -> ChatMessage:
    return ChatMessage(role="user", content=text, attachments=files)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def written(*messages: ChatMessage, choice: ModelChoice = OPENAI, cache_points: tuple[int, ...] = ()) -> Any:
    request = ModelRequest(messages=messages, cache_points=cache_points, files={PNG.sha256: b"abc", PDF.sha256: b"abc"})
    return OpenAiChat().written(choice, "k", request).body["messages"]


def call(call_id: str, **more: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "ls", "arguments": "{}"}} | more


def test_a_conversation() -> None:
    assert written(SYSTEM, user("list"), CALLS, *RESULTS, ChatMessage(role="assistant", content="ab"), user("x")) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "list"},
        {"role": "assistant", "content": None, "tool_calls": [call("call_1"), call("call_2")]},
        {"role": "tool", "tool_call_id": "call_1", "content": "a"},
        {"role": "tool", "tool_call_id": "call_2", "content": "b"},
        {"role": "assistant", "content": "ab"},
        {"role": "user", "content": "x"},
    ]


def test_neighbours_are_one_message_and_an_empty_system_message_is_none() -> None:
    assert written(ChatMessage(role="system"), user("a"), user("b")) == [{"role": "user", "content": "a\n\nb"}]


@pytest.mark.parametrize("arguments", ["{", "[1]", '"a"', '{"a": NaN}', ""])
def test_malformed_arguments_do_not_fail_every_later_request(arguments: str) -> None:
    asked = ChatMessage(role="assistant", calls=(ToolCall(id="call_1", name="ls", arguments=arguments),))
    assert written(user("a"), asked, RESULTS[0])[1]["tool_calls"][0]["function"]["arguments"] == "{}"


# --- files ----------------------------------------------------------------------------------------------------------


def test_image_stands_behind_the_text() -> None:
    assert written(user("look", PNG)) == [{"role": "user", "content": [text("look"), IMAGE]}]
    assert written(user("", PNG)) == [{"role": "user", "content": [IMAGE]}]


@pytest.mark.parametrize(
    ("choice", "part"),
    [
        (OPENAI, {"type": "file", "file": {"filename": "b.pdf", "file_data": f"data:application/pdf;base64,{DATA}"}}),
        (GEMINI, {"type": "image_url", "image_url": {"url": f"data:application/pdf;base64,{DATA}"}}),
        (
            MISTRAL,
            {
                "type": "document_url",
                "document_url": f"data:application/pdf;base64,{DATA}",
                "document_name": "b.pdf",
            },
        ),
    ],
)
def test_pdf_is_sent_as_each_server_takes_it(choice: ModelChoice, part: object) -> None:
    assert written(user("read", PDF), choice=choice)[0]["content"] == [text("read"), part]


def test_pdf_that_the_server_does_not_take_is_refused_in_words() -> None:
    with pytest.raises(BadModelRequest, match=r"does not take files of type application/pdf: b\.pdf"):
        written(user("read", PDF), choice=DEEPSEEK)


def test_images_of_results_follow_in_a_message_of_the_user() -> None:
    results = (RESULTS[0].model_copy(update={"attachments": (PNG,)}), RESULTS[1])
    assert written(user("a"), CALLS, *results)[-1] == {
        "role": "user",
        "content": [text("Files from the results above:"), IMAGE],
    }
    assert written(user("a"), CALLS, *results, user("b"))[-1] == {"role": "user", "content": [text("b"), IMAGE]}
    answered = written(user("a"), CALLS, *results, ChatMessage(role="assistant", content="b"), user("c"))
    assert [message["role"] for message in answered][-3:] == ["user", "assistant", "user"]


def test_mistral_takes_images_in_results() -> None:
    result = RESULTS[0].model_copy(update={"attachments": (PNG,)})
    assert written(user("a"), CALLS, result, RESULTS[1], choice=MISTRAL)[2]["content"] == [text("a"), IMAGE]


# --- caches ---------------------------------------------------------------------------------------------------------


def test_claude_behind_openrouter_is_told_at_each_cache_point() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    messages = (SYSTEM, user("a"), CALLS, *RESULTS)
    told = written(*messages, choice=OPENROUTER, cache_points=(0, 1, 4))
    assert [message["content"] for message in told] == [
        [text("Be brief.") | mark],
        [text("a") | mark],
        None,
        "a",
        [text("b") | mark],
    ]
    assert written(*messages, cache_points=(0, 1, 4)) == written(*messages)


# --- Mistral --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [MISTRAL, ModelChoice("openrouter", "mistralai/devstral-small")])
def test_mistral_gets_ids_of_nine_letters_and_an_answer_between_result_and_user(choice: ModelChoice) -> None:
    told = written(user("a"), CALLS, *RESULTS, user("b"), user("c"), choice=choice)
    assert [message["role"] for message in told] == ["user", "assistant", "tool", "tool", "assistant", "user"]
    ids = [each["id"] for each in told[1]["tool_calls"]]
    assert ids == [message["tool_call_id"] for message in told[2:4]]
    assert len(set(ids)) == 2
    assert all(len(each) == 9 and each.isalnum() and each.isascii() for each in ids)


# --- given back -----------------------------------------------------------------------------------------------------


def opaque(choice: ModelChoice, value: object, adapter: str = "openai_chat") -> OpaquePart:
    return OpaquePart(adapter=adapter, model=choice.label, value=value)


def test_blocks_of_reasoning_go_back_with_the_ids_that_the_provider_gave() -> None:
    details = [{"type": "reasoning.encrypted", "data": "xyz", "id": "c9"}]
    value = {"reasoning_details": details, "call_ids": ["c9", "c8"]}
    told = written(
        user("a"), CALLS.model_copy(update={"opaque": opaque(OPENROUTER, value)}), *RESULTS, choice=OPENROUTER
    )
    assert told[1] == {
        "role": "assistant",
        "content": None,
        "reasoning_details": details,
        "tool_calls": [call("c9"), call("c8")],
    }
    assert [message["tool_call_id"] for message in told[2:]] == ["c9", "c8"]


def test_thought_signatures_go_back_with_their_calls() -> None:
    signed = {"extra_content": {"google": {"thought_signature": "s"}}}
    value = {"calls": [signed, None], "extra_content": {"google": {"thought_signature": "t"}}}
    told = written(user("a"), CALLS.model_copy(update={"opaque": opaque(GEMINI, value)}), *RESULTS, choice=GEMINI)
    assert told[1]["tool_calls"] == [call("call_1", **signed), call("call_2")]
    assert told[1]["extra_content"] == {"google": {"thought_signature": "t"}}


@pytest.mark.parametrize(("name", "is_said"), [("gemini-3-pro", True), ("gemini-2.5-flash", False)])
def test_gemini_is_told_which_calls_are_from_another_model(name: str, is_said: bool) -> None:
    first, second = written(user("a"), CALLS, *RESULTS, choice=ModelChoice("gemini", name))[1]["tool_calls"]
    assert ("extra_content" in first, "extra_content" in second) == (is_said, False)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_goes_back_in_the_field_that_it_came_in(name: str) -> None:
    asked = CALLS.model_copy(update={"opaque": opaque(VLLM, {name: "hm"})})
    assert written(user("a"), asked, *RESULTS, choice=VLLM)[1][name] == "hm"


def test_thinking_of_mistral_goes_back_as_a_part() -> None:
    asked = ChatMessage(role="assistant", content="b", opaque=opaque(MISTRAL, {"thinking": "hm"}))
    assert written(user("a"), asked, user("c"), choice=MISTRAL)[1]["content"] == [
        {"type": "thinking", "thinking": [text("hm")]},
        text("b"),
    ]


@pytest.mark.parametrize("choice", [DEEPSEEK, ModelChoice("openai", "deepseek-reasoner", "http://gateway:4000")])
def test_deepseek_has_reasoning_on_every_call_also_on_those_of_another_model(choice: ModelChoice) -> None:
    assert written(user("a"), CALLS, *RESULTS, choice=choice)[1]["reasoning_content"] == ""


@pytest.mark.parametrize(
    "part",
    [
        opaque(ModelChoice("openai", "other"), {"reasoning_content": "hm"}),
        opaque(VLLM, {"reasoning_content": "hm"}, adapter="anthropic_messages"),
        opaque(VLLM, ["reasoning_content"]),
        opaque(VLLM, {"call_ids": ["only one"], "calls": {}}),
    ],
)
def test_what_another_model_or_adapter_wrote_is_dropped(part: OpaquePart) -> None:
    asked = CALLS.model_copy(update={"opaque": part})
    assert written(user("a"), asked, *RESULTS, choice=VLLM) == written(user("a"), CALLS, *RESULTS, choice=VLLM)
