"""Damage is reported, never skipped, and concerns no other session. Promise 7."""

import asyncio
from collections.abc import Callable

import pytest

from duragent.client.client import Client
from duragent.errors import ProblemResponse
from duragent.wire import Ready, SendMessage
from tests.support.real_server import RealServer
from tests.support.until import until


async def _ready_when(client: Client, condition: Callable[[Ready], bool]) -> Ready:
    """Sessions are looked through after the start, so this may take a moment."""

    async def ready_when() -> Ready | None:
        return ready if condition(ready := await client.ready()) else None

    ready = await until(ready_when)
    assert ready is not None
    return ready


async def test_a_damaged_line_makes_its_session_read_only_and_leaves_the_others_alone(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        sick, well = [(await client.create_session("assistant")).session_id for _ in range(2)]
        await asyncio.gather(*(client.ask(session, SendMessage(content="repeat hello")) for session in (sick, well)))
        server.kill()
        file = server.events_file(sick)
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join([*lines[:5], lines[5].replace(b"turn", b"turm", 1), *lines[6:]]))
        damaged = file.read_bytes()
        server.start()

        ready = await _ready_when(client, lambda ready: ready.status == "degraded")
        assert ready.damaged == [sick]
        shown = {info.session_id: info for info in (await client.sessions()).sessions}
        assert shown[sick].status in ("active", "running")
        assert "events.jsonl:6" in (shown[sick].damage or "")
        assert shown[well].status == "active"

        good = await client.events(sick, after=0)
        assert [event["seq"] for event in good.events] == [1, 2, 3, 4]
        with pytest.raises(ProblemResponse, match=r"events\.jsonl:6") as refused:
            await client.post_message(sick, SendMessage(content="repeat again"))
        assert refused.value.status == 409
        await client.ask(well, SendMessage(content="repeat again"))
    assert file.read_bytes() == damaged


async def test_a_log_that_is_replaced_while_it_is_in_use_is_noticed_and_kept(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await client.ask(session, SendMessage(content="repeat hello"))
        file = server.events_file(session)
        acknowledged = file.read_bytes()
        # What git checkout, sed -i and most editors do.
        other = file.with_name("other")
        other.write_bytes(b"".join(acknowledged.splitlines(keepends=True)[:3]))
        other.rename(file)
        with pytest.raises(ProblemResponse, match="changed while it was in use"):
            await client.post_message(session, SendMessage(content="lost?"))
        assert (await client.session(session)).problem is not None
    kept = next(file.parent.glob("events.conflict-*"))
    assert kept.read_bytes() == acknowledged


async def test_a_state_file_that_is_gone_or_wrong_changes_nothing(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        contents = (None, b"", b"status: completed\n", b"\x00\xff")
        sessions = {(await client.create_session("assistant", "kept")).session_id: content for content in contents}
        await asyncio.gather(*(client.ask(session, SendMessage(content="repeat hello")) for session in sessions))
        before = {(session, content): await client.session(session) for session, content in sessions.items()}
        server.kill()
        for session, content in before:
            state = server.events_file(session).with_name("state.yaml")
            state.unlink(missing_ok=True)
            if content is not None:
                state.write_bytes(content)
        server.start()
        for (session, content), info in before.items():
            assert await client.session(session) == info, content
        await asyncio.gather(*(client.ask(session, SendMessage(content="repeat and on")) for session in sessions))
