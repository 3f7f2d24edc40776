"""A request in Chat Completions: what is left out, added and spelled otherwise for each server."""

import json
from typing import Any

import pytest

from duragent.models.base import ModelChoice
from duragent.models.direct.openai_chat import OpenAiChat
from duragent.models.messages import ChatMessage, ModelRequest, OneTool, ResponseSchema, ToolSchema

ASKED = (ChatMessage(role="user", content="hello"),)
LS = ToolSchema(name="ls", description="Lists.", parameters={"type": "object", "properties": {}})

OPENAI = ModelChoice("openai", "gpt-4o-mini")
GPT5 = ModelChoice("openai", "gpt-5")
OPENROUTER = ModelChoice("openrouter", "openai/gpt-4o")
GEMINI = ModelChoice("gemini", "gemini-2.5-flash")
DEEPSEEK = ModelChoice("openai", "deepseek-chat", "https://api.deepseek.com")
MISTRAL = ModelChoice("openai", "mistral-small-latest", "https://api.mistral.ai/v1")
LOCAL = ModelChoice("openai", "qwen3", "http://127.0.0.1:8000/v1")


def body(choice: ModelChoice, **asked: Any) -> dict[str, Any]:
    """Without what every request has."""
    written = dict(OpenAiChat().written(choice, "k", ModelRequest(messages=ASKED, **asked)).body)
    assert (written.pop("model"), written.pop("stream")) == (choice.name, True)
    assert written.pop("messages") == [{"role": "user", "content": "hello"}]
    return written


def test_request_with_its_key() -> None:
    written = OpenAiChat().written(OPENAI, "k", ModelRequest(messages=ASKED))
    assert (written.path, written.headers) == ("/chat/completions", {"Authorization": "Bearer k"})
    assert OpenAiChat().written(OPENAI, None, ModelRequest(messages=ASKED)).headers == {}
    assert "Bearer" not in repr(written)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (OPENAI, {"stream_options": {"include_usage": True}}),
        (OPENROUTER, {"stream_options": {"include_usage": True}, "usage": {"include": True}}),
        (MISTRAL, {}),
    ],
)
def test_usage_is_asked_for_where_it_can_be(choice: ModelChoice, expected: object) -> None:
    assert body(choice) == expected


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (OPENAI, "max_completion_tokens"),
        (ModelChoice("openai", "o3", "http://gateway:4000"), "max_completion_tokens"),
        (OPENROUTER, "max_tokens"),
        (GEMINI, "max_tokens"),
        (MISTRAL, "max_tokens"),
        (LOCAL, "max_tokens"),
    ],
)
def test_limit_of_the_answer_in_the_field_that_the_server_knows(choice: ModelChoice, name: str) -> None:
    asked = body(choice, max_output_tokens=7)
    assert {field: value for field, value in asked.items() if field.startswith("max")} == {name: 7}


@pytest.mark.parametrize(
    ("choice", "thinking", "is_sent"),
    [(OPENAI, None, True), (GPT5, None, False), (ModelChoice("openai", "gpt-5-chat-latest"), None, True),
     (ModelChoice("openai", "gpt-5.1"), "off", True), (ModelChoice("openai", "o3"), "low", False)],
)  # fmt: skip
def test_temperature_is_left_out_where_the_model_refuses_it(
    choice: ModelChoice, thinking: str | None, is_sent: bool
) -> None:
    assert ("temperature" in body(choice, temperature=0.5, thinking=thinking)) is is_sent


def test_tools_and_the_choice_among_them() -> None:
    tool = {"type": "function", "function": {"name": "ls", "description": "Lists.", "parameters": LS.parameters}}
    assert body(OPENAI, tools=(LS,))["tools"] == [tool]
    assert "tool_choice" not in body(OPENAI, tools=(LS,))
    assert body(OPENAI, tools=(LS,), tool_choice="required")["tool_choice"] == "required"
    one = body(OPENAI, tools=(LS,), tool_choice=OneTool(name="ls"))["tool_choice"]
    assert one == {"type": "function", "function": {"name": "ls"}}
    assert body(OPENAI, tool_choice="required").keys() == {"stream_options"}


# --- the form of the answer -----------------------------------------------------------------------------------------

_CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "is_strict"),
    [
        (_CLOSED, True),
        (_CLOSED | {"properties": {"a": _CLOSED}}, True),
        (_CLOSED | {"properties": {"a": {"type": "array", "items": _CLOSED}}}, True),
        (_CLOSED | {"properties": {"a": {"anyOf": [{"type": "object"}, {"type": "null"}]}}}, False),
        (_CLOSED | {"required": []}, False),
        ({"type": "object", "properties": {}}, False),
    ],
)
def test_schema_is_strict_where_it_can_be(schema: dict[str, Any], is_strict: bool) -> None:
    asked = body(OPENAI, response_schema=ResponseSchema(name="form", json_schema=schema))
    form = {"name": "form", "schema": schema, "strict": is_strict}
    assert asked["response_format"] == {"type": "json_schema", "json_schema": form}


