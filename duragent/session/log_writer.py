"""The one writer of a session's log.

The law is in `_write_batch`: durable, then true, then told. Whatever wants a record written hands in a decision;
decisions are made one after another against the state that they will follow. Those that arrive during a write go into
the next one. An idle writer has no task.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from duragent.bus import Block, Topic
from duragent.crashpoint import crashpoint
from duragent.errors import DuragentError, Fenced, SessionDeleted, Stopping, StoreError, StoreFull, Unavailable
from duragent.journal.line import crc_of
from duragent.journal.record import Record, crc_seed
from duragent.journal.snapshot import Snapshot
from duragent.journal.state import SessionState
from duragent.session.commit_queue import PendingCommit, WriterContext, decide_batch, lines_of
from duragent.stores.base import Claim
from duragent.turn.host import Decide
from duragent.turn.ports import Ports

FULL_SECONDS = 60.0
"""After this time a write that found no room no longer counts as a problem: there may have been no write since."""

BATCH = 64
"""The largest number of decisions in one write."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WriterHooks:
    """What the session does after a write."""

    written: Callable[[Sequence[Record]], None]
    """Called with the records of each write, after they were published."""
    failed: Callable[[], None]
    """Called once, when the log can no longer be written; `problem` is set by then."""


class LogWriter:
    """Writes one log under its claim, and holds the state that the log adds up to."""

    state: SessionState
    """The fold of all durable records."""
    problem: DuragentError | None
    """Why nothing more can be written; None while it can."""
    deleting: bool
    """The session is being deleted: a claim that is over is then no fault."""
    last_crc: str
    """The checksum of the last line that this process wrote; "" before the first."""
    task: asyncio.Task[None] | None
    """The write under way, or the last one; None before the first."""

    def __init__(self, ports: Ports, claim: Claim, state: SessionState, topic: Topic, hooks: WriterHooks) -> None:
        self._ports, self._topic, self._hooks = ports, topic, hooks
        self.claim, self.state = claim, state
        self.problem = claim.damage
        self.deleting = False
        self.task = None
        self._seed = crc_seed(claim.stream_id)
        self._context = WriterContext(claim, ports.clock, ports.node, self._seed)
        self._pending: list[PendingCommit] = []
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

    def snapshot(self) -> Snapshot | None:
        """What `state.yaml` should hold; None before the first write of this process, and after a failure."""
        return Snapshot(self.state, self.last_crc) if self.last_crc and self.problem is None else None

    async def commit(self, decide: Decide, *, then: Decide | None = None, claim: bool = False) -> list[Record]:
        """Write the events that `decide` names for the state that they will follow; durable and told on return.

        `then` names what follows on them in the same write; it is not asked when there are none. With `claim` the log
        gets the record of this process as its owner even when there are no other events. A caller that is cancelled
        takes nothing back: its decision is still made. Raises what `decide` raises, the problem of the log, StoreFull.
        """
        if self.problem is not None:
            raise self.problem
        pending = PendingCommit(decide, asyncio.get_running_loop().create_future(), then, claim)
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
                _log.exception("writing session %s failed", self.claim.stream_id)
                self._give_up(batch, Unavailable(f"session '{self.claim.stream_id}' cannot be written: {error}"))

    async def _write_batch(self, batch: list[PendingCommit]) -> None:
        """Durable, then true, then told."""
        state = decide_batch(batch, self.state, self._context)
        records = [record for pending in batch for record in pending.records]
        if records:
            encoded = lines_of(batch, self._seed)
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

    def _give_up(self, batch: list[PendingCommit], error: StoreError) -> None:
        if isinstance(error, StoreFull):
            self._full = (self._ports.clock.monotonic(), error)
        else:
            self.fail(error)
        for pending in batch:
            pending.refuse(SessionDeleted(self.claim.stream_id) if self._is_gone(error) else error)

    def _is_gone(self, error: StoreError) -> bool:
        """Whether the store took the claim because it deleted the session; the session is then about to retire."""
        return self.deleting and isinstance(error, Fenced)

    def fail(self, error: StoreError) -> None:
        """Write nothing more, and close the topic.

        Watchers must reconnect; they then get the error, or the reopened session.
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
