"""Durable appends: events a second that are on the disk, against the disk alone.

Of one session the baseline is a bare loop of write and fdatasync; of many it is one log that all share, with one
fdatasync for whatever has come meanwhile.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from duragent.clock import SystemClock
from duragent.journal.events import MessageReceived
from duragent.journal.inputs import Message
from duragent.journal.record import Record, crc_seed, encode
from duragent.stores.base import Claim
from duragent.stores.files.store import FileStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.testing.scripted import Line
from tests.benchmarks.measure import Bench, Effort, Goal, Result, Row, compare
from tests.support.house import House, open_house

BATCH = 64
MESSAGES = 250
"""As many as may wait in a session, or nearly."""

_TEXT = "a message of a usual length, of which a line of some three hundred bytes is made " * 2


async def rows(bench: Bench) -> AsyncIterator[Result]:
    effort, store = bench.effort, FileStore(bench.place("store"))
    store.open()
    try:
        async for row in _one_session(effort, store, bench.folder):
            yield row
        for sessions in (16, effort.of(256, 32)):
            yield await _many_sessions(effort, store, bench.folder, sessions)
    finally:
        store.close()
    async for row in _whole_sessions(bench):
        yield row


def line_of(session_id: str) -> bytes:
    event = MessageReceived(message_id="msg_01k9zf3m4xq8y7t2n6r5w1v0ab", text=_TEXT)
    return encode(Record(1, "2026-01-01T00:00:00.000Z", event), crc_seed(session_id)).line


# --- one session ----------------------------------------------------------------------------------------------------


async def _one_session(effort: Effort, store: FileStore, folder: Path) -> AsyncIterator[Result]:
    for batch, count, limit in ((1, effort.of(1000, 20), 0.6), (BATCH, effort.of(300, 5), 0.9)):
        what = "one session, one event at a time" if batch == 1 else f"one session, {batch} events at a time"
        row = Row("appends", what, "write + fdatasync", "/s", Goal("ratio", "least", limit))
        baseline = partial(_bare, folder / "bare", batch, count)
        yield await compare(row, effort.of(9, 1), baseline, partial(_through_store, store, batch, count))


async def _bare(path: Path, batch: int, count: int) -> float:
    data = line_of("session_0") * batch
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        began = time.perf_counter()
        for _ in range(count):
            os.write(fd, data)
            os.fdatasync(fd)
        return count * batch / (time.perf_counter() - began)
    finally:
        os.close(fd)


async def _through_store(store: FileStore, batch: int, count: int) -> float:
    claim = await _claim(store)
    lines = [line_of(claim.stream_id)] * batch
    began = time.perf_counter()
    await _append(store, claim, lines, count)
    seconds = time.perf_counter() - began
    await store.delete(claim.stream_id)
    return count * batch / seconds


async def _claim(store: FileStore) -> Claim:
    session_id = SystemClock().new_id("session")
    return await store.create(session_id, [line_of(session_id)])


async def _append(store: FileStore, claim: Claim, lines: list[bytes], count: int) -> None:
    for _ in range(count):
        await store.append(claim, lines, expect=claim.head)


# --- many sessions --------------------------------------------------------------------------------------------------


async def _many_sessions(effort: Effort, store: FileStore, folder: Path, sessions: int) -> Result:
    count = effort.of(12_800, 64) // sessions
    what, goal = f"{sessions} sessions, each one event at a time", Goal("ratio", "least", 0.3)
    row = Row("appends", what, "one shared log", "/s", goal, "the stretch is 0.8")
    baseline = partial(_shared_log, folder / "shared", sessions, count)
    return await compare(row, effort.of(7, 1), baseline, partial(_side_by_side, store, sessions, count))


async def _side_by_side(store: FileStore, sessions: int, count: int) -> float:
    claims = [await _claim(store) for _ in range(sessions)]
    line = [line_of("session_0")]
    began = time.perf_counter()
    await asyncio.gather(*(_append(store, claim, line, count) for claim in claims))
    seconds = time.perf_counter() - began
    for claim in claims:
        await store.delete(claim.stream_id)
    return sessions * count / seconds


class _SharedLog:
    """One file for all: what comes while a batch is being synced is the next batch."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._pool = ThreadPoolExecutor(1)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def append(self, line: bytes) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((line, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            data = b"".join(line for line, _ in batch)
            await asyncio.get_running_loop().run_in_executor(self._pool, self._to_disk, data)
            for _, done in batch:
                done.set_result(None)

    def _to_disk(self, data: bytes) -> None:
        os.write(self._fd, data)
        os.fdatasync(self._fd)

    def close(self) -> None:
        self._pool.shutdown()
        os.close(self._fd)


async def _shared_log(path: Path, sessions: int, count: int) -> float:
    log, line = _SharedLog(path), line_of("session_0")

    async def one() -> None:
        for _ in range(count):
            await log.append(line)

    try:
        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(sessions)))
        return sessions * count / (time.perf_counter() - began)
    finally:
        log.close()


# --- the session around the store -----------------------------------------------------------------------------------


async def _whole_sessions(bench: Bench) -> AsyncIterator[Result]:
    effort, folder = bench.effort, bench.place("house")
    store = FileStore(folder / "sessions")
    store.open()
    never = asyncio.Event()
    model = ScriptedModel(otherwise=Line("never", gate=never))
    async with open_house(store, model, folder / "agents", clock=FakeClock()) as house:
        for posters, count, limit in ((1, effort.of(MESSAGES, 10), 0.6), (BATCH, effort.of(MESSAGES // BATCH, 1), 0.9)):
            what, goal = f"Session.post of messages, {posters} at a time", Goal("ratio", "least", limit)
            row = Row("appends", what, "write + fdatasync", "/s", goal, "admitted, encoded, durable, applied and told")
            baseline = partial(_bare, bench.folder / "bare", posters, effort.of(300, 10))
            yield await compare(row, effort.of(9, 1), baseline, partial(_posted, house, model, posters, count))


async def _posted(house: House, model: ScriptedModel, posters: int, count: int) -> float:
    """Messages to a session whose model never answers, so that they are received and nothing else happens."""
    session_id = await house.new()
    before = len(model.requests)
    await house.say(session_id, "hold")
    await model.asked(before + 1)

    async def one() -> None:
        for _ in range(count):
            await house.sessions.post(session_id, Message(text=_TEXT))

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(posters)))
    return posters * count / (time.perf_counter() - began)
