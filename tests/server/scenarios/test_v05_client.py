"""The requests of a duragent v0.5.4 client, and every answer and event read as strictly as it reads them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from duragent.errors import AuthenticationFailed
from duragent.models.messages import MOST_TOKENS, ModelReply, ModelUsage, ToolCall
from duragent.testing import Line
from tests.server.v05 import (
    ApprovalRequired,
    Approved,
    Cancelled,
    Done,
    Error,
    Refused,
    Sent,
    Session,
    Start,
    Struct,
    Token,
    UnknownEvent,
    V05Client,
    Waits,
    WaitsAgain,
    event_of,
)
from tests.support.http_house import ADMIN_TOKEN, TOKEN, House

DESCRIBED = """\
apiVersion: duragent/v1alpha1
kind: Agent
metadata: {name: described, description: An agent, version: 1.2.0, labels: {team: red}}
spec:
  model: {provider: demo, name: demo, temperature: 0.5, max_input_tokens: 4000, max_output_tokens: 200}
  system_prompt: ./SYSTEM_PROMPT.md
  session: {on_disconnect: pause}
"""


@asynccontextmanager
async def _old_client(house: House) -> AsyncIterator[V05Client]:
    await house.worker()
    async with house.live() as http:
        del http.headers["Authorization"]
        yield V05Client(http, TOKEN, ADMIN_TOKEN)


def _calls(*commands: str) -> ModelReply:
    calls = [ToolCall(id=f"c{n}", name="bash", arguments=json.dumps({"command": c})) for n, c in enumerate(commands)]
    return ModelReply(text="Looking.", calls=tuple(calls), finish_reason="tool_calls")


async def _all(events: AsyncIterator[Struct]) -> list[Struct]:
    async with asyncio.timeout(20):
        return [event async for event in events]


async def test_a_chat(house: House) -> None:
    async with _old_client(house) as client:
        session = await client.create("assistant")
        assert (session.agent, session.status) == ("assistant", "active")
        start, *tokens, done = await _all(client.stream(session.session_id, "hi"))
        assert (start, done.__class__) == (Start(), Done)
        assert "".join(token.content for token in tokens if isinstance(token, Token)) == "hello there friend"
        answer = await client.send(session.session_id, "")
        assert isinstance(answer, Sent)
        said = [(message.role, message.content) for message in await client.messages(session.session_id)]
        assert said == [
            ("user", "hi"),
            ("assistant", "hello there friend"),
            ("user", ""),
            ("assistant", answer.content),
        ]
        assert (await client.session(session.session_id)).status == "active"


async def test_a_stream_with_tools(house: House) -> None:
    house.model.add(_calls("ls", "pwd"), _calls("ls"), "two files")
    async with _old_client(house) as client:
        session = await client.create("worker")
        events = await _all(client.stream(session.session_id, "look"))
        assert {type(event) for event in events} == {Start, Token, Done}
        # What it said beside its calls is no message of its own.
        assert [message.content for message in await client.messages(session.session_id)] == ["look", "two files"]


async def test_approvals_in_the_stream_and_beside_it(house: House) -> None:
    house.model.add(_calls("rm -f x", "rm -f y"), "gone", _calls("rm -f x", "rm -f y"), "not gone")
    async with _old_client(house) as client:
        session = (await client.create("worker")).session_id
        events = client.stream(session, "remove")
        seen: list[Struct] = []
        decided = []
        async with asyncio.timeout(20):
            async for event in events:
                seen.append(event)
                if isinstance(event, ApprovalRequired):
                    assert (await client.session(session)).status == "paused"
                    waits = Waits(session_id=session, call_id=event.call_id, command=event.command)
                    decided.append(asyncio.create_task(client.approve(session, waits, "allow_once")))
        assert isinstance(seen[-1], Done)
        assert [type(await each) for each in decided] == [WaitsAgain, Approved]
        posted = await client.send(session, "remove again")
        assert isinstance(posted, Waits)
        with pytest.raises(Refused) as refused:
            await client.approve(session, posted.model_copy(update={"call_id": "other"}), "deny")
        assert refused.value.problem.status == 409
        again = await client.approve(session, posted, "deny")
        assert isinstance(again, WaitsAgain)
        answer = await client.approve(session, again, "allow_once")
        assert isinstance(answer, Approved)
        assert answer.content == "not gone"


async def test_streams_that_fail_are_cancelled_or_deleted(house: House) -> None:
    house.model.add(AuthenticationFailed("the key was refused"))
    async with _old_client(house) as client:
        session = (await client.create("assistant")).session_id
        assert [type(event) for event in await _all(client.stream(session, "hi"))] == [Start, Error]
        for end, last in (("cancel", Cancelled), ("delete", Error)):
            house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=1))
            seen: list[Struct] = []
            async with asyncio.timeout(20):
                async for event in client.stream(session, "count"):
                    seen.append(event)
                    if isinstance(event, Token) and end == "cancel":
                        await house.http.post(f"/api/v1/sessions/{session}/cancel")
                    elif isinstance(event, Token):
                        await client.delete(session)
            assert [type(event) for event in seen] == [Start, Token, last]
        with pytest.raises(Refused, match="not found"):
            await client.session(session)


async def test_a_damaged_session_spoils_no_list(house: House) -> None:
    session = await house.create()
    await house.say(session, "hi")
    await house.sessions.close(0)
    lines = house.store.lines_of(session)
    lines[2] = lines[2].replace(b"hi", b"ho")
    again = House(house.agents_dir.parent, store=house.store)
    again.clock.jump(60)  # its ids begin anew
    again.start()
    async with _old_client(again) as client:
        assert (await client.session(session)).status == "active"
        other = await client.create("assistant")
        assert {each.session_id for each in await client.sessions()} == {session, other.session_id}
        assert await client.messages(session) == []
        with pytest.raises(Refused, match="damaged"):
            await client.send(session, "hi")
        with pytest.raises(Refused, match="damaged"):
            await _all(client.stream(session, "hi"))
        assert isinstance(await client.send(other.session_id, "hi"), Sent)
        assert await client.alive() == "ok"
        await client.ready()
    await again.close()


async def test_many_sessions_and_messages(house: House) -> None:
    async with _old_client(house) as client:
        made = [(await client.create("assistant")).session_id for _ in range(51)]
        assert len(await client.sessions()) == 50
        for number in range(3):
            await client.send(made[0], f"message {number}")
        assert len(await client.messages(made[0], 1000)) == 6
        assert len(await client.messages(made[0], 10**9)) == 6
        assert [message.role for message in await client.messages(made[0], 2)] == ["user", "assistant"]


async def test_agents(house: House) -> None:
    house.write_agent("described", DESCRIBED)
    (house.agents_dir / "described" / "SYSTEM_PROMPT.md").write_text("You are {{agent.name}}.")
    house.write_agent("broken", "apiVersion: [")
    async with _old_client(house) as client:
        assert (await client.reload_agents()).startswith("Reloaded 4 agents")
        by_name = {agent.name: agent for agent in await client.agents()}
        assert sorted(by_name) == ["assistant", "described", "pauser", "worker"]
        assert (by_name["described"].description, by_name["described"].version) == ("An agent", "1.2.0")
        described = await client.agent("described")
        assert (described.metadata.labels, described.spec.model.max_input_tokens) == ({"team": "red"}, 4000)
        assert (described.api_version, described.kind) == ("duragent/v1alpha1", "Agent")
        with pytest.raises(Refused, match="agent 'nope' not found"):
            await client.agent("nope")
        with pytest.raises(Refused, match="not found"):
            await client.create("nope")


async def test_the_server_itself(house: House) -> None:
    async with _old_client(house) as client:
        assert (await client.alive(), (await client.ready()).status) == ("ok", "ok")
        assert len((await client.ready()).workspace_hash) == 16
        assert (await client.version()).version == "1.2.3"
        assert await client.shutdown() == "Shutdown initiated"
        with pytest.raises(Refused, match="already in progress"):
            await client.shutdown()


async def test_refusals_are_problems(house: House) -> None:
    async with _old_client(house) as client:
        for token, status in (("", 401), ("wrong", 401)):
            with pytest.raises(Refused) as refused:
                await V05Client(client.http, token).sessions()
            assert refused.value.problem.status == status
        with pytest.raises(Refused):
            await V05Client(client.http, TOKEN, "wrong").shutdown()
        gone = "session_01ARZ3NDEKTSV4RRFFQ69G5FAV"
        waits = Waits(session_id=gone, call_id="c", command="ls")
        for asked in (
            client.session(gone),
            client.delete(gone),
            client.messages(gone),
            client.send(gone, "hi"),
            _all(client.stream(gone, "hi")),
            client.approve(gone, waits, "deny"),
        ):
            with pytest.raises(Refused) as refused:
                await asked
            problem = refused.value.problem
            assert (problem.type, problem.status) == ("urn:duragent:problem:not-found", 404)
        session = (await client.create("assistant")).session_id
        with pytest.raises(Refused) as refused:
            await client.approve(session, waits, "deny")
        assert refused.value.problem.status == 409
        for body, status in ((b"{", 400), (b"{}", 422)):
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            path = f"/api/v1/sessions/{session}/stream"
            assert (await client.http.post(path, content=body, headers=headers)).status_code == status


@pytest.mark.parametrize(("tokens", "told"), [(MOST_TOKENS, 2 * MOST_TOKENS), (1 << 40, 0)])
async def test_usage_fits_into_32_bits(house: House, tokens: int, told: int) -> None:
    usage = ModelUsage(input_tokens=tokens, output_tokens=tokens)
    house.model.add(ModelReply(text="so much", usage=usage, finish_reason="stop"))
    async with _old_client(house) as client:
        session = (await client.create("assistant")).session_id
        done = (await _all(client.stream(session, "hi")))[-1]
    assert isinstance(done, Done)
    assert done.usage is not None
    assert done.usage.total_tokens == told


BAD_EVENTS: tuple[tuple[str, Any], ...] = (
    ("tool_call", {"call_id": "c", "tool_name": "bash", "arguments": {}}),
    ("tool_result", {"call_id": "c", "success": True, "content": ""}),
    ("deleted", {}),
    ("token", {}),
    ("token", {"content": 1}),
    ("done", {"message_id": "m", "usage": {"prompt_tokens": 1.5, "completion_tokens": 1, "total_tokens": 2}}),
    ("done", {"message_id": "m", "usage": {"prompt_tokens": 1 << 32, "completion_tokens": 1, "total_tokens": 2}}),
    ("approval_required", {"call_id": "c"}),
)


@pytest.mark.parametrize(("name", "data"), BAD_EVENTS)
def test_the_reader_is_as_strict_as_the_old_one(name: str, data: Any) -> None:
    with pytest.raises((ValidationError, UnknownEvent)):
        event_of(name, json.dumps(data))


@pytest.mark.parametrize(
    "change", [{"status": "damaged"}, {"created_at": "2026-01-01T00:00:00"}, {"agent": None}, {"session_id": 1}]
)
def test_a_session_that_the_old_one_cannot_read_is_refused(change: dict[str, object]) -> None:
    good = {"session_id": "s", "agent": "a", "status": "active", "created_at": "2026-01-01T00:00:00.1+00:00", "new": 1}
    Session.model_validate(good)
    with pytest.raises(ValidationError):
        Session.model_validate(good | change)
