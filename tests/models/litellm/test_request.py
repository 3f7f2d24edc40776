"""How a request is written for litellm: the model's name, the address, the marks for caches."""

import asyncio
from typing import Any

import pytest

from duragent.errors import ModelNotConfigured
from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.models.litellm.request import litellm_arguments
from duragent.models.messages import (
    AttachedFile,
    ChatMessage,
    ModelRequest,
    OneTool,
    ResponseSchema,
    ThinkingLevel,
    ToolCall,
    ToolSchema,
)
from duragent.testing.stub_llm import StubLlm
from tests.models.litellm.asking import HELLO, ask
from tests.support.bounds import LIMIT_SECONDS


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("openrouter", "OPENROUTER_API_KEY"),
        ("gemini", "GEMINI_API_KEY"),
    ],
)
async def test_missing_key_is_named_before_anything_is_loaded(provider: str, variable: str) -> None:
    model = LitellmModel(ModelChoice(provider, "m", "https://example.com"), {variable: "  "})
    with pytest.raises(ModelNotConfigured, match=variable):
        await ask(model)


def test_request_is_one_attempt_with_usage() -> None:
    arguments = litellm_arguments(ModelChoice("anthropic", "claude", "http://h/v1"), "k", HELLO)
    assert arguments == {
        "model": "anthropic/claude",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "num_retries": 0,
        "max_retries": 0,
        "timeout": 600.0,
        "api_key": "k",
        "api_base": "http://h",
        "max_tokens": 4096,
    }


@pytest.mark.parametrize(
    ("name", "thinking", "written"),
    [
        ("magistral-medium-latest", "high", {"reasoning_effort": "high"}),
        ("magistral-medium-latest", "off", {"reasoning_effort": "none"}),
        ("magistral-medium-latest", 3_000, {"reasoning_effort": "medium"}),
        ("magistral-medium-latest", None, {}),
        ("codestral-latest", "off", {}),
        ("codestral-latest", "high", {}),
        ("a-model-of-tomorrow", "off", {}),
        ("a-model-of-tomorrow", "high", {"reasoning_effort": "high"}),
        ("claude-sonnet-4-5", 3_000, {"thinking": {"type": "enabled", "budget_tokens": 3_000}}),
    ],
)
def test_thinking_is_asked_for_as_litellm_wants_it(
    name: str, thinking: ThinkingLevel | int | None, written: dict[str, Any]
) -> None:
    request = HELLO.model_copy(update={"thinking": thinking})
    arguments = litellm_arguments(ModelChoice("mistral", name), "k", request)
    assert {part: arguments[part] for part in ("reasoning_effort", "thinking") if part in arguments} == written


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        ("auto", {"tools": 1}),
        ("none", {}),
        ("required", {"tools": 1, "tool_choice": "required"}),
        (OneTool(name="ls"), {"tools": 1, "tool_choice": {"type": "function", "function": {"name": "ls"}}}),
    ],
)
def test_the_choice_of_a_tool_is_told(choice: Any, written: dict[str, Any]) -> None:
    arguments = litellm_arguments(ModelChoice("mistral", "m"), "k", REQUEST.model_copy(update={"tool_choice": choice}))
    told = {part: arguments[part] for part in ("tools", "tool_choice") if part in arguments}
    assert told == written | ({"tools": arguments["tools"]} if "tools" in written else {})


def test_the_form_of_the_answer_is_told() -> None:
    schema = ResponseSchema(name="n", json_schema={"type": "object"})
    arguments = litellm_arguments(
        ModelChoice("mistral", "m"), "k", HELLO.model_copy(update={"response_schema": schema})
    )
    assert arguments["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object"}},
    }


def test_neighbours_of_one_role_are_one_message_because_some_providers_refuse_them() -> None:
    note = ModelRequest(messages=(ChatMessage(role="user", content="[now]"), *HELLO.messages))
    assert litellm_arguments(ModelChoice("mistral", "m"), "k", note)["messages"] == [
        {"role": "user", "content": "[now]\n\nhello"}
    ]


MARK = {"type": "ephemeral"}
CALL = ToolCall(id="call_1", name="ls", arguments="{}")
REQUEST = ModelRequest(
    messages=(
        ChatMessage(role="system", content="You are brief."),
        ChatMessage(role="user", content="list"),
        ChatMessage(role="assistant", calls=(CALL,)),
        ChatMessage(role="tool", call_id="call_1", content="a.txt"),
        ChatMessage(role="assistant", content="a.txt"),
        ChatMessage(role="user", content="again"),
    ),
    tools=(ToolSchema(name="ls", description="Lists.", parameters={"type": "object", "properties": {}}),),
    cache_points=(0, 3, 5),
)


