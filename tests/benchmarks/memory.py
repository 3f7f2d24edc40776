"""Memory: what a server holds when it has nothing to do, in MB of resident pages."""

from collections.abc import AsyncIterator
from functools import partial

from tests.benchmarks.children import (
    child,
    free_port,
    many_sessions,
    raw_app,
    rss_mb,
    running,
    spawned,
    workspace_for,
)
from tests.benchmarks.measure import Bench, Goal, Result, Row, compare
from tests.benchmarks.wire import Address, Wire, new_session
from tests.support.real_server import RealServer
from tests.support.until import take_time

_REST_SECONDS = 1.0
"""So long a server that has just started has still something to do."""


async def rows(bench: Bench) -> AsyncIterator[Result]:
    effort, rounds = bench.effort, bench.effort.of(3, 1)
    log = bench.folder / "memory.log"
    empty, full = workspace_for(bench.place("nothing")), workspace_for(bench.place("many"))
    count = effort.of(10_000, 50)
    await many_sessions(full, count)

    async def bare() -> float:
        port = free_port()
        with spawned(raw_app(port), Address(port), log) as started:
            return rss_mb(started.pid)

    row = Row("memory", "an idle server", "bare uvicorn", "MB", Goal("ratio", "most", 2.0))
    yield await compare(row, rounds, bare, partial(_idle, empty), warm_up=0)
    row = Row("memory", f"a server with {count:,} idle sessions", "without", "MB", Goal("added", "most", 20.0))
    yield await compare(row, rounds, partial(_idle, empty), partial(_idle, full), warm_up=0)
    with child("provider") as provider:
        asking = workspace_for(bench.place("asking"), provider_port=provider.port)
        row = Row("memory", "an idle server with a real provider", "bare uvicorn", "MB", Goal("ratio", "most", 2.0))
        yield await compare(row, rounds, bare, partial(_idle, asking), warm_up=0)
        row = Row("memory", "a server after its first model call", "bare uvicorn", "MB", Goal("ours", "most", 75.0))
        yield await compare(row, rounds, bare, partial(_after_a_call, asking), warm_up=0)


async def _idle(server: RealServer) -> float:
    with running(server) as address, Wire(address) as wire:
        wire.get("/api/v1/sessions")
        await take_time(_REST_SECONDS)
        return rss_mb(address.pid)


async def _after_a_call(server: RealServer) -> float:
    with running(server) as address, Wire(address) as wire:
        wire.post(f"/api/v1/sessions/{new_session(address)}/messages", {"content": "words=50"})
        await take_time(_REST_SECONDS)
        return rss_mb(address.pid)
