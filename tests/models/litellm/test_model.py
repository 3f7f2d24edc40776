"""What is particular about asking through litellm: names of models, addresses, prices, lines that are cut."""

import pytest

from duragent.errors import ModelNotConfigured, ModelUnavailable
from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.models.messages import ModelUsage, ToolSchema
from duragent.testing.stub_llm import ProviderAnswer, StubLlm
from tests.models.litellm.asking import ENVIRON, HELLO, Door, ask

LS = ToolSchema(name="ls", description="Lists files.", parameters={"type": "object", "properties": {}})


async def test_line_separator_in_an_answer_is_text_or_a_broken_stream_but_never_lost(door: Door) -> None:
    # httpx, which litellm reads Anthropic's events with, takes U+2028 for the end of a line.
    door.stub.script(ProviderAnswer("one \u2028 two"))
    if door.is_anthropic:
        with pytest.raises(ModelUnavailable):
            await ask(door.model)
    else:
        assert (await ask(door.model))[1].text == "one \u2028 two"


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
