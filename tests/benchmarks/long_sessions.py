"""Long sessions: attaching to one, reading it all, opening it. What they hold must not matter, only what is asked."""

import os
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from duragent.session.fold import SESSION_FOLD
from duragent.stores.files.store import FileStore
from duragent.streams.recovery import recover
from tests.benchmarks.children import START_SECONDS, child, running, wait_until_idle, workspace_for
from tests.benchmarks.logs import LogMaker, Written, write_index
from tests.benchmarks.measure import Bench, Effort, Goal, Result, Row, compare
from tests.benchmarks.raw_server import END
from tests.benchmarks.turns import Turns
from tests.benchmarks.wire import Address, Wire
from tests.support.until import until_sync

_TAIL_BYTES = 64 << 10
_TAIL_RECORDS = 50


async def rows(bench: Bench) -> AsyncIterator[Result]:
    effort = bench.effort
    server = workspace_for(bench.place("long"), sessions={"idle_unload_seconds": 0.2})
    sizes = (1_000, effort.of(100_000, 2_000), effort.of(1_000_000, 5_000))
    maker = LogMaker(server.sessions_dir)
    short, middle, long = (maker.write(size) for size in sizes)
    await write_index(server.sessions_dir, [short, middle, long])
    async for row in _open(effort, server.sessions_dir, short, long):
        yield row
    async for row in first_tokens(bench):
        yield row
    with running(server) as address:
        async for row in _attach(effort, server.sessions_dir, address, short, long):
            yield row
        yield await _replay(effort, server.sessions_dir, address, middle)


async def first_tokens(bench: Bench) -> AsyncIterator[Result]:
    """A session that goes on: the first token at the HTTP door, once summaries stand for what is old."""
    effort = bench.effort
    with child("provider") as provider:
        server = workspace_for(bench.place("first-tokens"), provider_port=provider.port)
        maker = LogMaker(server.sessions_dir)
        short, long = maker.write(100), maker.write(effort.of(100_000, 2_100))
        await write_index(server.sessions_dir, [short, long])
        with running(server) as address:
            for each in (short, long):
                await Turns(address, each.session_id).turn()
            wait_until_summarised(server.sessions_dir / long.session_id)
            what = f"the first token in a session of {long.state.seq:,} records"
            row = Row("long_sessions", what, f"of {short.state.seq:,} records", "ms", Goal("ratio", "most", 1.2))
            sides = [Turns(address, each.session_id).first_token for each in (short, long)]
            yield await compare(row, effort.of(31, 1), *sides, warm_up=2)
            row = Row("long_sessions", f"{what}, CPU time of the server", row.against, "ms")
            sides = [Turns(address, each.session_id).cpu_of_first_token for each in (short, long)]
            yield await compare(row, effort.of(15, 1), *sides)


def wait_until_summarised(folder: Path) -> None:
    until_sync(
        lambda: b'"type":"history_summarised"' in (folder / "events.jsonl").read_bytes(),
        bound=START_SECONDS,
        why="no summary was made",
    )


async def _attach(
    effort: Effort, folder: Path, address: Address, short: Written, long: Written
) -> AsyncIterator[Result]:
    for each in (short, long):
        what = f"the first event of {each.state.seq:,} records, from the disk"
        row = Row("long_sessions", what, "reading 64 kB", "ms", Goal("ours", "most", 15.0))
        read = partial(_read_tail, folder / each.session_id / "events.jsonl")
        yield await compare(row, effort.of(11, 1), read, partial(_attached, address, each))
    what = f"the first event of {long.state.seq:,} records, from the disk"
    row = Row("long_sessions", what, f"of {short.state.seq:,} records", "ms", Goal("ratio", "most", 1.5))
    yield await compare(row, effort.of(11, 1), partial(_attached, address, short), partial(_attached, address, long))


async def _read_tail(log: Path) -> float:
    began = time.perf_counter()
    with log.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - _TAIL_BYTES, 0))
        file.read()
    return (time.perf_counter() - began) * 1000


async def _attached(address: Address, session: Written) -> float:
    wait_until_idle(address.pid)
    began = time.perf_counter()
    with Wire(address) as wire:
        wire.stream("GET", f"/api/v1/sessions/{session.session_id}/events?tail={_TAIL_RECORDS}")
        wire.read_until(b"id: %d\n" % (session.state.seq - _TAIL_RECORDS + 1))
        return (time.perf_counter() - began) * 1000


async def _replay(effort: Effort, folder: Path, address: Address, session: Written) -> Result:
    path = f"/api/v1/sessions/{session.session_id}/events?after=0"
    what = f"{session.state.seq:,} records over SSE"
    row = Row("long_sessions", what, "file to socket", "ms", Goal("ratio", "most", 10.0))

    async def replayed() -> float:
        with Wire(address) as wire:
            began = time.perf_counter()
            wire.stream("GET", path)
            wire.read_until(b"event: caught_up")
            return (time.perf_counter() - began) * 1000

    async def copied() -> float:
        with Wire(Address(raw.port)) as wire:
            began = time.perf_counter()
            wire.send(b"file %b" % os.fsencode(folder / session.session_id / "events.jsonl"))
            wire.read_until(END)
            return (time.perf_counter() - began) * 1000

    with child("raw_server") as raw:
        return await compare(row, effort.of(9, 1), copied, replayed)


async def _open(effort: Effort, sessions_dir: Path, short: Written, long: Written) -> AsyncIterator[Result]:
    store = FileStore(sessions_dir)
    try:
        for each in (short, long):
            what = f"opening a session of {each.state.seq:,} records, in the process"
            row = Row("long_sessions", what, "reading 64 kB", "ms", Goal("ours", "most", 5.0))
            read = partial(_read_tail, sessions_dir / each.session_id / "events.jsonl")
            yield await compare(row, effort.of(15, 1), read, partial(_opened, store, each))
    finally:
        store.close()


async def _opened(store: FileStore, session: Written) -> float:
    began = time.perf_counter()
    claim = await store.claim(session.session_id)
    state = await recover(store, claim, SESSION_FOLD)
    milliseconds = (time.perf_counter() - began) * 1000
    await store.release(claim)
    if state != session.state:
        raise RuntimeError(f"session {session.session_id} was opened as {state}, not as {session.state}")
    return milliseconds
