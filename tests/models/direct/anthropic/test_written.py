"""The conversation as Messages wants it."""

import json
from typing import Any

import pytest

from duragent.models.messages import AttachedFile, ChatMessage, ToolCall
from tests.models.direct.anthropic.asking import CALL, REDACTED, SIGNED, SONNET, body, called, opaque, result, user

MARK = {"cache_control": {"type": "ephemeral"}}
PNG = AttachedFile(name="dot.png", media_type="image/png", sha256="a" * 64, size_bytes=3)
PDF = AttachedFile(name="bill.pdf", media_type="application/pdf", sha256="b" * 64, size_bytes=3)
FILES = {PNG.sha256: b"png", PDF.sha256: b"pdf"}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def use(call_id: str = "toolu_1", name: str = "ls", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def answer(said: str, call_id: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": said}


def messages(*said: ChatMessage, **fields: Any) -> list[tuple[str, list[dict[str, Any]]]]:
    return [(message["role"], message["content"]) for message in body(*said, **fields)["messages"]]


def call(call_id: str, name: str = "ls", arguments: str = "{}") -> ToolCall:
    return ToolCall(id=call_id, name=name, arguments=arguments)


def calling(*calls: ToolCall) -> ChatMessage:
    return ChatMessage(role="assistant", calls=calls)


def test_conversation_alternates_and_results_come_first() -> None:
    said = messages(
        ChatMessage(role="system", content="Be brief."),
        user("list"),
        user("please"),
        called(text="I look."),
        result(),
        user("and?"),
        ChatMessage(role="assistant", content="a.txt"),
        ChatMessage(role="assistant", content="That is all."),
        user("again"),
    )
    assert said == [
        ("user", [text("list"), text("please")]),
        ("assistant", [text("I look."), use(path=".")]),
        ("user", [answer("a.txt"), text("and?")]),
        ("assistant", [text("a.txt")]),
        ("user", [text("…")]),
        ("assistant", [text("That is all.")]),
        ("user", [text("again")]),
    ]


def test_thinking_stays_in_front_behind_an_answer_that_was_interrupted() -> None:
    begun = (user("list"), ChatMessage(role="assistant", content="I beg"))
    asked = body(*begun, thinking=2048)
    again = body(*begun, called(opaque(SIGNED)), result(), thinking=2048)
    assert again["messages"][:-2] == asked["messages"]
    assert again["messages"][-2]["content"] == [SIGNED, use(path=".")]
    assert asked["thinking"] == again["thinking"] == {"type": "enabled", "budget_tokens": 2048}


def test_system_message_has_a_field_of_its_own_and_is_left_out_when_blank() -> None:
    assert body(ChatMessage(role="system", content="Be brief."), user("hi"))["system"] == [text("Be brief.")]
    assert "system" not in body(ChatMessage(role="system", content=" \n"), user("hi"))


def test_blank_texts_are_left_out() -> None:
    said = messages(
        user("hi"), ChatMessage(role="assistant", content=" \n"), user(""), user("go"), called(text=" "), result("")
    )
    assert said == [
        ("user", [text("hi"), text("go")]),
        ("assistant", [use(path=".")]),
        ("user", [{"type": "tool_result", "tool_use_id": "toolu_1"}]),
    ]


@pytest.mark.parametrize("said", [(), (ChatMessage(role="assistant", content="Hello."),), (user(" "),)])
def test_a_person_always_speaks_first(said: tuple[ChatMessage, ...]) -> None:
    assert messages(*said)[0] == ("user", [text("…")])


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("", {}),
        ('{"a": ', {}),
        ("[1]", {}),
        ('{"a": NaN}', {}),
        ("[" * 100_000, {}),
        ('{"a": ' + "9" * 5000 + "}", {}),
    ],
)
def test_arguments_are_an_object_whatever_was_written(arguments: str, written: dict[str, Any]) -> None:
    said = messages(user("go"), calling(call("toolu_1", arguments=arguments)), result())
    assert said[1] == ("assistant", [{"type": "tool_use", "id": "toolu_1", "name": "ls", "input": written}])


def test_ids_of_other_providers_are_written_in_letters_that_are_taken_each_once() -> None:
    said = messages(
        user("go"),
        calling(call("functions.ls:0"), call("")),
        result("one", "functions.ls:0"),
        result("two", ""),
        calling(call("call_1"), call("call_1")),
        result("three", "call_1"),
        result("four", "call_1"),
        calling(call("functions.ls:0")),
        result("five", "functions.ls:0"),
    )
    ids = [block["id"] for _, blocks in said for block in blocks if block["type"] == "tool_use"]
    answered = [
        (block["tool_use_id"], block["content"])
        for _, blocks in said
        for block in blocks
        if block["type"] == "tool_result"
    ]
    assert ids == ["functions_ls_0", "call", "call_1", "call_1_2", "functions_ls_0_2"]
    assert answered == list(zip(ids, ["one", "two", "three", "four", "five"], strict=True))


def test_names_that_a_model_made_up_are_written_in_letters_that_are_taken() -> None:
    said = messages(user("go"), calling(call("a", "list files!"), call("b", "")), result("", "a"), result("", "b"))
    assert [block["name"] for block in said[1][1]] == ["list_files_", "unnamed"]


