"""Each kind of request that we send, read by the types of the openai and anthropic packages: they know all of it."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import pytest
from pydantic import TypeAdapter

from duragent.models.base import ModelChoice
from duragent.models.direct.dialects import dialect_of
from duragent.models.messages import (
    AttachedFile,
    ChatMessage,
    ModelRequest,
    OneTool,
    OpaquePart,
    ResponseSchema,
    ToolCall,
    ToolSchema,
)
from duragent.testing.provider_protocols import protocol_at
from duragent.testing.signatures import sealed, signature

PNG, PDF = b"\x89PNG\r\n\x1a\n" + bytes(8), b"%PDF-1.4\n"
FILES = {sha256(content).hexdigest(): content for content in (PNG, PDF)}
IMAGE, DOCUMENT = (
    AttachedFile(name=name, media_type=kind, sha256=sha256(content).hexdigest(), size_bytes=len(content))
    for name, kind, content in (("a.png", "image/png", PNG), ("a.pdf", "application/pdf", PDF))
)
SCHEMA = {
    "type": "object",
    "properties": {"path": {"type": "string", "description": "Where."}},
    "required": ["path"],
    "additionalProperties": False,
}
LS, CAT = (ToolSchema(name=name, description=f"Runs {name}.", parameters=SCHEMA) for name in ("ls", "cat"))
CALLS = tuple(ToolCall(id=f"call_01K{at}", name="ls", arguments='{"path": "."}') for at in (1, 2))
SYSTEM = ChatMessage(role="system", content="You are brief.")


def user(text: str, *files: AttachedFile) -> ChatMessage:
    return ChatMessage(role="user", content=text, attachments=files)


def turn(opaque: OpaquePart | None = None, text: str = "") -> tuple[ChatMessage, ...]:
    """An assistant that calls twice, and the results."""
    results = (ChatMessage(role="tool", call_id=call.id, content=f"a{call.id}") for call in CALLS)
    return ChatMessage(role="assistant", content=text, calls=CALLS, opaque=opaque), *results


def opaque(choice: ModelChoice) -> OpaquePart | None:
    """What the provider wants back with a message that thought."""
    if choice.provider == "anthropic":
        thought = {"type": "thinking", "thinking": "hm", "signature": signature(choice.name, "hm")}
        hidden = {"type": "redacted_thinking", "data": sealed(choice.name, "secret")}
        return OpaquePart(adapter="anthropic_messages", model=choice.label, value={"blocks": [thought, hidden]})
    return None


REQUESTS: Mapping[str, dict[str, Any]] = {
    "words": {"messages": (user("hello"),)},
    "system": {"messages": (SYSTEM, user("hello"), ChatMessage(role="assistant", content="hi"), user("and?"))},
    "neighbours": {"messages": (SYSTEM, user("one"), user("two"), *turn(), user("three"), user("four"))},
    "limits": {"messages": (user("hello"),), "max_output_tokens": 4096, "temperature": 0.5},
    "calls": {"messages": (user("list"), *turn(text="I look.")), "tools": (LS, CAT)},
    "calls without tools": {"messages": (user("list"), *turn())},
    "must call": {"messages": (user("list"),), "tools": (LS, CAT), "tool_choice": "required"},
    "must not call": {"messages": (user("list"),), "tools": (LS, CAT), "tool_choice": "none"},
    "must call one": {"messages": (user("list"),), "tools": (LS, CAT), "tool_choice": OneTool(name="cat")},
    "form": {"messages": (user("hello"),), "response_schema": ResponseSchema(name="answer", json_schema=SCHEMA)},
    "files": {"messages": (user("look", IMAGE, DOCUMENT), ChatMessage(role="assistant", content="I see."), user("?"))},
    "file of a result": {"messages": (user("list"), turn()[0], turn()[1].model_copy(
        update={"attachments": (IMAGE,)}), turn()[2]), "tools": (LS,)},
    "cache": {"messages": (SYSTEM, user("list"), *turn(), user("again")), "tools": (LS,), "cache_points": (0, 3, 5)},
    "nothing said": {"messages": (user("list"), ChatMessage(role="assistant", content=""), user("go on"))},
    "broken arguments": {"messages": (user("list"), ChatMessage(role="assistant", calls=(
        CALLS[0].model_copy(update={"arguments": '{"pa'}),)), turn()[1]), "tools": (LS,)},
    **{f"thinks {level}": {"messages": (user("list"),), "thinking": level, "tools": (LS,), "temperature": 0.5}
       for level in ("off", "low", "medium", "high", 2048)},
}  # fmt: skip
CHOICES = (
    *(ModelChoice("openai", name) for name in ("gpt-4o-mini", "gpt-5-mini", "o3", "any")),
    *(ModelChoice("anthropic", name) for name in ("claude-3-5-haiku-latest", "claude-sonnet-4-5", "claude-opus-4-6")),
)


def body_of(choice: ModelChoice, request: ModelRequest) -> dict[str, Any]:
    dialect = dialect_of(choice)
    assert dialect is not None
    asked = dialect.written(choice, "k", request)
    protocol = protocol_at(f"/v1{asked.path}")
    assert protocol is not None
    headers = {name.lower(): value for name, value in asked.headers.items()}
    refusal = protocol.refuse(asked.body, headers)
    assert refusal is None, refusal
    return dict(asked.body)


def typed(choice: ModelChoice) -> TypeAdapter[Any]:
    """What the provider's own package takes for a streamed request."""
    if choice.provider == "anthropic":
        types = pytest.importorskip("anthropic.types.message_create_params")
        return TypeAdapter(types.MessageCreateParamsStreaming)
    types = pytest.importorskip("openai.types.chat.completion_create_params")
    return TypeAdapter(types.CompletionCreateParamsStreaming)


def plain(value: Any) -> Any:
    """The parsed request as JSON again; it is read to its ends, where iterables wait to be."""
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return value if isinstance(value, str | bytes) or not isinstance(value, Iterator | list | tuple) else [
        plain(each) for each in value
    ]  # fmt: skip


@pytest.fixture(scope="module")
def parsers() -> dict[str, TypeAdapter[Any]]:
    return {provider: typed(ModelChoice(provider, "m")) for provider in ("openai", "anthropic")}


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.label)
@pytest.mark.parametrize("kind", list(REQUESTS))
def test_request_is_one_of_the_providers_own_types(
    kind: str, choice: ModelChoice, parsers: dict[str, TypeAdapter[Any]]
) -> None:
    body = body_of(choice, ModelRequest(**REQUESTS[kind], files=FILES))
    if choice.provider == "anthropic":
        assert 0 <= body.pop("temperature", 0) <= 1, "the newest package has forgotten what only older models take"
    assert plain(parsers[choice.provider].validate_python(body)) == body


@pytest.mark.parametrize("name", ["claude-3-7-sonnet-latest", "claude-sonnet-4-5"])
def test_request_that_gives_thinking_back_is_one_too(name: str, parsers: dict[str, TypeAdapter[Any]]) -> None:
    choice = ModelChoice("anthropic", name)
    messages = (user("list"), *turn(opaque(choice)))
    body = body_of(choice, ModelRequest(messages=messages, tools=(LS,), thinking="low", files=FILES))
    assert [block["type"] for block in body["messages"][1]["content"]] == [
        "thinking", "redacted_thinking", "tool_use", "tool_use",
    ]  # fmt: skip
    assert plain(parsers["anthropic"].validate_python(body)) == body
