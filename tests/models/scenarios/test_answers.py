"""Answers over real HTTP, in each protocol, asked directly and through litellm: the same for the user."""

from duragent.models.messages import ChatMessage, ModelReply, ModelRequest, ModelUsage, ToolCall, ToolSchema
from duragent.testing.stub_llm import ProviderAnswer
from tests.models.scenarios.doors import HELLO, MODELS, Door, ask

LS = ToolSchema(name="ls", description="Lists files.", parameters={"type": "object", "properties": {}})
CALL = ToolCall(id="call_1", name="ls", arguments='{"path": "."}')


async def test_model_streams_text_and_reports_usage_and_cost(door: Door) -> None:
    cached = 0 if (door.provider, door.adapter) == ("ollama", "direct") else 400
    usage = ModelUsage(input_tokens=1000, output_tokens=30, cached_input_tokens=cached)
    door.stub.script(ProviderAnswer("one two three", usage=usage))
    _, reply = await ask(door.model)
    assert reply == ModelReply(text="one two three", model=MODELS[door.provider], usage=usage, cost_usd=reply.cost_usd)
    if door.provider != "ollama":
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
    assert "You are brief." in str(door.asked["system"] if door.provider == "anthropic" else door.asked["messages"][0])
    assert door.option("temperature") == 0.5
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


async def test_model_passes_the_output_limit_and_gives_anthropic_one_of_4096_when_there_is_none(door: Door) -> None:
    await ask(door.model, HELLO.model_copy(update={"max_output_tokens": 77}))
    assert door.option("max_tokens") == 77
    await ask(door.model)
    assert door.option("max_tokens") == (4096 if door.provider == "anthropic" else None)


async def test_model_says_length_when_the_limit_cut_the_answer(door: Door) -> None:
    door.stub.script(ProviderAnswer("one two", finish_reason="length"))
    _, reply = await ask(door.model)
    assert reply.finish_reason == "length"
