"""The dialect of Anthropic's Messages: addresses, keys, fields of the request."""

from typing import Any

import pytest

from duragent.models.base import ModelChoice
from duragent.models.direct.anthropic_messages import AnthropicMessages, closed
from duragent.models.direct.dialects import dialect_of
from duragent.models.messages import ChatMessage, ModelRequest, ResponseSchema
from tests.models.direct.anthropic.asking import SIGNED, body, called, opaque, result, user

HELLO = ModelRequest(messages=(ChatMessage(role="user", content="hello"),))


def test_anthropic_is_asked_in_this_dialect() -> None:
    dialect = dialect_of(ModelChoice("anthropic", "claude-sonnet-4-5"))
    assert dialect is not None
    assert (dialect.name, dialect.framing) == ("anthropic_messages", "sse")
    assert dialect_of(ModelChoice("anthropic", "claude-sonnet-4-5", adapter="litellm")) is None


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com"),
        ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com"),
        ("http://localhost:8080/anthropic/", "http://localhost:8080/anthropic"),
    ],
)
def test_address_may_be_written_with_and_without_its_version(base_url: str, origin: str) -> None:
    assert AnthropicMessages().url(base_url) == origin


def headers(
    base_url: str | None, key: str | None, request: ModelRequest = HELLO, *, name: str = "claude-opus-5-5"
) -> dict[str, str]:
    choice = ModelChoice("anthropic", name, base_url)
    return dict(AnthropicMessages().written(choice, key, request).headers)


def test_key_is_sent_as_the_server_wants_it() -> None:
    version = {"anthropic-version": "2023-06-01"}
    assert headers(None, "k") == headers("https://api.anthropic.com/v1", "k") == {**version, "x-api-key": "k"}
    assert headers("http://h", "k") == {**version, "x-api-key": "k", "Authorization": "Bearer k"}
    assert headers("http://h", None) == version


def test_key_is_not_in_what_a_request_says_of_itself() -> None:
    written = AnthropicMessages().written(ModelChoice("anthropic", "claude", "http://h"), "sk-secret", HELLO)
    assert "sk-secret" not in repr(written)


def test_controls_of_earlier_thinking_are_asked_for_with_their_header() -> None:
    messages = (user("list"), called(opaque(SIGNED, name="claude-opus-5-5")), result())
    beta = headers(None, "k", ModelRequest(messages=messages))["anthropic-beta"]
    assert beta == "thinking-binding-controls-2026-08-01"
    assert "anthropic-beta" not in headers(None, "k")


def test_anthropic_is_told_that_older_models_may_think_between_two_calls() -> None:
    thinking = HELLO.model_copy(update={"thinking": "low"})
    older = "claude-sonnet-4-5"
    assert headers(None, "k", thinking, name=older)["anthropic-beta"] == "interleaved-thinking-2025-05-14"
    for others in (headers(None, "k", name=older), headers("http://h", "k", thinking, name=older)):
        assert "anthropic-beta" not in others
    assert "anthropic-beta" not in headers(None, "k", thinking, name="claude-opus-4-7")


def test_request_has_what_is_asked_for_and_nothing_else() -> None:
    written = AnthropicMessages().written(ModelChoice("anthropic", "claude-sonnet-4-5"), "k", HELLO)
    assert written.path == "/v1/messages"
    assert written.body == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "stream": True,
    }


def test_tools_are_described_and_offered() -> None:
    assert body(user("hi"))["tools"] == [
        {"name": "ls", "description": "Lists files.", "input_schema": {"type": "object", "properties": {}}}
    ]


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {}}}, "b": {"type": "string"}},
}


def test_form_of_an_answer_is_asked_for_with_every_object_closed() -> None:
    form = ResponseSchema(name="answer", json_schema=SCHEMA)
    inner = {"additionalProperties": False, "type": "object", "properties": {}}
    assert body(user("hi"), response_schema=form)["output_config"] == {
        "format": {
            "type": "json_schema",
            "schema": {
                "additionalProperties": False,
                "type": "object",
                "properties": {"a": {"type": "array", "items": inner}, "b": {"type": "string"}},
            },
        }
    }
    assert closed({"type": "object", "additionalProperties": True})["additionalProperties"] is True
