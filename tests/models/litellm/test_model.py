"""Answers of real providers' protocols through litellm: text, reasoning, calls, usage, price."""

import pytest

from duragent.errors import ModelNotConfigured, ModelUnavailable
from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.models.messages import ChatMessage, ModelReply, ModelRequest, ModelUsage, ToolCall, ToolSchema
from duragent.testing.stub_llm import ProviderAnswer, StubLlm
from tests.models.litellm.asking import ENVIRON, HELLO, Door, ask

LS = ToolSchema(name="ls", description="Lists files.", parameters={"type": "object", "properties": {}})
CALL = ToolCall(id="call_1", name="ls", arguments='{"path": "."}')


async def test_model_streams_text_and_reports_usage_and_cost(door: Door) -> None:
    door.stub.script(
        ProviderAnswer("one two three", usage=ModelUsage(input_tokens=1000, output_tokens=30, cached_input_tokens=400))
    )
    deltas, reply = await ask(door.model)
    assert "".join(delta.text for delta in deltas) == reply.text == "one two three"
    assert reply.usage == ModelUsage(input_tokens=1000, output_tokens=30, cached_input_tokens=400)
    assert reply.finish_reason == "stop"
    assert reply.model == ("claude-sonnet-4-5" if door.is_anthropic else "gpt-4o-mini")
    assert reply.cost_usd is not None
    assert 0 < reply.cost_usd < 0.01


async def test_model_keeps_reasoning_apart_from_text(door: Door) -> None:
    door.stub.script(ProviderAnswer("four", reasoning="two and two"))
    deltas, reply = await ask(door.model)
    assert (reply.text, reply.reasoning) == ("four", "two and two")
    assert "".join(delta.reasoning for delta in deltas) == "two and two"
    assert "".join(delta.text for delta in deltas) == "four"


async def test_model_gathers_several_tool_calls_with_their_raw_arguments(door: Door) -> None:
    second = ToolCall(id="call_2", name="ls", arguments="{}")
    door.stub.script(ProviderAnswer("I look.", calls=(CALL, second)))
    _, reply = await ask(door.model, HELLO.model_copy(update={"tools": (LS,)}))
    assert reply == ModelReply(
        text="I look.",
        calls=(CALL, second),
        finish_reason="tool_calls",
        model=reply.model,
        usage=reply.usage,
        cost_usd=reply.cost_usd,
    )


async def test_provider_accepts_a_history_with_calls_results_and_neighbouring_user_messages(door: Door) -> None:
    history = (
        ChatMessage(role="system", content="You are brief."),
        ChatMessage(role="user", content="list"),
        ChatMessage(role="user", content="please"),
        ChatMessage(role="assistant", calls=(CALL, ToolCall(id="call_2", name="ls", arguments='{"broken'))),
        ChatMessage(role="tool", call_id="call_1", content="a.txt"),
        ChatMessage(role="tool", call_id="call_2", content=""),
        ChatMessage(role="user", content="and now?"),
        ChatMessage(role="assistant", content=""),
        ChatMessage(role="user", content="go on"),
    )
    _, reply = await ask(door.model, ModelRequest(messages=history, tools=(LS,), temperature=0.5))
    assert reply.text.startswith("You said: ")
    assert "You are brief." in str(door.asked["system"] if door.is_anthropic else door.asked["messages"][0])
    assert door.asked["temperature"] == 0.5
    assert [tool.get("name") or tool["function"]["name"] for tool in door.asked["tools"]] == ["ls"]


async def test_provider_accepts_a_history_with_calls_when_there_are_no_tools_any_more(door: Door) -> None:
    history = (
        ChatMessage(role="user", content="list"),
        ChatMessage(role="assistant", content="I look.", calls=(CALL,)),
        ChatMessage(role="tool", call_id="call_1", content="a.txt"),
    )
    _, reply = await ask(door.model, ModelRequest(messages=history))
    assert reply.text


async def test_model_replaces_lone_surrogates_and_keeps_all_other_unicode(door: Door) -> None:
    door.stub.script(ProviderAnswer("Grüße 🎉 漢字 ."))
    bad = ToolCall(id="call_1", name="ls", arguments='{"a": "\udc80"}')
    history = (
        ChatMessage(role="user", content="a\ud800b 🎉"),
        ChatMessage(role="assistant", calls=(bad,)),
        ChatMessage(role="tool", call_id="call_1", content="\udfff"),
    )
    tool = LS.model_copy(update={"description": "Lists\ud83d."})
    _, reply = await ask(door.model, ModelRequest(messages=history, tools=(tool,)))
    assert reply.text == "Grüße 🎉 漢字 ."
    assert "🎉" in str(door.asked["messages"][0])
    str(door.asked).encode("utf-8")


async def test_line_separator_in_an_answer_is_text_or_a_broken_stream_but_never_lost(door: Door) -> None:
    # httpx, which litellm reads Anthropic's events with, takes U+2028 for the end of a line.
    door.stub.script(ProviderAnswer("one \u2028 two"))
    if door.is_anthropic:
        with pytest.raises(ModelUnavailable):
            await ask(door.model)
    else:
        assert (await ask(door.model))[1].text == "one \u2028 two"


async def test_model_passes_the_output_limit_and_gives_anthropic_one_of_4096_when_there_is_none(door: Door) -> None:
    await ask(door.model, HELLO.model_copy(update={"max_output_tokens": 77}))
    assert door.asked["max_tokens"] == 77
    await ask(door.model)
    assert door.asked.get("max_tokens") == (4096 if door.is_anthropic else None)


async def test_model_says_length_when_the_limit_cut_the_answer(door: Door) -> None:
    door.stub.script(ProviderAnswer("one two", finish_reason="length"))
    _, reply = await ask(door.model)
    assert reply.finish_reason == "length"


async def test_cost_is_none_when_the_table_does_not_know_the_model() -> None:
    with StubLlm() as stub:
        _, reply = await ask(LitellmModel(ModelChoice("openai", "my-own-model", stub.openai_url), ENVIRON))
    assert reply.cost_usd is None
    assert reply.usage == ModelUsage(input_tokens=10, output_tokens=3)


@pytest.mark.parametrize("suffix", ["", "/v1", "/v1/"])
async def test_ollama_is_asked_through_its_openai_door_without_a_key_and_without_a_price(suffix: str) -> None:
    with StubLlm() as stub:
        model = LitellmModel(ModelChoice("ollama", "llama3", stub.url + suffix), {})
        _, reply = await ask(model, HELLO.model_copy(update={"tools": (LS,)}))
        assert stub.requests[0].path == "/v1/chat/completions"
    assert model.label == "ollama/llama3"
    assert (reply.text, reply.cost_usd) == ("You said: hello", None)


async def test_openrouter_keeps_the_vendor_in_the_model_name() -> None:
    with StubLlm() as stub:
        await ask(LitellmModel(ModelChoice("openrouter", "vendor/some-model", stub.openai_url), {}))
        assert stub.requests[0].body["model"] == "vendor/some-model"


async def test_unknown_provider_is_model_not_configured() -> None:
    with pytest.raises(ModelNotConfigured, match="no provider 'nosuch'"):
        await ask(LitellmModel(ModelChoice("nosuch", "x"), {}))
