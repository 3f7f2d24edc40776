"""Tools as text: what the model is told, what comes back, and one exchange over the wire."""

import asyncio
import json

import pytest

from duragent.errors import ModelUnavailable
from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.models.messages import ModelDelta, ModelReply, OpaquePart
from duragent.models.text_tools.model import TextTools
from duragent.testing.scripted import Line, ScriptedModel
from duragent.testing.stub_llm import ProviderAnswer, StubLlm
from tests.models.text_tools.asking import CALL, LS_CALL, ask, request, says


async def test_calls_are_taken_out_of_the_text() -> None:
    inner = ScriptedModel(
        [Line(f"I look.\n\n{CALL}\n{CALL}\n", chunks=("I lo", "ok.\n\n<to", CALL[3:], f"\n{CALL}\n"))]
    )
    deltas, reply = await ask(TextTools(inner), request(says("user", "go")))
    again = LS_CALL.model_copy(update={"id": "call_2"})
    assert (reply.text, reply.calls, reply.finish_reason) == ("I look.", (LS_CALL, again), "tool_calls")
    assert [delta.text for delta in deltas] == ["I lo", "ok."]
    assert inner.requests[0].tools == ()


async def test_reasoning_usage_and_native_calls_pass_through() -> None:
    native = ModelReply(text=CALL, reasoning="hm", calls=(LS_CALL,), finish_reason="length", model="m", cost_usd=0.5)
    _, reply = await ask(TextTools(ScriptedModel([native])), request(says("user", "go")))
    second = LS_CALL.model_copy(update={"id": "call_2"})
    assert reply == native.model_copy(update={"text": "", "calls": (LS_CALL, second), "finish_reason": "tool_calls"})


async def test_what_a_provider_wants_back_is_left_out() -> None:
    signed = ModelReply(text=CALL, opaque=OpaquePart(adapter="a", value=["signed"]))
    _, reply = await ask(TextTools(ScriptedModel([signed])), request(says("user", "go")))
    assert (reply.calls, reply.opaque) == ((LS_CALL,), None)


async def test_call_that_was_cut_at_the_length_is_not_completed() -> None:
    cut = ModelReply(text=CALL.removesuffix("}</tool_call>"), finish_reason="length")
    _, reply = await ask(TextTools(ScriptedModel([cut])), request(says("user", "go")))
    assert [call.arguments for call in reply.calls] == [cut.text.removeprefix("<tool_call>")]


async def test_answer_without_calls_stays_as_it_is() -> None:
    text = "Hello,\n\n```json\n{}\n```\n\n"
    _, reply = await ask(TextTools(ScriptedModel([text])), request(says("user", "go")))
    assert (reply.text, reply.calls, reply.finish_reason) == (text, (), "stop")


async def test_json_from_a_tool_result_is_not_run() -> None:
    quoted = '{"name": "ls", "arguments": {}}'
    asked = request(says("user", "go"), says("assistant", "", LS_CALL), says("tool", f"x {quoted}", call_id="call_1"))
    _, reply = await ask(TextTools(ScriptedModel([quoted])), asked)
    assert (reply.text, reply.calls) == (quoted, ())


async def test_broken_stream_raises_and_closing_ends_the_inner_one() -> None:
    broken = ScriptedModel([Line(f"a {CALL}", error=ModelUnavailable("gone"))])
    with pytest.raises(ModelUnavailable, match="gone"):
        await ask(TextTools(broken), request(says("user", "go")))
    left = ScriptedModel([Line("one two three", gate=asyncio.Event(), gate_after_chunks=1)])
    stream = TextTools(left).stream(request(says("user", "go")))
    assert await anext(stream) == ModelDelta(text="one")
    await stream.aclose()
    assert left.abandoned == 1


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_one_exchange_over_the_wire(provider: str) -> None:
    with StubLlm() as stub:
        url = stub.anthropic_url if provider == "anthropic" else stub.openai_url
        environ = {"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2"}
        model = TextTools(LitellmModel(ModelChoice(provider, "small", url), environ))
        stub.script(ProviderAnswer(f"I look.\n\n{CALL}"), ProviderAnswer("There is a.txt."))
        first = [says("system", "Be brief."), says("user", "What is here?")]
        _, reply = await ask(model, request(*first))
        assert (reply.text, reply.calls, reply.finish_reason) == ("I look.", (LS_CALL,), "tool_calls")
        result = says("tool", "a.txt", call_id=reply.calls[0].id)
        _, answer = await ask(model, request(*first, says("assistant", reply.text, *reply.calls), result))
        assert (answer.text, answer.calls, answer.finish_reason) == ("There is a.txt.", (), "stop")
        assert len(stub.requests) == 2
        for asked in stub.requests:
            assert not {"tools", "functions", "tool_choice"} & set(asked.body)
            assert "tool_calls" not in json.dumps(asked.body)
        assert stub.requests[1].last_message == '<tool_result name="ls" call="1">\na.txt\n</tool_result>'
