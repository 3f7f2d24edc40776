"""Logs that become sessions of their own: a fork, an import; and one that goes on without what was damaged.

The law: a copy is checked record by record on its way, and it never goes on by itself with what was under way in the
original. It cannot be known there how far that came.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from duragent.errors import Damaged
from duragent.journal.apply import apply
from duragent.journal.detach import closing, wound_up
from duragent.journal.events import Event, OwnerClaimed, SessionCreated, TextForgotten
from duragent.journal.fold import LOG_NAME, decode_lines
from duragent.journal.forgotten import names_of
from duragent.journal.line import BadLine, is_legacy, rebound, split_lines, tx_of
from duragent.journal.record import Record, blobs_of, crc_seed, encode
from duragent.journal.scan import ends_group, next_tx
from duragent.journal.state import SessionState

AT_ONCE = 256
"""Lines that are written at once."""

TOGETHER_MAX_BYTES = 512 << 20
"""A log that is opened needs a whole group of its records in memory. None that was ever written is half as long."""


@dataclass(frozen=True, slots=True)
class CopySource:
    """Who copies, when, and why."""

    why: str
    """The beginning of a sentence: "the session was forked"."""
    ts: str
    """The time of the records that are added, RFC 3339 in UTC with milliseconds."""
    node: str
    """The node that owns the copy."""


@dataclass(slots=True)
class LogCopy:
    """A log on its way from one session to another; what it has seen is complete after its last line."""

    source: str
    """The id of the session whose lines come in."""
    target: str
    """The id of the session that they become."""
    by: CopySource
    first: Callable[[SessionCreated], SessionCreated] | None = None
    """Changes the first record: it makes the copy a fork. None leaves it as it is."""
    more: Sequence[Event] = ()
    """What follows the last record, besides what winds up a turn that was open."""
    together_max_bytes: int = TOGETHER_MAX_BYTES
    """How long a group of lines may be, with the lines that are written together with it."""
    blobs: set[str] = field(default_factory=set)
    """The SHA-256 of all that the lines so far refer to."""
    forgotten: set[str] = field(default_factory=set)
    """Those of them that are absent without damage, as the records say that there are."""
    closed_seq: int = 0
    """The seq of the record that closed the original; 0 while none has."""
    tx: tuple[int, int] | None = None
    """(i, n) of the last line of a group that is not complete; None between groups."""
    state: SessionState = field(init=False)
    """The state of the new session after the lines so far."""

    def __post_init__(self) -> None:
        self.state = SessionState(self.target)
        for event in self.more:
            self._note_forgotten(event)

    async def lines(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[Sequence[bytes]]:
        """The lines of the new log, never a group in two pieces. Raises Damaged for a record that is not good."""
        together, size = list[bytes](), 0
        async for block in blocks:
            for record, line in await asyncio.to_thread(self.take, block):
                together.append(line)
                size += len(line)
                if size > self.together_max_bytes:
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
        # A session is claimed before it is written; and this node has made the fork.
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

    def _note_forgotten(self, event: Event) -> None:
        if isinstance(event, TextForgotten):
            self.forgotten |= names_of(event)

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
        self._note_forgotten(event)
        if isinstance(event, SessionCreated) and record.seq == 1 and self.first is not None:
            record = Record(record.seq, record.ts, self.first(event))
            return record, encode(record, crc_seed(self.target)).line
        return record, (line if self.source == self.target else rebound(line, crc_seed(self.target))) + b"\n"
