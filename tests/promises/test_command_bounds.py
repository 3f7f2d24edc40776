"""What a command may do to the server: nothing by much output, and it never outstays its time."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.journal.events import ToolFinished, TurnEnded
from duragent.wire import SendMessage
from tests.support.attached import Seen, attached
from tests.support.hands import Hands, make_hands
from tests.support.spools import living_in
from tests.support.until import until, until_sync

OUTPUT_BYTES = 200_000_000
STUBBORN = """\
#!/bin/bash
trap '' TERM INT HUP PIPE
setsid bash -c 'trap "" TERM HUP; while :; do sleep 0.2; done' &
(setsid bash -c 'trap "" TERM HUP; exec >&- 2>&-; while :; do sleep 0.2; done' &)
touch begun
exec >&- 2>&-
while :; do sleep 0.2; done
"""
"""Ignores every polite signal, leaves its session twice, once as an orphan, and closes its pipes."""


@pytest.fixture(params=["trust", "auto"])
def hands(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hands]:
    hands = make_hands(tmp_path, sandbox={"mode": request.param})
    policy = hands.server.workspace / "policy.yaml"
    policy.write_text(policy.read_text().replace("allow: [", "allow: ['bash:./stubborn', 'bash:./much', "))
    hands.script("stubborn", STUBBORN)
    hands.script("much", f"#!/bin/sh\nyes | head -c {OUTPUT_BYTES}\n")
    hands.server.start()
    yield hands
    hands.server.stop()


def _rss_bytes(pid: int) -> int:
    """The most memory that it ever held."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024


async def test_200_mb_of_output_grow_neither_the_server_nor_the_log(hands: Hands) -> None:
    assert hands.server.process is not None
    pid = hands.server.process.pid
    async with hands.server.client() as client:
        await hands.settle(client, [await hands.say(client, "echo warm")])
        before = _rss_bytes(pid)
        session = (await client.create_session("assistant")).session_id
        async with attached(hands.server, session) as seen:
            await client.post_message(session, SendMessage(content="run `./much`"))
            await seen.until(Seen.ended)
        grown = _rss_bytes(pid) - before
        await client.ask(session, SendMessage(content="say hello"))
    [result] = hands.results(session)
    assert (result.outcome, result.details["stdout_bytes"]) == ("ok", OUTPUT_BYTES)
    assert len(result.content) < 64 << 10
    assert grown < 40 << 20, f"{grown >> 20} MiB"
    folder = hands.server.events_file(session).parent
    assert hands.server.events_file(session).stat().st_size < 1 << 20
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 12 << 20
    spool = hands.server.workspace / "run" / "spool"
    assert sum(file.stat().st_size for file in spool.rglob("*") if file.is_file()) < 1 << 10


async def test_a_cancel_ends_a_stubborn_command_with_all_that_it_started(hands: Hands) -> None:
    async with hands.server.client() as client:
        session = await hands.say(client, "./stubborn")
        await until((hands.folder / "begun").exists)
        assert len(living_in(hands.folder)) >= 3
        async with attached(hands.server, session) as seen:
            assert (await client.cancel(session)).cancelled
            await seen.until(Seen.ended)
    assert [event.outcome for event in hands.events(session) if isinstance(event, ToolFinished | TurnEnded)] == [
        "cancelled",
        "cancelled",
    ]
    await asyncio.to_thread(_nothing_left, hands.folder)


async def test_the_deadline_ends_a_stubborn_command_with_all_that_it_started(hands: Hands) -> None:
    async with hands.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        arguments = json.dumps({"command": "./stubborn", "timeout_seconds": 1})
        await client.ask(session, SendMessage(content=f"use bash with {arguments}"))
    [result] = hands.results(session)
    assert (result.outcome, result.details["ending"]) == ("timeout", "timeout")
    await asyncio.to_thread(_nothing_left, hands.folder)


def _nothing_left(folder: Path) -> None:
    """None of the command's processes lives; the server itself was started elsewhere."""
    until_sync(lambda: not living_in(folder))
