"""From a log to a state: from the snapshot if it fits the log, else from the beginning. There is no other recovery."""

import asyncio
import contextlib

from duragent.crashpoint import crashpoint
from duragent.errors import Damaged, StoreError
from duragent.journal.line import crc_of
from duragent.journal.snapshot import Snapshot
from duragent.stores.base import Claim, Store, Stream
from duragent.stores.replay import lost_end
from duragent.streams.fold import R, S, StreamFold

FOLD_LINES = 2_000
"""How many stored lines are read at a time."""

SUMMARY_RECORDS = 1_000
"""After reading this many records the summary is written, so that the next start is quick."""


async def recover(store: Store, claim: Claim, fold: StreamFold[S, R]) -> S:
    """The state at the log's head. A fault that only shows here is noted in `claim.damage`."""
    state = await _from_snapshot(store, claim, fold)
    first, lines = state.seq, b""
    while state.seq < claim.head:
        try:
            lines = await store.read(claim, state.seq, FOLD_LINES)
            if not lines:
                raise _ends_early(claim, state.seq, fold)
            state = await asyncio.to_thread(_folded, fold, state, claim.stream_id, lines)
        except Damaged as error:
            claim.damage = claim.damage or error
            return await _as_far_as_good(store, claim, fold, error.good_seq)
    crashpoint("log.folded")
    if state.seq - first >= SUMMARY_RECORDS and fold.kind.snapshots is not None:
        with contextlib.suppress(StoreError):
            await store.put_snapshot(claim, fold.kind.snapshots.dump(Snapshot(state, crc_of(lines))))
    return state


def _ends_early(claim: Claim, seq: int, fold: StreamFold[S, R]) -> Damaged:
    problem = f"the log ends at record {seq}, and had {claim.head}"
    return Stream(claim.stream_id, fold.kind).damaged("events.jsonl", seq + 1, problem, seq)


def _folded(fold: StreamFold[S, R], state: S, stream_id: str, block: bytes) -> S:
    for _, after in fold.steps(state, stream_id, block):
        state = after
    return state


async def _as_far_as_good(store: Store, claim: Claim, fold: StreamFold[S, R], good_seq: int) -> S:
    state = fold.initial(claim.stream_id)
    while state.seq < good_seq:
        try:
            lines = await store.read(claim, state.seq, min(FOLD_LINES, good_seq - state.seq))
            if not lines:
                break
            state = _folded(fold, state, claim.stream_id, lines)
        except Damaged as error:
            # It is shorter by now than it was a moment ago.
            good_seq = min(error.good_seq, good_seq - 1)
    return state


async def _from_snapshot(store: Store, claim: Claim, fold: StreamFold[S, R]) -> S:
    fresh, form = fold.initial(claim.stream_id), fold.kind.snapshots
    data = await store.get_snapshot(claim.stream_id)
    saved: Snapshot[S] | None = form.load(data, claim.stream_id) if data and form else None
    if saved is None:
        return fresh
    if saved.state.seq > claim.head:
        lost = lost_end(Stream(claim.stream_id, fold.kind), claim.head, saved, lambda: claim.is_legacy)
        claim.damage = claim.damage or lost
        return fresh
    try:
        line = await store.read_back(claim, saved.state.seq + 1, 1)
    except Damaged:
        return fresh
    return saved.state if line and crc_of(line) == saved.last_crc else fresh