async def body_of(provider: str, name: str) -> dict[str, Any]:
    with StubLlm() as stub:
        url = stub.anthropic_url if provider == "anthropic" else stub.openai_url
        model = LitellmModel(ModelChoice(provider, name, url), {f"{provider.upper()}_API_KEY": "k"})
        async with asyncio.timeout(LIMIT_SECONDS):
            async for _ in model.stream(REQUEST):
                pass
        return stub.requests[-1].body


def marked(value: object) -> list[object]:
    """The blocks that carry a mark, in order."""
    if isinstance(value, dict):
        here = [value] if value.get("cache_control") == MARK else []
        return here + [each for inner in value.values() for each in marked(inner)]
    return [each for inner in value for each in marked(inner)] if isinstance(value, list) else []


async def test_anthropic_is_told_at_each_cache_point() -> None:
    body = await body_of("anthropic", "claude-sonnet-4-5")
    assert [block["text"] for block in marked(body["system"])] == ["You are brief."]  # type: ignore[index]  # JSON
    result, again = marked(body["messages"])
    assert isinstance(result, dict)
    assert isinstance(again, dict)
    assert (result["type"], result["tool_use_id"], again["text"]) == ("tool_result", "call_1", "again")


async def test_other_providers_are_not_told() -> None:
    assert marked(await body_of("openai", "gpt-4o-mini")) == []


@pytest.mark.parametrize(("name", "marks"), [("anthropic/claude-sonnet-4.5", 3), ("openai/gpt-4o", 0)])
def test_openrouter_is_told_for_claude(name: str, marks: int) -> None:
    assert len(marked(litellm_arguments(ModelChoice("openrouter", name), "k", REQUEST)["messages"])) == marks


def test_at_most_four_marks_are_sent() -> None:
    many = REQUEST.model_copy(update={"cache_points": (0, 1, 3, 4, 5)})
    assert len(marked(litellm_arguments(ModelChoice("anthropic", "claude"), "k", many)["messages"])) == 4


# --- files ----------------------------------------------------------------------------------------------------------

PNG = AttachedFile(name="a.png", media_type="image/png", sha256="1" * 64, size_bytes=3)
PDF = AttachedFile(name="b.pdf", media_type="application/pdf", sha256="2" * 64, size_bytes=3)
BYTES = {PNG.sha256: b"png", PDF.sha256: b"pdf"}
PNG_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}}
PDF_PART = {"type": "file", "file": {"filename": "b.pdf", "file_data": "data:application/pdf;base64,cGRm"}}


def _written(*messages: ChatMessage, provider: str = "openai", cache_points: tuple[int, ...] = ()) -> Any:
    request = ModelRequest(messages=messages, files=BYTES, cache_points=cache_points)
    return litellm_arguments(ModelChoice(provider, "m"), None, request)["messages"]


def test_files_of_a_message_stand_behind_its_text() -> None:
    [message] = _written(ChatMessage(role="user", content="look", attachments=(PNG, PDF)))
    assert message == {"role": "user", "content": [{"type": "text", "text": "look"}, PNG_PART, PDF_PART]}
    [wordless] = _written(ChatMessage(role="user", attachments=(PNG,)))
    assert wordless["content"] == [PNG_PART], "a provider refuses a text that is empty"


def test_files_of_results_come_behind_the_last_result_of_their_round() -> None:
    calls = tuple(ToolCall(id=each, name="read_file", arguments="{}") for each in ("c1", "c2"))
    written = _written(
        ChatMessage(role="user", content="look"),
        ChatMessage(role="assistant", calls=calls),
        ChatMessage(role="tool", content="one", call_id="c1", attachments=(PNG,)),
        ChatMessage(role="tool", content="two", call_id="c2", attachments=(PDF,)),
        ChatMessage(role="assistant", content="I see"),
    )
    assert [message["role"] for message in written] == ["user", "assistant", "tool", "tool", "user", "assistant"]
    assert written[4]["content"][1:] == [PNG_PART, PDF_PART]


@pytest.mark.parametrize("behind", [None, ChatMessage(role="user", content="and?", attachments=(PDF,))])
def test_files_of_results_never_make_two_messages_of_one_role(behind: ChatMessage | None) -> None:
    call = ToolCall(id="c1", name="read_file", arguments="{}")
    written = _written(
        ChatMessage(role="user", content="look"),
        ChatMessage(role="assistant", calls=(call,)),
        ChatMessage(role="tool", content="one", call_id="c1", attachments=(PNG,)),
        *([behind] if behind else []),
    )
    assert [message["role"] for message in written] == ["user", "assistant", "tool", "user"]
    also = [{"type": "text", "text": "and?"}, PDF_PART] if behind else []
    assert written[3]["content"][1:] == [PNG_PART, *also]


def test_a_message_with_files_can_be_marked_for_the_cache() -> None:
    [message] = _written(
        ChatMessage(role="user", content="look", attachments=(PNG,)), provider="anthropic", cache_points=(0,)
    )
    assert message["content"] == [{"type": "text", "text": "look"}, PNG_PART | {"cache_control": {"type": "ephemeral"}}]
