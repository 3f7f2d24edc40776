"""Tool calls across a kill, over every protocol and both adapters: a provider refuses no request. Promise 2."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.models.messages import ToolCall
from duragent.testing.stub_llm import ProviderAnswer, StubLlm, StubRequest
from duragent.wire import SendMessage
from tests.support.hands import Hands, make_hands, whole
from tests.support.providers import EVERY_PROVIDER, KEYS, AskedProvider

COMMANDS = ["./do a", "./ask b", "./do c", "./ask d", "./do e"]


def _asks_for_all(request: StubRequest) -> ProviderAnswer:
    """All calls in one reply, until there are results."""
    if any(_has_results(message) for message in request.body["messages"]):
        return ProviderAnswer("done")
    calls = (
        ToolCall(id=f"toolu_{number}", name="bash", arguments=json.dumps({"command": command}))
        for number, command in enumerate(COMMANDS)
    )
    return ProviderAnswer("I run them", calls=tuple(calls))


def _has_results(message: dict[str, object]) -> bool:
    content = message["content"]
    blocks = content if isinstance(content, list) else []
    return message["role"] == "tool" or any(block.get("type") == "tool_result" for block in blocks)


@pytest.fixture(params=EVERY_PROVIDER)
def provided(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Hands, StubLlm]]:
    asked: AskedProvider = request.param
    with StubLlm(_asks_for_all) as stub:
        hands = make_hands(tmp_path, rest=asked.block(stub), provider=asked.provider)
        hands.server.environ = KEYS
        yield hands, stub
        hands.server.stop()


async def _killed(provided: tuple[Hands, StubLlm], points: list[str]) -> None:
    hands, stub = provided
    hands.server.start({"DURAGENT_CRASHPOINT": points[0]})

    async def revive() -> None:
        for point in [*points[1:], ""]:
            await hands.server.wait_until_dead()
            hands.server.start({"DURAGENT_CRASHPOINT": point} if point else {})

    reviving = asyncio.ensure_future(revive())
    async with hands.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await client.post_message(session, SendMessage(content="go"))
        asked = await hands.asked(client)
        await client.post_message(session, SendMessage(content="and then tell me"))
        # The message takes the place of the calls that were not begun, but not of the one that waits.
        await hands.settle(client, [session])
        assert asked.command == "./ask b"
    reviving.cancel()
    outcomes = [result.outcome for result in hands.results(session)]
    assert outcomes == ["ok", "ok", "skipped", "skipped", "skipped"]
    assert hands.count() == {"a": 1, "b": 1}
    _none_refused(stub)


def _none_refused(stub: StubLlm) -> None:
    for request in stub.requests:
        assert request.protocol.refuse(request.body, request.headers) is None


async def test_a_reply_with_five_calls_is_killed_and_goes_on(provided: tuple[Hands, StubLlm]) -> None:
    hands, stub = provided
    hands.server.start({"DURAGENT_CRASHPOINT": "tool.ran:2"})
    async with hands.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await client.post_message(session, SendMessage(content="go"))
        await hands.asked(client)
        settling = asyncio.ensure_future(hands.settle(client, [session]))
        await hands.server.wait_until_dead()
        hands.server.start()
        await settling
    whole(hands, session, COMMANDS)
    assert hands.count() == {command.split()[1]: 1 for command in COMMANDS}
    _none_refused(stub)
    assert len(stub.requests) == 2


@pytest.mark.campaign
@pytest.mark.parametrize("second", ["tool.ran:1", "log.written:2", "log.synced:4"])
@pytest.mark.parametrize("first", ["tool.started:1", "spool.spawned:1", "tool.finished:1", "log.written:8"])
async def test_a_message_in_between_and_two_kills(provided: tuple[Hands, StubLlm], first: str, second: str) -> None:
    await _killed(provided, [first, second])
