"""The model that follows a script."""

import asyncio

import pytest

from duragent.errors import BadModelRequest, ModelUnavailable, RateLimited
from duragent.models.messages import ChatMessage, ModelDelta, ModelReply, ModelRequest, ModelUsage, ToolCall
from duragent.testing import Line, ScriptedModel, reply_from
from tests.support.bounds import LIMIT_SECONDS

ASK = ModelRequest(messages=(ChatMessage(role="user", content="hi"),))
CALL = ToolCall(id="c1", name="ls", arguments="{}")


async def play(model: ScriptedModel) -> list[ModelDelta | ModelReply]:
    return [piece async for piece in model.stream(ASK)]


async def test_text_is_streamed_word_by_word_and_then_replied() -> None:
    model = ScriptedModel(["one two"])
    reply = ModelReply(text="one two", model="scripted", usage=ModelUsage(input_tokens=1, output_tokens=2))
    assert await play(model) == [ModelDelta(text="one"), ModelDelta(text=" two"), reply]
    assert reply_from("one two") == reply
    assert model.requests == [ASK]


async def test_script_goes_through_replies_errors_and_functions_in_order() -> None:
    called = ModelReply(calls=(CALL,), finish_reason="tool_calls")
    model = ScriptedModel([called, RateLimited("slow", 3), lambda request: request.messages[0].content.upper()])
    assert await play(model) == [called]
    with pytest.raises(RateLimited):
        await play(model)
    assert (await play(model))[0] == ModelDelta(text="HI")
    assert len(model.requests) == 3


async def test_script_that_is_over_fails_the_request_for_good_or_answers_otherwise() -> None:
    with pytest.raises(BadModelRequest, match="script is over"):
        await play(ScriptedModel())
    assert await play(ScriptedModel(otherwise="again")) == [ModelDelta(text="again"), reply_from("again")]


async def test_line_breaks_after_its_chunks() -> None:
    model = ScriptedModel([Line("abc", chunks=("a", "bc"), error=ModelUnavailable("broken"))])
    stream = model.stream(ASK)
    assert [await anext(stream), await anext(stream)] == [ModelDelta(text="a"), ModelDelta(text="bc")]
    with pytest.raises(ModelUnavailable):
        await anext(stream)


async def test_gate_holds_the_answer_until_the_test_opens_it() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([Line("one two", gate=gate, gate_after_chunks=1)])
    stream = model.stream(ASK)
    async with asyncio.timeout(LIMIT_SECONDS):
        assert await anext(stream) == ModelDelta(text="one")
        rest = asyncio.ensure_future(anext(stream))
        await model.asked()
        assert not rest.done()
        gate.set()
        assert await rest == ModelDelta(text=" two")
        await stream.aclose()
    assert model.abandoned == 1