def test_server_that_knows_no_schemas_reads_it_in_the_system_message() -> None:
    form = ResponseSchema(name="form", json_schema=_CLOSED)
    said = f"Answer with one JSON object that fits this JSON schema:\n{json.dumps(_CLOSED)}"
    for before, after in (("", said), ("Be brief.", f"Be brief.\n\n{said}")):
        messages = (ChatMessage(role="system", content=before), *ASKED)
        asked = OpenAiChat().written(DEEPSEEK, "k", ModelRequest(messages=messages, response_schema=form)).body
        assert asked["response_format"] == {"type": "json_object"}
        assert asked["messages"] == [{"role": "system", "content": after}, {"role": "user", "content": "hello"}]


# --- thinking -------------------------------------------------------------------------------------------------------


def thinking(choice: ModelChoice, asked: object) -> dict[str, Any]:
    return {
        name: value for name, value in body(choice, thinking=asked).items() if name not in ("stream_options", "usage")
    }


@pytest.mark.parametrize(
    ("choice", "off", "low", "budget"),
    [
        (GPT5, {"reasoning_effort": "minimal"}, {"reasoning_effort": "low"}, {"reasoning_effort": "medium"}),
        (
            ModelChoice("openai", "gpt-5.1"),
            {"reasoning_effort": "none"}, {"reasoning_effort": "low"}, {"reasoning_effort": "medium"},
        ),
        (
            ModelChoice("openrouter", "anthropic/claude-sonnet-4.5"),
            {"reasoning": {"effort": "none"}}, {"reasoning": {"effort": "low"}}, {"reasoning": {"max_tokens": 8000}},
        ),
        (
            GEMINI,
            {"reasoning_effort": "none"},
            {"reasoning_effort": "low"},
            {"extra_body": {"google": {"thinking_config": {"thinking_budget": 8000}}}},
        ),
        (
            DEEPSEEK,
            {"thinking": {"type": "disabled"}},
            {"thinking": {"type": "enabled"}, "reasoning_effort": "low"},
            {"thinking": {"type": "enabled"}, "reasoning_effort": "medium"},
        ),
        (MISTRAL, {"reasoning_effort": "none"}, {"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        (
            LOCAL,
            {"chat_template_kwargs": {"enable_thinking": False}},
            {"reasoning_effort": "low"}, {"reasoning_effort": "medium"},
        ),
        (
            ModelChoice("openai", "qwen/qwen3-32b", "https://api.groq.com"),
            {"reasoning_effort": "none"}, {"reasoning_effort": "default"}, {"reasoning_effort": "default"},
        ),
        (
            ModelChoice("openai", "openai/gpt-oss-20b", "https://api.groq.com"),
            {"reasoning_effort": "low"}, {"reasoning_effort": "low"}, {"reasoning_effort": "medium"},
        ),
        (OPENAI, {}, {}, {}),
    ],
)  # fmt: skip
def test_thinking_as_each_server_is_told(choice: ModelChoice, off: object, low: object, budget: object) -> None:
    assert thinking(choice, None) == {}
    assert (thinking(choice, "off"), thinking(choice, "low"), thinking(choice, 8000)) == (off, low, budget)


def test_gemini_that_always_thinks_is_asked_for_the_least() -> None:
    assert thinking(ModelChoice("gemini", "gemini-2.5-pro"), "off") == {"reasoning_effort": "low"}


@pytest.mark.parametrize(("name", "effort"), [("gpt-5.6-terra", "none"), ("gpt-5.4", "none"), ("gpt-5.1", "high")])
def test_openai_that_refuses_tools_to_a_model_that_thinks_gets_it_without(name: str, effort: str) -> None:
    asked = body(ModelChoice("openai", name), tools=(LS,), thinking="high", temperature=0.5)
    assert (asked["reasoning_effort"], asked.get("temperature")) == (effort, 0.5 if effort == "none" else None)
    assert body(ModelChoice("openai", name), thinking="high")["reasoning_effort"] == "high"


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/chat/completions", "http://127.0.0.1:8000/v1"),
        ("https://gateway.example/llm/openai", "https://gateway.example/llm/openai"),
        ("https://openrouter.ai", "https://openrouter.ai/api/v1"),
        ("https://openrouter.ai/api", "https://openrouter.ai/api/v1"),
        ("https://api.groq.com/", "https://api.groq.com/openai/v1"),
        ("https://generativelanguage.googleapis.com/v1beta", "https://generativelanguage.googleapis.com/v1beta/openai"),
        ("https://me.openai.azure.com/openai/v1/?api-version=x", "https://me.openai.azure.com/openai/v1"),
    ],
)
def test_address_as_people_write_it(written: str, url: str) -> None:
    assert OpenAiChat().url(written) == url


def test_query_of_the_address_stays() -> None:
    choice = ModelChoice("openai", "gpt-4o", "https://me.openai.azure.com/openai/v1/?api-version=x")
    assert OpenAiChat().written(choice, None, ModelRequest(messages=ASKED)).path == "/chat/completions?api-version=x"
