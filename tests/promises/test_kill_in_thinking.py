"""kill -9 in the middle of answers that think and call tools: no provider refuses a request then. Promise 2.

What each provider signed comes back unchanged, in every request after the answer that it is from.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from duragent.client.client import Client
from duragent.journal.events import ModelFailed, TurnEnded
from duragent.models.messages import ToolCall
from duragent.testing.signatures import sealed, signature
from duragent.testing.stub_llm import ProviderAnswer, StubLlm, StubRequest
from duragent.turn.opaque import IN_LINE_BYTES
from duragent.wire import Delta, SendMessage
from tests.support.bounds import LIMIT_SECONDS
from tests.support.hands import Hands, make_hands
from tests.support.real_server import told

KEYS = dict.fromkeys(("ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY"), "sk-test")
ROUNDS = (("./do a", "./do b"), ("./do c", "./do d"))
"""What the model calls in its first two answers; its third one calls nothing."""

LONG = " ".join(["what could come of this" * 20] * (IN_LINE_BYTES // 400))
THOUGHTS = (f"Where to begin. {LONG}", "What is left? Not much.", "That was all, I think.")
SAID = ("I begin.", "I go on.", "done")


@dataclass(frozen=True)
class ThinkingProvider:
    """One that wants back what its model thought."""

    provider: str
    model: str
    url: Callable[[StubLlm], str]
    signed: Callable[[str, int], list[str]]
    """What its model signed in the answer of that number; it stands in later requests word for word."""
    to_calls: int = 3
    """How many pieces behind the text the first call is, but not the last one."""


def _signatures(model: str, number: int) -> list[str]:
    return [signature(model, THOUGHTS[number]), sealed(model, f"hidden {number}")]


PROVIDERS = {
    "anthropic": ThinkingProvider("anthropic", "claude-sonnet-4-5", lambda stub: stub.anthropic_url, _signatures),
    "openrouter": ThinkingProvider(
        "openrouter", "anthropic/claude-sonnet-4.5", lambda stub: stub.openai_url, _signatures
    ),
    "gemini": ThinkingProvider(
        "gemini", "gemini-3-pro-preview", lambda stub: stub.openai_url, lambda model, _: [signature(model, "bash")]
    ),
    "ollama": ThinkingProvider(
        "ollama", "gpt-oss:20b", lambda stub: stub.ollama_url, lambda _, number: [THOUGHTS[number]], to_calls=1
    ),
}


@dataclass
class Thinking:
    """The model: two answers with calls, each with what it thought, and one without."""

    asked: ThinkingProvider
    stops: dict[int, int] = field(default_factory=dict)
    """By the number of an answer: after how many pieces it stops once, and the caller is killed."""

    def __call__(self, request: StubRequest) -> ProviderAnswer:
        number = _answers_with_calls(request)
        calls = tuple(
            ToolCall(id=f"toolu_{number}_{at}", name="bash", arguments=json.dumps({"command": command}))
            for at, command in enumerate(ROUNDS[number] if number < len(ROUNDS) else ())
        )
        openrouter = self.asked.provider == "openrouter"
        return ProviderAnswer(
            SAID[number],
            reasoning=THOUGHTS[number],
            hidden_reasoning=f"hidden {number}",
            calls=calls,
            reasoning_field="reasoning_details" if openrouter else "reasoning_content",
            cut="hang",
            cut_after_chunks=self.stops.pop(number, None),
        )


def _answers_with_calls(request: StubRequest) -> int:
    said = [message for message in request.body["messages"] if message["role"] == "assistant"]
    return sum("tool_use" in str(message["content"]) or bool(message.get("tool_calls")) for message in said)


@dataclass
class Killed:
    """A server with such an agent, which is killed and started again."""

    hands: Hands
    stub: StubLlm
    thinking: Thinking
    asked: ThinkingProvider
    session: str = ""

    def start(self, point: str = "") -> None:
        self.hands.server.start({"DURAGENT_CRASHPOINT": point} if point else {})

    async def go(self, client: Client) -> None:
        self.session = (await client.create_session("assistant")).session_id
        await client.post_message(self.session, SendMessage(content="go"))

    async def shows(self, client: Client, kind: str, text: str) -> None:
        """Wait until a person sees this of the answer that is being written."""
        seen = ""
        async with asyncio.timeout(LIMIT_SECONDS):
            async for item in client.watch(self.session):
                if isinstance(item, Delta) and item.kind == kind:
                    seen = seen[: item.offset] + item.text
                    if seen.startswith(text):
                        return

    async def dead(self) -> None:
        await self.hands.server.wait_until_dead()

    async def end(self, client: Client) -> None:
        """The turn ends well, and so does one more; the provider has refused nothing, and has back what is its."""
        await self.hands.settle(client, [self.session])
        await told(client, self.session, "and again?")
        events = self.hands.events(self.session)
        assert [event.outcome for event in events if isinstance(event, TurnEnded)] == ["completed", "completed"]
        failed = [event.error for event in events if isinstance(event, ModelFailed)]
        assert set(failed) <= {"interrupted"}
        assert self.hands.count() == {"a": 1, "b": 1, "c": 1, "d": 1}
        for request in self.stub.requests:
            assert request.protocol.refuse(request.body, request.headers) is None
            assert _texts(request.body) >= set(self.owed(_answers_with_calls(request)))
        assert _answers_with_calls(self.stub.requests[-1]) == len(ROUNDS)

    def owed(self, answers: int) -> list[str]:
        return [signed for number in range(answers) for signed in self.asked.signed(self.asked.model, number)]


def _texts(value: object) -> set[str]:
    """All texts in some JSON."""
    if isinstance(value, str):
        return {value}
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return {text for each in inner for text in _texts(each)}


@pytest.fixture(params=PROVIDERS)
def killed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Killed]:
    asked = PROVIDERS[request.param]
    thinking = Thinking(asked)
    with StubLlm(thinking) as stub:
        rest = f"    name: {asked.model}\n    base_url: {asked.url(stub)}\n    thinking: high\n"
        hands = make_hands(tmp_path, rest=f"{rest}    max_input_tokens: 200000", provider=asked.provider)
        hands.server.environ = KEYS
        yield Killed(hands, stub, thinking, asked)
        hands.server.stop()


async def test_a_turn_that_thinks_is_killed_again_and_again_and_ends_well(killed: Killed) -> None:
    behind_text = len(THOUGHTS[1].split()) + len(SAID[1].split()) + killed.asked.to_calls
    killed.thinking.stops = {0: 3, 1: behind_text}
    killed.start()
    async with killed.hands.server.client() as client:
        await killed.go(client)
        await killed.shows(client, "reasoning", "Where to")
        killed.hands.server.kill()
        killed.start("model.heard:1")
        await killed.dead()
        killed.start("tool.ran:2")
        await killed.dead()
        killed.start()
        await killed.shows(client, "text", SAID[1])
        killed.hands.server.kill()
        killed.start("commit.stored:2")
        await killed.dead()
        killed.start()
        await killed.end(client)


@pytest.mark.campaign
@pytest.mark.parametrize(
    "point",
    [
        *(f"{name}:{number}" for number in (1, 2) for name in ("model.called", "model.heard", "tool.started")),
        *(f"log.{done}:{number}" for number in range(3, 13) for done in ("written", "synced")),
        *("tool.ran:1", "tool.finished:3", "partial.kept:1", "partial.kept:2"),
    ],
)
async def test_a_turn_that_thinks_is_killed_at_each_point(killed: Killed, point: str) -> None:
    killed.start(point)
    async with killed.hands.server.client() as client:
        await killed.go(client)
        await killed.dead()
        killed.start()
        await killed.end(client)


@pytest.mark.parametrize("killed", ["anthropic", "openrouter"], indirect=True)
async def test_what_was_signed_is_killed_between_its_blob_and_its_record(killed: Killed) -> None:
    killed.start("blob.stored:1")
    async with killed.hands.server.client() as client:
        await killed.go(client)
        await killed.dead()
        killed.start()
        await killed.end(client)
