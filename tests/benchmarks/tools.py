"""What a tool call costs: a command by its runner, which outlives the server, against a bare one."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

from duragent.clock import SystemClock
from duragent.process.spool import Spool
from duragent.sandboxes.base import Command
from tests.benchmarks.children import address_of, running
from tests.benchmarks.measure import Bench, Goal, Result, Row, compare
from tests.benchmarks.wire import Wire, new_session
from tests.support.hands import make_hands

_ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


async def rows(bench: Bench) -> AsyncIterator[Result]:
    place, rounds = bench.place("tools"), bench.effort.of(21, 1)
    spool = await Spool.open(place / "spool")

    async def by_runner() -> float:
        call = SystemClock().new_id("call")
        began = time.perf_counter()
        found = await spool.commands("session_01k", call).run(
            Command(("true",), place, _ENVIRONMENT), timeout_seconds=60
        )
        milliseconds = (time.perf_counter() - began) * 1000
        if found.exit_code != 0:
            raise RuntimeError(f"the command did not run: {found}")
        await spool.forget("session_01k", call)
        return milliseconds

    row = Row("tools", "a command by its runner", "subprocess.run", "ms", Goal("added", "most", 40.0))
    yield await compare(row, rounds, _bare, by_runner)
    async for result in _in_a_turn(place, rounds):
        yield result


async def _bare() -> float:
    began = time.perf_counter()
    await asyncio.to_thread(subprocess.run, ["true"], check=True, env=_ENVIRONMENT)
    return (time.perf_counter() - began) * 1000


async def _in_a_turn(place: Path, rounds: int) -> AsyncIterator[Result]:
    """From the intent in the log to the result in the log."""
    hands = make_hands(place, mode="ask")
    hands.script("do", "#!/bin/sh\ntrue\n")

    async def by_an_agent() -> float:
        session_id = new_session(address)
        with Wire(address) as wire:
            wire.post(f"/api/v1/sessions/{session_id}/messages", {"content": "run `./do it`"})
        times = {record.event.type: record.ts for record in hands.server.records(session_id)}
        ended, began = (datetime.fromisoformat(times[name]) for name in ("tool_finished", "tool_started"))
        return (ended - began).total_seconds() * 1000

    with running(hands.server):
        address = address_of(hands.server)
        row = Row("tools", "a bash call of an agent, no sandbox", "subprocess.run", "ms", note="from record to record")
        yield await compare(row, rounds, _bare, by_an_agent)
