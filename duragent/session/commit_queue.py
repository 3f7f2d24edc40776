"""The queue of a session's one writer: decisions, each made against the state that it will follow."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from duragent.clock import Clock
from duragent.errors import DuragentError, InvalidRequest
from duragent.journal.apply import reduce
from duragent.journal.events import Event, LogRecovered, OwnerClaimed
from duragent.journal.record import Encoded, Record, encode, timestamp
from duragent.journal.state import SessionState
from duragent.stores.base import Claim
from duragent.turn.host import Decide


@dataclass(frozen=True, slots=True)
class WriterContext:
    """Who writes, and where."""

    claim: Claim
    clock: Clock
    node: str
    """The id of this process."""
    seed: int
    """Begins the checksums of the session's lines."""


@dataclass(slots=True)
class PendingCommit:
    """A decision whose caller waits for the write."""

    decide: Decide
    """Names the events, given the state that they will follow."""
    done: "asyncio.Future[list[Record]]"
    """The records once they are durable, or the error why there are none."""
    then: Decide | None = None
    """Names more events, given the state that those of `decide` lead to; None: there are no more."""
    claim: bool = False
    """Write the record of a new owner even when there is nothing else to write."""
    records: list[Record] = field(default_factory=list)
    """What was decided; empty before, and when there is nothing to write."""
    encoded: list[Encoded] = field(default_factory=list)
    """The lines of `records`, if they are a write of their own."""

    def refuse(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def accept(self) -> None:
        if not self.done.done():
            self.done.set_result(self.records)


def decide_batch(batch: Sequence[PendingCommit], state: SessionState, context: WriterContext) -> SessionState:
    """Make each decision against the state that the ones before it lead to. Returns the last state."""
    for pending in batch:
        ts = timestamp(context.clock.now())
        claiming = [] if state.node == context.node else _records(state.seq, ts, ownership(state, context))
        owned = reduce(state, claiming)
        try:
            decided = _records(owned.seq, ts, pending.decide(owned))
            if decided and pending.then is not None:
                state_then = reduce(owned, decided)
                decided += _records(state_then.seq, ts, pending.then(state_then))
        except DuragentError as error:
            pending.refuse(error)
            continue
        records = [*claiming, *decided] if decided or pending.claim else []
        try:
            pending.encoded = _encoded(records, context.seed)
        except ValueError as error:
            # A text that no line can hold must not fail the other decisions.
            pending.refuse(InvalidRequest(f"it cannot be stored: {error}"))
            continue
        pending.records = records
        state = reduce(state, records)
    return state


def lines_of(batch: Sequence[PendingCommit], seed: int) -> list[Encoded]:
    """The lines of a whole write, each with its place in it."""
    if len(batch) == 1:
        return batch[0].encoded
    return _encoded([record for pending in batch for record in pending.records], seed)


def _encoded(records: Sequence[Record], seed: int) -> list[Encoded]:
    count = len(records)
    if count == 1:
        return [encode(records[0], seed)]
    return [
        encode(Record(record.seq, record.ts, record.event, f"{i}/{count}"), seed) for i, record in enumerate(records, 1)
    ]


def _records(seq: int, ts: str, events: Iterable[Event]) -> list[Record]:
    return [Record(seq + i, ts, event) for i, event in enumerate(events, 1)]


def ownership(state: SessionState, context: WriterContext) -> list[Event]:
    """The events that come first when another process wrote the log last."""
    events: list[Event] = []
    if (torn := context.claim.torn) is not None:
        events.append(LogRecovered(offset=torn.offset, size_bytes=torn.size_bytes, saved_as=torn.saved_as))
    return [*events, OwnerClaimed(epoch=state.epoch + 1, node=context.node)]
