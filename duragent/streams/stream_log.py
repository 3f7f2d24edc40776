"""One stream alive that is no session: opened, written by decisions, read, closed.

    log = await StreamLog.open_or_create(ports, "mind-ada", FOLD, lambda: [MindCreated(agent="ada")])
    await log.commit(lambda state: [FileSeen(…)] if … else [])
    log.state

The law is the writer's: durable, then true, then told. A stream has one `StreamLog` at a time in a process; its owner
sees to that.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, cast

from pydantic import BaseModel

from duragent.bus import Topic
from duragent.clock import Clock
from duragent.errors import Damaged, DuragentError, NotFound, StoreError
from duragent.journal.line import split_lines
from duragent.journal.record import StreamRecord, blob_names, decode, encode, timestamp
from duragent.stores.base import Claim, Store, Stream
from duragent.streams.fold import R, S, StreamFold
from duragent.streams.log_writer import LogWriter, WriterHooks
from duragent.streams.recovery import recover

SNAPSHOT_RECORDS = 200
"""After so many records the summary is written, and when the log is closed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamPorts:
    """What a stream needs of the rooms around it."""

    store: Store
    """Where the streams of its kind are."""
    clock: Clock
    """The source of time."""
    node: str
    """Names this process in the log."""
    spawn: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
    """Starts a task of the server's."""


class StreamLog(Generic[S, R]):
    """See the module docstring."""

    topic: Topic
    """What watchers of this stream subscribe to."""

    def __init__(self, ports: StreamPorts, fold: StreamFold[S, R], claim: Claim, state: S) -> None:
        """For `open` and `create`, which are how one is made."""
        self._ports, self._fold, self._claim = ports, fold, claim
        self.topic = Topic()
        hooks: WriterHooks[R] = WriterHooks(self._written, lambda: None)
        self._writer = LogWriter(ports, fold, claim, state, self.topic, hooks)
        self._saved_seq = state.seq
        self._saving = asyncio.Lock()

    @classmethod
    async def open(cls, ports: StreamPorts, name: str, fold: StreamFold[S, R]) -> "StreamLog[S, R]":
        """Claim the stream and recover its state. One that is damaged can be read; see `problem`.

        Raises the kind's `not_found`, Unavailable.
        """
        claim = await ports.store.claim(name)
        try:
            return cls(ports, fold, claim, await recover(ports.store, claim, fold))
        except BaseException:
            await ports.store.release(claim)
            raise

    @classmethod
    async def create(
        cls, ports: StreamPorts, name: str, fold: StreamFold[S, R], first: Sequence[BaseModel]
    ) -> "StreamLog[S, R]":
        """A new stream that begins with these events. Raises the kind's `exists`, StoreFull, Unavailable."""
        ts, seed, count = timestamp(ports.clock.now()), Stream(name, fold.kind).seed, len(first)
        marks = [f"{at}/{count}" if count > 1 else None for at in range(1, count + 1)]
        records = [fold.record(at, ts, event, marks[at - 1]) for at, event in enumerate(first, 1)]
        claim = await ports.store.create(name, [encode(record, seed).line for record in records])
        return cls(ports, fold, claim, fold.reduce(fold.initial(name), records))

    @classmethod
    async def open_or_create(
        cls, ports: StreamPorts, name: str, fold: StreamFold[S, R], first: Callable[[], Sequence[BaseModel]]
    ) -> "StreamLog[S, R]":
        """The stream, made with the events of `first` where there is none."""
        try:
            return await cls.open(ports, name, fold)
        except NotFound:
            return await cls.create(ports, name, fold, first())

    @property
    def name(self) -> str:
        return self._claim.stream_id

    @property
    def state(self) -> S:
        """The fold of all durable records."""
        return self._writer.state

    @property
    def problem(self) -> DuragentError | None:
        """Why nothing more can be written; None while it can."""
        return self._writer.problem

    @property
    def busy(self) -> bool:
        """Whether a write is under way or waits."""
        return self._writer.busy

    async def commit(
        self,
        decide: Callable[[S], Sequence[BaseModel]],
        *,
        then: Callable[[S], Sequence[BaseModel]] | None = None,
    ) -> list[R]:
        """Write the events that `decide` names for the state that they will follow; durable and told on return.

        Raises what `decide` raises, the problem of the log, StoreFull.
        """
        return await self._writer.commit(decide, then=then)

    async def records(self, after: int, limit: int) -> list[R]:
        """Records behind seq `after`, oldest first, at most `limit`, with their texts. Raises Damaged."""
        return await self._decoded(self._ports.store.read(self._claim, after, limit))

    async def records_back(self, before: int | None, limit: int) -> list[R]:
        """The newest `limit` records with seq < `before` (None: of all), oldest first. Raises Damaged."""
        return await self._decoded(self._ports.store.read_back(self._claim, before, limit))

    async def _decoded(self, reading: Coroutine[Any, Any, bytes]) -> list[R]:
        try:
            lines = await reading
        except Damaged as error:
            self._writer.fail(error)
            raise
        blobs = {name: await self.blob(name) for name in blob_names(lines)}
        seed, types = Stream(self.name, self._fold.kind).seed, self._fold.kind.types
        found: list[StreamRecord[Any]] = [
            decode(line, seed, blobs.__getitem__, types=types) for line in split_lines(lines)
        ]
        return cast("list[R]", found)

    async def put_blob(self, data: bytes) -> str:
        """Store a text beside the log; durable on return. Returns its SHA-256."""
        sha = hashlib.sha256(data).hexdigest()
        await self._ports.store.put_blob(self._claim, sha, data)
        return sha

    async def blob(self, sha256: str) -> bytes:
        """Raises Damaged when it is absent or is not what its name says."""
        return await self._ports.store.get_blob(self._claim, sha256)

    async def drop_blob(self, sha256: str) -> None:
        """Remove a blob. One that is not there is no error."""
        await self._ports.store.drop_blob(self._claim, sha256)

    # --- the summary and the end ------------------------------------------------------------------------------------

    def _written(self, records: Sequence[R]) -> None:
        if self.state.seq - self._saved_seq >= SNAPSHOT_RECORDS:
            self._saved_seq = self.state.seq
            self._ports.spawn(self._save())

    async def _save(self) -> None:
        """Write the summary. It is a cache: what fails here is logged."""
        async with self._saving:
            newest, form = self._writer.snapshot(), self._fold.kind.snapshots
            if newest is None or form is None:
                return
            try:
                # A state may be a megabyte of text.
                data = await asyncio.to_thread(form.dump, newest)
                await self._ports.store.put_snapshot(self._claim, data)
                self._saved_seq = newest.state.seq
            except (OSError, StoreError) as error:
                _log.warning("state.yaml of %s was not written: %s", Stream(self.name, self._fold.kind), error)

    async def close(self) -> None:
        """Let the write under way end, write the summary, and give the claim back."""
        if self._writer.task is not None:
            await asyncio.wait((self._writer.task,))
        await self._save()
        self.topic.close()
        with contextlib.suppress(StoreError):
            await self._ports.store.release(self._claim)
