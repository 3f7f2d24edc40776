"""Whatever was said in a session, each provider takes the request: the rules of the stub, without a server."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duragent.errors import BadModelRequest
from duragent.models.base import ModelChoice
from duragent.models.direct.dialects import dialect_of
from duragent.models.messages import ChatMessage, ModelRequest, OneTool, OpaquePart, ToolCall, ToolSchema
from duragent.testing.provider_protocols import protocol_at
from duragent.text import without_surrogates

CHOICES = (
    ModelChoice("openai", "gpt-4o-mini"),
    ModelChoice("openai", "gpt-5-mini"),
    ModelChoice("openai", "any", "http://127.0.0.1:8000/v1"),
    ModelChoice("openai", "mistral-large-latest", "https://api.mistral.ai/v1"),
    ModelChoice("openai", "mistral-small", "http://127.0.0.1:8000/v1"),
    ModelChoice("openrouter", "anthropic/claude-sonnet-4.5"),
    ModelChoice("gemini", "gemini-3-pro-preview"),
    ModelChoice("gemini", "gemini-2.5-flash"),
    ModelChoice("anthropic", "claude-sonnet-4-5"),
    ModelChoice("anthropic", "claude-opus-4-7"),
    ModelChoice("ollama", "qwen3", "http://127.0.0.1:11434"),
)
ANSWER = ChatMessage(role="assistant", content="done")
TAIL = "Answer in metres. ⟂"
LS = ToolSchema(name="ls", description="Lists.", parameters={"type": "object", "properties": {}})
TEXTS = st.sampled_from(["", " ", "\n\n", "hi", "a\ud800b", "Grüße 🎉", "<note>", "x" * 300]) | st.text(max_size=20)
ARGUMENTS = st.sampled_from(["{}", "", "{", "[]", "null", '{"a": 1}', '{"a": "\udc80"}', '"x"', "NaN", '{"a": 1e999}'])
IDS = st.sampled_from(["call_01KAB", "x", "toolu_01", "a:b/c d", "abcDEF123", "é", "same", "x" * 80])
OPAQUE = st.none() | st.builds(
    OpaquePart,
    adapter=st.sampled_from(["openai_chat", "anthropic_messages", "ollama_chat", "litellm"]),
    model=st.just("other/model"),
    value=st.sampled_from([None, {}, [], "x", {"blocks": [{"type": "thinking", "thinking": "x", "signature": "y"}]}]),
)


@st.composite
def turns(draw: st.DrawFn) -> list[ChatMessage]:
    """What a person says, what the model answers, the calls in between, each with its result."""
    said = [ChatMessage(role="user", content=draw(TEXTS)) for _ in range(draw(st.integers(1, 2)))]
    for _ in range(draw(st.integers(0, 2))):
        ids = draw(st.lists(IDS, max_size=3, unique=True))
        calls = tuple(ToolCall(id=each, name="ls", arguments=draw(ARGUMENTS)) for each in ids)
        said.append(ChatMessage(role="assistant", content=draw(TEXTS), calls=calls, opaque=draw(OPAQUE)))
        said += [ChatMessage(role="tool", call_id=call.id, content=draw(TEXTS)) for call in calls]
        if draw(st.booleans()):
            said.append(ChatMessage(role="user", content=draw(TEXTS)))
    return said


@st.composite
def requests(draw: st.DrawFn) -> ModelRequest:
    """The last message is a person's or a result, as in every question of a turn."""
    system = [ChatMessage(role="system", content=draw(TEXTS))] * draw(st.integers(0, 1))
    said = [message for turn in draw(st.lists(turns(), min_size=1, max_size=3)) for message in turn]
    while said[-1].role == "assistant":
        said.pop()
    messages = (*system, *said)
    return ModelRequest(
        messages=messages,
        tools=draw(st.sampled_from([(), (LS,)])),
        tail=draw(st.sampled_from(["", TAIL])),
        temperature=draw(st.sampled_from([None, 0.0, 0.7])),
        max_output_tokens=draw(st.sampled_from([None, 100, 8192])),
        thinking=draw(st.sampled_from([None, "off", "low", "high", 1, 2048, 100_000])),
        tool_choice=draw(st.sampled_from(["auto", "none"])),
        cache_points=tuple(sorted(draw(st.sets(st.integers(0, len(messages) - 1), max_size=4)))),
    )


