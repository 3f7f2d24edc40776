"""The one writer of a log, of a session or of any other stream.

The law is in `_write_batch`: durable, then true, then told. Whatever wants a record written hands in a decision;
decisions are made one after another against the state that they will follow. Those that arrive during a write go into
the next one. An idle writer has no task.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from pydantic import BaseModel

from duragent.bus import Block, Topic
from duragent.clock import Clock
from duragent.crashpoint import crashpoint
from duragent.errors import DuragentError, Fenced, Stopping, StoreError, StoreFull, Unavailable
from duragent.journal.line import crc_of
from duragent.journal.snapshot import Snapshot
from duragent.stores.base import Claim, Store, Stream
from duragent.streams.commit_queue import PendingCommit, WriterContext, decide_batch, lines_of
from duragent.streams.fold import R, S, StreamFold

FULL_SECONDS = 60.0
"""After this time a write that found no room no longer counts as a problem: there may have been no write since."""

BATCH = 64
"""The largest number of decisions in one write."""

_log = logging.getLogger(__name__)


class WriterPorts(Protocol):
    """What a writer needs of the rooms around it."""

    @property
    def store(self) -> Store:
        """Where its log is."""
        ...

    @property
    def clock(self) -> Clock:
        """The source of time."""
        ...

    @property
    def node(self) -> str:
        """Names this process in the log."""
        ...

    @property
    def spawn(self) -> Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]:
        """Starts a task of the server's."""
        ...


@dataclass(frozen=True, slots=True)
class WriterHooks(Generic[R]):
    """What the owner of a writer does after a write."""

    written: Callable[[Sequence[R]], None]
    """Called with the records of each write, after they were published."""
    failed: Callable[[], None]
    """Called once, when the log can no longer be written; `problem` is set by then."""


class LogWriter(Generic[S, R]):
    """Writes one log under its claim, and holds the state that the log adds up to."""

    state: S
    """The fold of all durable records."""
    problem: DuragentError | None
    """Why nothing more can be written; None while it can."""
    deleting: bool
    """The stream is being deleted: a claim that is over is then no fault."""
    last_crc: str
    """The checksum of the last line that this process wrote; "" before the first."""
    task: asyncio.Task[None] | None
    """The write under way, or the last one; None before the first."""

    def __init__(
        self,
        ports: WriterPorts,
        fold: StreamFold[S, R],
        claim: Claim,
        state: S,
        topic: Topic,
        hooks: WriterHooks[R],
    ) -> None:
        self._ports, self._fold, self._topic, self._hooks = ports, fold, topic, hooks
        self.claim, self.state = claim, state
        self.problem = claim.damage
        self.deleting = False
        self.task = None
        self._stream = Stream(claim.stream_id, fold.kind)
        self._context = WriterContext(claim, ports.clock, ports.node, self._stream.seed, fold)
        self._pending: list[PendingCommit[S, R]] = []
        self.last_crc = ""
        self._full: tuple[float, StoreFull] | None = None

    @property
    def writing(self) -> bool:
        """Whether a write is under way: the log may then hold more than the state says."""
        return self.task is not None and not self.task.done()

    @property
    def busy(self) -> bool:
        """Whether a write is under way, or a decision waits for one."""
        return self.writing or bool(self._pending)

    @property
    def trouble(self) -> str | None:
        """Why the store cannot be written, as far as the newest attempts show; None when they worked."""
        if isinstance(self.problem, Unavailable):
            return str(self.problem)
        since = self._ports.clock.monotonic() - FULL_SECONDS
        return str(self._full[1]) if self._full and self._full[0] >= since else None

    def snapshot(self) -> Snapshot[S] | None:
        """What `state.yaml` should hold; None before the first write of this process, and after a failure."""
        return Snapshot(self.state, self.last_crc) if self.last_crc and self.problem is None else None

    async def commit(
        self,
        decide: Callable[[S], Sequence[BaseModel]],
        *,
        then: Callable[[S], Sequence[BaseModel]] | None = None,
        claim: bool = False,
    ) -> list[R]:
        """Write the events that `decide` names for the state that they will follow; durable and told on return.

        `then` names what follows on them in the same write; it is not asked when there are none. With `claim` the log
        gets the record of this process as its owner even when there are no other events. A caller that is cancelled
        takes nothing back: its decision is still made. Raises what `decide` raises, the problem of the log, StoreFull.
        """
        if self.problem is not None:
            raise self.problem
        pending: PendingCommit[S, R] = PendingCommit(decide, asyncio.get_running_loop().create_future(), then, claim)
        self._pending.append(pending)
        if not self.writing:
            self.task = self._ports.spawn(self._write())
        return await pending.done

    async def _write(self) -> None:
        while self._pending:
            batch, self._pending = self._pending[:BATCH], self._pending[BATCH:]
            try:
                await self._write_batch(batch)
            except StoreError as error:
                self._give_up(batch, error)
            except asyncio.CancelledError:
                for pending in batch:
                    pending.refuse(self.problem or Stopping())
                raise
            except Exception as error:
                _log.exception("writing %s failed", self._stream)
                self._give_up(batch, Unavailable(f"{self._stream} cannot be written: {error}"))

    async def _write_batch(self, batch: list[PendingCommit[S, R]]) -> None:
        """Durable, then true, then told."""
        state = decide_batch(batch, self.state, self._context)
        records = [record for pending in batch for record in pending.records]
        if records:
            encoded = lines_of(batch, self._context.seed)
            for line in encoded:
                for name, data in line.blobs.items():
                    await self._ports.store.put_blob(self.claim, name, data)
            lines = [line.line for line in encoded]
            await self._ports.store.append(self.claim, lines, expect=self.state.seq)
            self.state = state
            self.last_crc = crc_of(lines[-1])
            crashpoint("commit.stored")
            self._topic.publish(Block(b"".join(lines), records[0].seq, records[-1].seq))
            crashpoint("commit.published")
        for pending in batch:
            pending.accept()
        if records:
            self._full = None
            self._hooks.written(records)

    def _give_up(self, batch: list[PendingCommit[S, R]], error: StoreError) -> None:
        if isinstance(error, StoreFull):
            self._full = (self._ports.clock.monotonic(), error)
        else:
            self.fail(error)
        for pending in batch:
            pending.refuse(self._fold.gone(self.claim.stream_id) if self._is_gone(error) else error)

    def _is_gone(self, error: StoreError) -> bool:
        """Whether the store took the claim because it deleted the stream; its owner is then about to let go of it."""
        return self.deleting and isinstance(error, Fenced)

    def fail(self, error: StoreError) -> None:
        """Write nothing more, and close the topic.

        Watchers must reconnect; they then get the error, or the reopened log.
        """
        if self.problem is None and not self._is_gone(error):
            _log.error("%s", error)
            self.problem = error
            self._hooks.failed()
            self._topic.close()

    def refuse_all(self, error: DuragentError) -> None:
        """Refuse the decisions that wait for a write; the write under way is over by then."""
        for pending in self._pending:
            pending.refuse(error)
