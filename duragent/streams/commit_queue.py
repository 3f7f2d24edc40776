"""The queue of a log's one writer: decisions, each made against the state that it will follow."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from pydantic import BaseModel

from duragent.clock import Clock
from duragent.errors import DuragentError, InvalidRequest
from duragent.journal.events import LogRecovered, OwnerClaimed
from duragent.journal.record import Encoded, StreamRecord, encode, timestamp
from duragent.stores.base import Claim
from duragent.streams.fold import R, S, StreamFold, StreamState


@dataclass(frozen=True, slots=True)
class WriterContext(Generic[S, R]):
    """Who writes, and where."""

    claim: Claim
    clock: Clock
    node: str
    """The id of this process."""
    seed: int
    """Begins the checksums of the log's lines."""
    fold: StreamFold[S, R]
    """What the records add up to."""


@dataclass(slots=True)
class PendingCommit(Generic[S, R]):
    """A decision whose caller waits for the write."""

    decide: Callable[[S], Sequence[BaseModel]]
    """Names the events, given the state that they will follow."""
    done: "asyncio.Future[list[R]]"
    """The records once they are durable, or the error why there are none."""
    then: Callable[[S], Sequence[BaseModel]] | None = None
    """Names more events, given the state that those of `decide` lead to; None: there are no more."""
    claim: bool = False
    """Write the record of a new owner even when there is nothing else to write."""
    records: list[R] = field(default_factory=list)
    """What was decided; empty before, and when there is nothing to write."""
    encoded: list[Encoded] = field(default_factory=list)
    """The lines of `records`, if they are a write of their own."""

    def refuse(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def accept(self) -> None:
        if not self.done.done():
            self.done.set_result(self.records)


def decide_batch(batch: Sequence[PendingCommit[S, R]], state: S, context: WriterContext[S, R]) -> S:
    """Make each decision against the state that the ones before it lead to. Returns the last state."""
    fold = context.fold
    for pending in batch:
        ts = timestamp(context.clock.now())
        claiming = [] if state.node == context.node else _records(fold, state.seq, ts, ownership(state, context))
        owned = fold.reduce(state, claiming)
        try:
            decided = _records(fold, owned.seq, ts, pending.decide(owned))
            if decided and pending.then is not None:
                state_then = fold.reduce(owned, decided)
                decided += _records(fold, state_then.seq, ts, pending.then(state_then))
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
        state = fold.reduce(state, records)
    return state


def lines_of(batch: Sequence[PendingCommit[S, R]], seed: int) -> list[Encoded]:
    """The lines of a whole write, each with its place in it."""
    if len(batch) == 1:
        return batch[0].encoded
    return _encoded([record for pending in batch for record in pending.records], seed)


def _encoded(records: Sequence[StreamRecord[Any]], seed: int) -> list[Encoded]:
    count = len(records)
    if count == 1:
        return [encode(records[0], seed)]
    return [
        encode(StreamRecord(record.seq, record.ts, record.event, f"{i}/{count}"), seed)
        for i, record in enumerate(records, 1)
    ]


def _records(fold: StreamFold[S, R], seq: int, ts: str, events: Iterable[BaseModel]) -> list[R]:
    return [fold.record(seq + i, ts, event) for i, event in enumerate(events, 1)]


def ownership(state: StreamState, context: WriterContext[Any, Any]) -> list[BaseModel]:
    """The events that come first when another process wrote the log last."""
    events: list[BaseModel] = []
    if (torn := context.claim.torn) is not None:
        events.append(LogRecovered(offset=torn.offset, size_bytes=torn.size_bytes, saved_as=torn.saved_as))
    return [*events, OwnerClaimed(epoch=state.epoch + 1, node=context.node)]
