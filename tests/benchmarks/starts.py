"""Starting: from the spawn of the process to the first 200, and to an interrupted turn that runs again."""

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from duragent.journal.record import Record
from duragent.testing.stub_llm import Silence, StubLlm
from tests.benchmarks.children import (
    duragent,
    free_port,
    many_sessions,
    raw_app,
    running,
    spawned,
    token_of,
    workspace_for,
)
from tests.benchmarks.measure import Bench, Goal, Result, Row, compare
from tests.benchmarks.wire import Address, Wire, new_session
from tests.support.real_server import RealServer
from tests.support.until import until_sync

_SESSIONS = 10_000
_WAIT_SECONDS = 60.0


async def rows(bench: Bench) -> AsyncIterator[Result]:
    effort = bench.effort
    empty, full = workspace_for(bench.place("empty")), workspace_for(bench.place("full"))
    count = effort.of(_SESSIONS, 50)
    await many_sessions(full, count)
    log, rounds = bench.folder / "starts.log", effort.of(9, 1)
    for server, what, limit in ((empty, "no session", 2.5), (full, f"{count:,} sessions", 4.0)):
        row = Row("starts", f"first 200 with {what}", "bare uvicorn", "ms", Goal("ratio", "most", limit))
        yield await compare(row, rounds, partial(_bare, log), partial(_ours, server.workspace, log))
    what, note = f"the list of {count:,} sessions is there", "asked for behind the first 200"
    row = Row("starts", what, "bare uvicorn", "ms", note=note)
    yield await compare(row, rounds, partial(_bare, log), partial(_listed, full.workspace, log))
    async for result in _killed(bench):
        yield result


async def _bare(log: Path) -> float:
    port = free_port()
    with spawned(raw_app(port), Address(port), log) as started:
        return started.milliseconds


async def _ours(workspace: Path, log: Path) -> float:
    port = free_port()
    with spawned(duragent(workspace, port), Address(port), log) as started:
        return started.milliseconds


async def _listed(workspace: Path, log: Path) -> float:
    began, port = time.perf_counter(), free_port()
    with spawned(duragent(workspace, port), Address(port), log):
        with Wire(Address(port, token_of(workspace))) as wire:
            wire.get("/api/v1/sessions")
        return (time.perf_counter() - began) * 1000


# --- kill -9 --------------------------------------------------------------------------------------------------------


async def _killed(bench: Bench) -> AsyncIterator[Result]:
    """What runs again is the question to the model: it is in the log as asked, and then it comes to the provider."""
    effort = bench.effort
    with StubLlm(lambda _: Silence()) as stub:
        server = workspace_for(bench.place("killed"), provider_port=int(stub.url.rpartition(":")[2]))
        log, spawns, durable, asked = bench.folder / "killed.log", [], [], []
        for _ in range(effort.of(5, 1)):
            spawn, until_durable, until_asked = _kill_and_wait(server, stub, log)
            spawns.append(spawn)
            durable.append(until_durable)
            asked.append(until_asked)
    against, goal = "its first 200", Goal("ours", "most", 1000.0)
    row = Row("starts", "kill -9 in a turn: asked again, in the log", against, "ms", goal, "behind the first 200")
    yield Result(row, tuple(spawns), tuple(durable))
    note, goal = "behind the first 200", Goal("ours", "most", 300.0)
    row = Row("starts", "kill -9 in a turn: the provider is asked again", against, "ms", goal, note)
    yield Result(row, tuple(spawns), tuple(asked))


def _kill_and_wait(server: RealServer, stub: StubLlm, log: Path) -> tuple[float, float, float]:
    """(first 200, asked again according to the log, asked again), in milliseconds; the last two after the first."""
    with running(server) as address, Wire(address) as wire:
        session_id, before = new_session(address), len(stub.requests)
        wire.post(f"/api/v1/sessions/{session_id}/messages", {"content": "hello"}, later=True)
        assert stub.wait_for_requests(before + 1, _WAIT_SECONDS)
    port = free_port()
    with spawned(duragent(server.workspace, port), Address(port), log) as started:
        began = time.perf_counter()
        until_sync(lambda: _questions(server.records(session_id)) >= 2, bound=_WAIT_SECONDS, pause=0.002)
        durable = (time.perf_counter() - began) * 1000
        assert stub.wait_for_requests(before + 2, _WAIT_SECONDS)
        asked = (time.perf_counter() - began) * 1000
    with running(server) as address, Wire(address) as wire:
        # Or it would go on in the next round too.
        wire.post(f"/api/v1/sessions/{session_id}/cancel")
    return started.milliseconds, durable, asked


def _questions(records: list[Record]) -> int:
    return sum(record.event.type == "model_called" for record in records)
