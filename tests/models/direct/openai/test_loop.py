"""A turn with thinking and tools at each kind of server, whose rules the stub provider keeps."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from duragent.models.base import ModelChoice
from duragent.models.direct.connections import ProviderConnections
from duragent.models.direct.model import DirectModel
from duragent.models.direct.openai_chat import OpenAiChat
from duragent.models.messages import ChatMessage, ModelReply, ModelRequest, ToolCall, ToolSchema
from duragent.testing.stub_llm import ProviderAnswer, StubLlm
from tests.support.bounds import LIMIT_SECONDS

LS = ToolSchema(name="ls", description="Lists.", parameters={"type": "object", "properties": {}})
CALLS = (ToolCall(id="c1", name="ls", arguments="{}"), ToolCall(id="c2", name="ls", arguments='{"a": "b"}'))
SERVERS = [
    ("openai", "gpt-4o-mini", ProviderAnswer(calls=CALLS)),
    ("openai", "gpt-5", ProviderAnswer(calls=CALLS)),
    ("openai", "mistral-small-latest", ProviderAnswer("so", calls=CALLS)),
    ("openai", "deepseek-reasoner", ProviderAnswer(reasoning="hm, well", calls=CALLS)),
    ("openai", "qwen3", ProviderAnswer(reasoning="hm, well", reasoning_field="reasoning", calls=CALLS)),
    ("gemini", "gemini-3-pro", ProviderAnswer(calls=CALLS)),
    (
        "openrouter",
        "anthropic/claude-sonnet-4.5",
        ProviderAnswer(reasoning="hm, well", hidden_reasoning="x", reasoning_field="reasoning_details", calls=CALLS),
    ),
    ("mistral", "mistral-small-latest", ProviderAnswer("so", calls=CALLS)),
    ("deepseek", "deepseek-reasoner", ProviderAnswer(reasoning="hm, well", calls=CALLS)),
]


@pytest.fixture
async def connections() -> AsyncIterator[ProviderConnections]:
    made = ProviderConnections()
    yield made
    await made.close()


async def answer(model: DirectModel, messages: list[ChatMessage]) -> ModelReply:
    request = ModelRequest(messages=tuple(messages), tools=(LS,), thinking="low", temperature=0.5, max_output_tokens=99)
    async with asyncio.timeout(LIMIT_SECONDS):
        *_, reply = [piece async for piece in model.stream(request)]
    assert isinstance(reply, ModelReply)
    return reply


def kept(reply: ModelReply, step: int) -> list[ChatMessage]:
    """The answer and the results of its calls, which have ids of ours."""
    calls = tuple(call.model_copy(update={"id": f"call_{step}_{n}"}) for n, call in enumerate(reply.calls))
    results = [ChatMessage(role="tool", call_id=call.id, content="a.txt") for call in calls]
    return [ChatMessage(role="assistant", content=reply.text, calls=calls, opaque=reply.opaque), *results]


@pytest.mark.parametrize(("provider", "name", "calling"), SERVERS)
async def test_server_refuses_nothing_of_a_turn_with_thinking_and_tools(
    provider: str, name: str, calling: ProviderAnswer, connections: ProviderConnections
) -> None:
    with StubLlm() as stub:
        stub.script(calling, calling, "done", calling, "again")
        choice = ModelChoice(provider, name, stub.openai_url)
        model = DirectModel(choice, OpenAiChat(), {f"{provider.upper()}_API_KEY": "k"}, connections)
        talk = [ChatMessage(role="user", content="[now: today]"), ChatMessage(role="user", content="list")]
        for step in range(5):
            reply = await answer(model, talk)
            talk += kept(reply, step)
            if step in (1, 2):
                # Also while the tools run, a message may come.
                talk.append(ChatMessage(role="user", content="and then?"))
        assert (reply.text, len(stub.requests)) == ("again", 5)


@pytest.mark.parametrize(("provider", "name", "calling"), SERVERS)
async def test_server_takes_up_a_turn_that_another_model_began(
    provider: str, name: str, calling: ProviderAnswer, connections: ProviderConnections
) -> None:
    if name == "deepseek-reasoner":
        pytest.skip("the stub refuses reasoning that is empty, which DeepSeek takes")
    with StubLlm() as stub:
        for before, other, begun in SERVERS:
            environ = {f"{each.upper()}_API_KEY": "k" for each in (provider, before)}
            stub.script(begun, "done")
            talk = [ChatMessage(role="user", content="list")]
            first = DirectModel(ModelChoice(before, other, stub.openai_url), OpenAiChat(), environ, connections)
            talk += kept(await answer(first, talk), 0)
            then = DirectModel(ModelChoice(provider, name, stub.openai_url), OpenAiChat(), environ, connections)
            assert (await answer(then, talk)).text == "done"
