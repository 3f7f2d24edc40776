"""What litellm streams, gathered into one reply."""

from types import SimpleNamespace
from typing import Any

import pytest

from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.models.litellm.reply import Gathering
from duragent.models.messages import ModelDelta, ModelReply, ModelUsage, ToolCall
from duragent.testing.stub_llm import ProviderAnswer, StubLlm
from tests.models.litellm.asking import ENVIRON, ask_for_text
from tests.models.litellm.gemini import Gemini


@pytest.mark.parametrize("provider", ["openai", "openrouter", "anthropic"])
@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (ProviderAnswer(refusal="I will not.", finish_reason="content_filter"), "I will not."),
        (ProviderAnswer(finish_reason="content_filter"), ""),
        (ProviderAnswer("So far", finish_reason="content_filter"), "So far"),
    ],
)
async def test_refusal_is_told_apart_from_an_empty_answer(
    stub: StubLlm, provider: str, answer: ProviderAnswer, text: str
) -> None:
    url = stub.anthropic_url if provider == "anthropic" else stub.openai_url
    stub.script(answer)
    said, reply = await ask_for_text(LitellmModel(ModelChoice(provider, "any-model", url), ENVIRON))
    assert (said, reply.text, reply.finish_reason) == (text, text, "content_filter")


@pytest.mark.parametrize("provider", ["openai", "openrouter"])
async def test_refusal_in_openais_own_field_is_the_text_although_the_model_says_stop(
    stub: StubLlm, provider: str
) -> None:
    stub.script(ProviderAnswer(refusal="I will not help with that."))
    said, reply = await ask_for_text(LitellmModel(ModelChoice(provider, "any-model", stub.openai_url), ENVIRON))
    assert said == reply.text == "I will not help with that."
    assert reply.finish_reason == "content_filter"


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII"])
async def test_gemini_that_blocks_an_answer_refuses(gemini: Gemini, reason: str) -> None:
    model = LitellmModel(ModelChoice("gemini", "gemini-2.5-flash", gemini.url), ENVIRON)
    ended: dict[str, Any] = {"candidates": [{"finishReason": reason, "index": 0}]}
    gemini.answers += [[ended], [Gemini.text("So far"), ended], [{"promptFeedback": {"blockReason": reason}}]]
    for text in ("", "So far", ""):
        said, reply = await ask_for_text(model)
        assert (said, reply.text, reply.finish_reason) == (text, text, "content_filter")


# --- gathering, without a provider ----------------------------------------------------------------------------------


def chunk(finish: str | None = None, *, model: str = "", usage: object = None, **delta: object) -> SimpleNamespace:
    """One chunk as litellm gives it; a value that is not named is absent."""
    choice = SimpleNamespace(finish_reason=finish, delta=SimpleNamespace(**delta))
    return SimpleNamespace(model=model, usage=usage, choices=[choice])


def call_piece(
    index: int | None, arguments: str, call_id: str | None = None, name: str | None = None
) -> SimpleNamespace:
    return SimpleNamespace(index=index, id=call_id, function=SimpleNamespace(name=name, arguments=arguments))


def gathered(*chunks: object) -> ModelReply:
    gathering = Gathering()
    for each in chunks:
        gathering.add(each)
    return gathering.reply(ModelUsage(), None)


def test_pieces_of_text_and_reasoning_are_joined_and_kept_apart() -> None:
    gathering = Gathering()
    deltas = [
        gathering.add(chunk(content="he", model="m-1")),
        gathering.add(chunk(reasoning_content="hm")),
        gathering.add(chunk(content="llo")),
        gathering.add(chunk("length")),
        gathering.add(SimpleNamespace(choices=[], usage="counts")),
    ]
    assert deltas == [ModelDelta(text="he"), ModelDelta(reasoning="hm"), ModelDelta(text="llo"), None, None]
    assert (gathering.finish_reason, gathering.usage) == ("length", "counts")
    reply = gathering.reply(ModelUsage(input_tokens=1), 0.5)
    assert reply == ModelReply(
        text="hello",
        reasoning="hm",
        finish_reason="length",
        model="m-1",
        usage=ModelUsage(input_tokens=1),
        cost_usd=0.5,
    )


def test_pieces_of_calls_are_joined_by_their_index_and_calls_without_an_id_get_one() -> None:
    reply = gathered(
        chunk(tool_calls=[call_piece(1, '{"b"', name="two")]),
        chunk(tool_calls=[call_piece(None, "{}", call_id="x", name="one"), call_piece(1, ": 1}")]),
        chunk("stop"),
    )
    assert reply.calls == (
        ToolCall(id="x", name="one", arguments="{}"),
        ToolCall(id="call_2", name="two", arguments='{"b": 1}'),
    )
    assert reply.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("said", "finish"),
    [
        ("stop", "stop"), ("length", "length"), ("tool_calls", "tool_calls"), ("function_call", "tool_calls"),
        ("content_filter", "content_filter"), ("odd", "stop"), (None, "stop"),
    ],
)  # fmt: skip
def test_reasons_for_the_end_are_four(said: str | None, finish: str) -> None:
    assert gathered(chunk(said)).finish_reason == finish


def test_refusal_comes_before_the_text_that_follows_it() -> None:
    gathering = Gathering()
    gathering.add_refusal("I will ")
    gathering.add_refusal("not.")
    assert gathering.add(chunk("stop", content=" Sorry.")) == ModelDelta(text="I will not. Sorry.")
    reply = gathering.reply(ModelUsage(), None)
    assert (reply.text, reply.finish_reason) == ("I will not. Sorry.", "content_filter")
