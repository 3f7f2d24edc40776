"""What is proposed to a session's one writer: decisions, each made against the state that it will follow."""

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
    """Who writes, and where. `seed` begins the checksums of the session's lines."""

    claim: Claim
    clock: Clock
    node: str
    seed: int


@dataclass(slots=True)
class PendingCommit:
    """A decision that somebody waits for: `done` has its records once they are durable, or why there are none.

    `claim`: the record of a new owner is written even when there is nothing else to write.
    """

    decide: Decide
    done: "asyncio.Future[list[Record]]"
    claim: bool = False
    records: list[Record] = field(default_factory=list)
    encoded: list[Encoded] = field(default_factory=list)

    def refuse(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def accept(self) -> None:
        if not self.done.done():
            self.done.set_result(self.records)


def decide_batch(batch: Sequence[PendingCommit], state: SessionState, writing: WriterContext) -> SessionState:
    """Each decision against the state that the ones before it lead to. Returns the last."""
    for proposal in batch:
        ts = timestamp(writing.clock.now())
        claiming = [] if state.node == writing.node else _records(state.seq, ts, ownership(state, writing))
        owned = reduce(state, claiming)
        try:
            decided = _records(owned.seq, ts, proposal.decide(owned))
        except DuragentError as error:
            proposal.refuse(error)
            continue
        records = [*claiming, *decided] if decided or proposal.claim else []
        try:
            proposal.encoded = [encode(record, writing.seed) for record in records]
        except ValueError as error:
            # What no line can hold must not take the others with it.
            proposal.refuse(InvalidRequest(f"it cannot be stored: {error}"))
            continue
        proposal.records = records
        state = reduce(state, records)
    return state


def _records(seq: int, ts: str, events: Iterable[Event]) -> list[Record]:
    return [Record(seq + i, ts, event) for i, event in enumerate(events, 1)]


def ownership(state: SessionState, writing: WriterContext) -> list[Event]:
    """Before this process writes anything else to a log that another one wrote last."""
    events: list[Event] = []
    if (torn := writing.claim.torn) is not None:
        events.append(LogRecovered(offset=torn.offset, size_bytes=torn.size_bytes, saved_as=torn.saved_as))
    return [*events, OwnerClaimed(epoch=state.epoch + 1, node=writing.node)]