def refusal(choice: ModelChoice, request: ModelRequest) -> Any:
    dialect = dialect_of(choice)
    assert dialect is not None
    try:
        asked = dialect.written(choice, "k", request)
    except BadModelRequest as error:
        # Two settings that contradict each other are told; what was said is no reason.
        return None if "max_output_tokens" in str(error) else error
    protocol = protocol_at(asked.path if "/" in asked.path.strip("/") else f"/v1{asked.path}")
    assert protocol is not None
    # As the engine sends it.
    body = json.loads(without_surrogates(json.dumps(asked.body, ensure_ascii=False, allow_nan=False)))
    return protocol.refuse(body, {name.lower(): value for name, value in asked.headers.items()})


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: f"{choice.label}{'@local' if choice.base_url else ''}")
@settings(max_examples=150, deadline=None, derandomize=True)
@given(request=requests())
def test_provider_takes_every_conversation(choice: ModelChoice, request: ModelRequest) -> None:
    assert refusal(choice, request) is None


@pytest.mark.parametrize("choice", CHOICES[:-1], ids=lambda choice: choice.label)
@pytest.mark.parametrize("tool_choice", ["required", OneTool(name="ls")], ids=["required", "one"])
@pytest.mark.parametrize("thinking", [None, "off", "high", 4096])
def test_provider_takes_a_call_that_is_demanded(choice: ModelChoice, tool_choice: Any, thinking: Any) -> None:
    asked = ModelRequest(
        messages=(ChatMessage(role="user", content="list"),), tools=(LS,), tool_choice=tool_choice, thinking=thinking
    )
    assert refusal(choice, asked) is None


# --- the tail -------------------------------------------------------------------------------------------------------


def conversation(choice: ModelChoice, request: ModelRequest) -> list[dict[str, Any]]:
    """The messages as they are sent, without marks for the cache."""
    dialect = dialect_of(choice)
    assert dialect is not None
    body: Any = json.loads(json.dumps(dialect.written(choice, "k", request).body["messages"]))
    return [_without_marks(message) for message in body]


def _without_marks(value: Any) -> Any:
    """Marks may move, and a text that has none may stand there without being a part."""
    if isinstance(value, list):
        parts = [_without_marks(each) for each in value]
        return parts[0]["text"] if len(parts) == 1 and set(parts[0]) == {"type", "text"} else parts
    if isinstance(value, dict):
        return {name: _without_marks(each) for name, each in value.items() if name != "cache_control"}
    return value


def marked_texts(value: Any) -> list[str]:
    """The texts up to which the provider is to remember."""
    if isinstance(value, list):
        return [text for each in value for text in marked_texts(each)]
    if not isinstance(value, dict):
        return []
    own = [json.dumps(value, ensure_ascii=False)] if "cache_control" in value else []
    return own + [text for each in value.values() for text in marked_texts(each)]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: f"{choice.label}{'@local' if choice.base_url else ''}")
@settings(max_examples=100, deadline=None, derandomize=True)
@given(request=requests())
def test_what_stands_before_the_tail_is_the_same_without_it(choice: ModelChoice, request: ModelRequest) -> None:
    request = request.model_copy(update={"thinking": None, "tail": TAIL, "max_output_tokens": None})
    with_tail = conversation(choice, request)
    later = request.model_copy(update={"tail": "", "messages": (*request.messages, ANSWER)})
    plain = conversation(choice, later)
    assert with_tail[:-1] == plain[: len(with_tail) - 1]
    said, next_time = with_tail[-1]["content"], plain[len(with_tail) - 1]["content"]
    if said == TAIL:
        return
    if isinstance(said, str):
        before, _, behind = said.partition(TAIL)
        # It is at one end; a message without words becomes another one, which real ones never are.
        assert "" in (before, behind)
        assert " ".join((before + behind).split()) == " ".join(next_time.removeprefix("…").split())
    else:
        assert [part for part in said if part.get("text", "").startswith(TAIL)]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: f"{choice.label}{'@local' if choice.base_url else ''}")
@settings(max_examples=100, deadline=None, derandomize=True)
@given(request=requests())
def test_no_mark_covers_the_tail(choice: ModelChoice, request: ModelRequest) -> None:
    dialect = dialect_of(choice)
    assert dialect is not None
    request = request.model_copy(update={"thinking": None, "tail": TAIL, "max_output_tokens": None})
    sent: Any = dialect.written(choice, "k", request).body["messages"]
    assert [text for text in marked_texts(sent) if TAIL in text] == []
