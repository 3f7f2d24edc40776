"""Turns that think and call tools, at each provider that wants something back; the stub refuses it when changed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from duragent.clock import SystemClock
from duragent.models.base import ModelChoice
from duragent.models.choose import ModelChooser
from duragent.models.messages import ChatMessage, ModelReply, ModelRequest, ToolCall, ToolSchema
from duragent.testing.provider_wire import ProviderAnswer, ReasoningField
from duragent.testing.stub_llm import StubLlm
from tests.models.scenarios.doors import KEYS, ask, url_of

LS = ToolSchema(name="ls", description="Lists.", parameters={"type": "object", "properties": {}})
CALLS = tuple(ToolCall(id=each, name="ls", arguments='{"path": "."}') for each in ("abcDEF123", "abcDEF124"))


@dataclass(frozen=True)
class Thinker:
    """A model, and how it tells what it thinks."""

    provider: str
    name: str
    field: ReasoningField = "reasoning_content"
    hidden: str = ""


THINKERS = (
    Thinker("openai", "gpt-5-mini"),
    Thinker("openai", "deepseek-reasoner"),
    Thinker("openai", "mistral-large-latest"),
    Thinker("openai", "qwen3-8b", "reasoning"),
    Thinker("openrouter", "anthropic/claude-sonnet-4.5", "reasoning_details", "secret"),
    Thinker("gemini", "gemini-3-pro-preview"),
    Thinker("anthropic", "claude-sonnet-4-5", hidden="secret"),
    Thinker("anthropic", "claude-opus-4-7"),
    Thinker("ollama", "qwen3"),
)


class Walk:
    """A session's messages: calls get ids of ours, as the log gives them, and are answered."""

    def __init__(self) -> None:
        self.messages: list[ChatMessage] = [ChatMessage(role="system", content="You are brief.")]

    def says(self, *texts: str) -> None:
        self.messages += [ChatMessage(role="user", content=text) for text in texts]

    def takes(self, reply: ModelReply) -> None:
        at = len(self.messages)
        calls = tuple(call.model_copy(update={"id": f"call_01K{at}X{n}"}) for n, call in enumerate(reply.calls))
        self.messages.append(ChatMessage(role="assistant", content=reply.text, calls=calls, opaque=reply.opaque))
        self.messages += [ChatMessage(role="tool", call_id=call.id, content="a.txt") for call in calls]

    def request(self) -> ModelRequest:
        return ModelRequest(messages=tuple(self.messages), tools=(LS,), thinking="low")


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("thinker", THINKERS, ids=lambda each: f"{each.provider}-{each.name.replace('/', '-')}")
async def test_turns_with_tools_go_on_and_another_model_takes_over(thinker: Thinker, streams: bool) -> None:
    chooser = ModelChooser(SystemClock(), KEYS)
    walk = Walk()
    async with StubLlm() as stub:

        def answer(text: str, calls: tuple[ToolCall, ...], reasoning: str) -> ProviderAnswer:
            made = ProviderAnswer(
                text,
                reasoning,
                calls,
                reasoning_field=thinker.field,
                hidden_reasoning=thinker.hidden if reasoning else "",
            )
            return made if streams else replace(made, rewrite=whole(made))

        def whole(made: ProviderAnswer) -> Callable[[bytes], list[bytes]]:
            return lambda _: [stub.requests[-1].protocol.whole(made, stub.requests[-1].body["model"])]

        async def asked(of: Thinker, *texts: str) -> None:
            walk.says(*texts)
            choice = ModelChoice(of.provider, of.name, url_of(stub, of.provider), "native", "direct")
            walk.takes((await ask(chooser.model_for(choice), walk.request()))[1])

        for turn in range(2):
            stub.script(
                answer("", CALLS, f"I look {turn}."), answer("More.", CALLS[:1], "So."), answer("Done.", (), "")
            )
            await asked(thinker, "list", "the files")
            await asked(thinker)
            await asked(thinker, "quickly")
        stub.script(answer("", CALLS[:1], "Again."))
        await asked(thinker, "once more")
        for other in THINKERS:
            stub.answer = lambda _: ProviderAnswer("I take over.")
            await asked(other, *(() if walk.messages[-1].role == "tool" else ("and you?",)))
        await chooser.close()
    assert [message.content for message in walk.messages].count("I take over.") == len(THINKERS)
