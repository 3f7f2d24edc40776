"""Logs that become sessions of their own: a fork, an import; and one that goes on without what was damaged.

The law: a copy is checked record by record on its way, and it never goes on by itself with what was under way in the
original. Nobody there could know how far that came.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from duragent.errors import Damaged
from duragent.journal.apply import apply
from duragent.journal.detach import closing, wound_up
from duragent.journal.events import Event, OwnerClaimed, SessionCreated
from duragent.journal.fold import LOG_NAME, decode_lines
from duragent.journal.line import BadLine, is_legacy, rebound, split_lines, tx_of
from duragent.journal.record import Record, blobs_of, crc_seed, encode
from duragent.journal.scan import ends_group, next_tx
from duragent.journal.state import SessionState

AT_ONCE = 256
"""Lines that are written at once."""

TOGETHER_MAX_BYTES = 512 << 20
"""Whoever opens a log has to hold a whole group of its records. None that was ever written is half as long."""


@dataclass(frozen=True, slots=True)
class CopySource:
    """Who copies, when, and why: the beginning of a sentence ("the session was forked")."""

    why: str
    ts: str
    node: str


@dataclass(slots=True)
class LogCopy:
    """A log of the session `source` on its way to the session `target`.

    `first` changes the first record; `more` is what follows the last one besides what ends that was under way. After
    the lines, `blobs` has the names of all that they refer to, and `state` is the new session's. `closed_seq` is the
    record that closed the original, 0 for none; `tx` the group of records that is not complete.
    """

    source: str
    target: str
    by: CopySource
    first: Callable[[SessionCreated], SessionCreated] | None = None
    more: Sequence[Event] = ()
    blobs: set[str] = field(default_factory=set)
    closed_seq: int = 0
    tx: tuple[int, int] | None = None
    state: SessionState = field(init=False)

    def __post_init__(self) -> None:
        self.state = SessionState(self.target)

    async def lines(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[Sequence[bytes]]:
        """The lines of the new log, never a group in two pieces. Raises Damaged for a record that is not good."""
        together, size = list[bytes](), 0
        async for block in blocks:
            for record, line in await asyncio.to_thread(self.take, block):
                together.append(line)
                size += len(line)
                if size > TOGETHER_MAX_BYTES:
                    problem = f"record {record.seq} is of a group that is too long"
                    raise Damaged(self.source, LOG_NAME, record.seq, problem, record.seq - 1)
                if len(together) >= AT_ONCE and (ends_group(record) or self.source != self.target):
                    yield together
                    together, size = [], 0
        ended, self.state = closing(self.state, self._ending(), self.by.ts)
        if together or ended:
            yield [*together, *ended]

    def _ending(self) -> list[Event]:
        events = [*wound_up(self.state, self.by.why), *self.more]
        # Who writes has claimed the session before; and a fork is the work of whoever forks.
        is_fork = self.first is not None
        return [OwnerClaimed(epoch=self.state.epoch + 1, node=self.by.node), *events] if events or is_fork else []

    def take(self, block: bytes) -> list[tuple[Record, bytes]]:
        """The records of the next stored lines, each with its line in the new log."""
        return list(self._taken(block))

    def _taken(self, block: bytes) -> Iterator[tuple[Record, bytes]]:
        for line, record in decode_lines(split_lines(block), self.source, self.state.seq):
            self._must_follow(line, record)
            record, copied = self._as_copied(line, record)
            yield record, copied
            self.state = apply(self.state, record)
            self.closed_seq = self.closed_seq or record.seq if self.state.closed else 0

    def _must_follow(self, line: bytes, record: Record) -> None:
        """Raises Damaged for a record that is not the next one, or not the next one of its group."""
        seq = self.state.seq
        try:
            self.tx = next_tx(self.tx, tx_of(line))
        except BadLine as error:
            raise Damaged(self.source, LOG_NAME, seq + 1, str(error), seq) from error
        # The beginning of a log of duragent-rust may have been compacted away.
        if record.seq != seq + 1 and not (seq == 0 and is_legacy(line)):
            raise Damaged(self.source, LOG_NAME, seq + 1, f"record {record.seq} follows record {seq}", seq)

    def _as_copied(self, line: bytes, record: Record) -> tuple[Record, bytes]:
        event = record.event
        self.blobs |= blobs_of(line, event)
        if isinstance(event, SessionCreated) and record.seq == 1 and self.first is not None:
            record = Record(record.seq, record.ts, self.first(event))
            return record, encode(record, crc_seed(self.target)).line
        return record, (line if self.source == self.target else rebound(line, crc_seed(self.target))) + b"\n"