def test_tools_that_were_called_are_described_although_none_is_offered() -> None:
    written = body(user("go"), called(), result(), tools=())
    assert written["tools"] == [{"name": "ls", "input_schema": {"type": "object"}}]
    assert written["tool_choice"] == {"type": "none"}
    assert "tools" not in body(user("go"), tools=())


# --- files ----------------------------------------------------------------------------------------------------------


def test_images_and_documents_stand_behind_the_text() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"}}
    source = {"type": "base64", "media_type": "application/pdf", "data": "cGRm"}
    document = {"type": "document", "source": source, "title": "bill.pdf"}
    said = messages(
        ChatMessage(role="user", content="What is it?", attachments=(PNG, PDF)),
        called(),
        ChatMessage(role="tool", call_id="toolu_1", content="a dot", attachments=(PNG,)),
        files=FILES,
    )
    assert said[0] == ("user", [text("What is it?"), image, document])
    assert said[2] == ("user", [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [text("a dot"), image]}])


# --- marks for the cache --------------------------------------------------------------------------------------------


def test_cache_is_told_at_each_point() -> None:
    conversation = (
        ChatMessage(role="system", content="Be brief."),
        user("list"),
        called(opaque(SIGNED)),
        result(),
        user("again"),
        user("now"),
    )
    written = body(*conversation, thinking="low", cache_points=(0, 2, 3, 4))
    assert written["system"] == [text("Be brief.") | MARK]
    assert [message["content"] for message in written["messages"]] == [
        [text("list")],
        [SIGNED, use(path=".") | MARK],
        [answer("a.txt") | MARK, text("again") | MARK, text("now")],
    ]


def test_at_most_four_marks_are_sent_and_the_last_ones_count() -> None:
    said = [user(str(number)) for number in range(6)]
    written = body(*said, cache_points=(0, 1, 2, 3, 4, 5))
    assert [("cache_control" in block) for block in written["messages"][0]["content"]] == [False, False, *[True] * 4]


# --- what is given back ---------------------------------------------------------------------------------------------


def test_thinking_is_given_back_unchanged_and_first() -> None:
    extra = SIGNED | {"a_field_of_tomorrow": [1]}
    said = messages(user("list"), called(opaque(extra, REDACTED), text="I look."), result(), thinking="low")
    assert said[1] == ("assistant", [extra, REDACTED, text("I look."), use(path=".")])


def test_thinking_between_two_texts_is_given_back_where_it_stood() -> None:
    kept = opaque(SIGNED, {"type": "text", "length": 7}, REDACTED, {"type": "tool_use"}, SIGNED)
    said = messages(user("list"), called(kept, text="I look.Now."), result(), thinking="low")
    assert said[1] == ("assistant", [SIGNED, text("I look."), REDACTED, use(path="."), SIGNED, text("Now.")])


def test_thinking_at_the_end_is_left_out() -> None:
    kept = opaque(SIGNED, {"type": "text", "length": 5}, {"type": "tool_use"}, {"type": "tool_use"}, REDACTED)
    done = ChatMessage(role="assistant", content="done.", opaque=kept)
    assert messages(user("list"), done, user("go"), thinking="low")[1] == ("assistant", [SIGNED, text("done.")])


def test_thinking_of_another_adapter_or_model_is_dropped() -> None:
    for kept in (opaque(SIGNED, name="claude-opus-4-1"), opaque(SIGNED, adapter="litellm")):
        done = ChatMessage(role="assistant", content="done", opaque=kept)
        assert messages(user("list"), done, user("go"), thinking="low")[1] == ("assistant", [text("done")])


@pytest.mark.parametrize("value", [None, [], "x", {}, {"blocks": None}, {"blocks": [None, 7, {}, {"type": "text"}]}])
def test_what_cannot_be_read_is_dropped(value: Any) -> None:
    kept = opaque().model_copy(update={"value": value})
    done = ChatMessage(role="assistant", content="done", opaque=kept)
    assert messages(user("list"), done, user("go"))[1] == ("assistant", [text("done")])


@pytest.mark.parametrize(
    ("name", "thinking", "is_given_back"),
    [
        (SONNET, "low", True),
        (SONNET, None, False),
        (SONNET, "off", False),
        ("claude-opus-4-7", None, False),
        ("claude-opus-5", None, True),
        ("claude-opus-5", "off", False),
        ("claude-opus-5-5", "off", True),
        ("kimi-k2", None, True),
    ],
)
def test_thinking_is_given_back_to_models_that_think(name: str, thinking: Any, is_given_back: bool) -> None:
    said = messages(user("list"), called(opaque(SIGNED, name=name)), result(), name=name, thinking=thinking)
    assert said[1] == ("assistant", [*([SIGNED] if is_given_back else []), use(path=".")])


def test_request_is_valid_json_in_the_order_of_the_protocol() -> None:
    written = body(user("list"), called(opaque(SIGNED)), result(), thinking="low", name=SONNET)
    assert json.loads(json.dumps(written)) == written
    assert CALL.id in json.dumps(written)


@pytest.mark.parametrize("text", ["", " \n"])
def test_newest_message_without_text_is_there_all_the_same(text: str) -> None:
    hello = ChatMessage(role="assistant", content="hello")
    assert body(user("hi"), hello, user(text))["messages"][-1]["role"] == "user"
