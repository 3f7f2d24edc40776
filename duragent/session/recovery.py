"""From a log to a state: from the snapshot if it fits the log, else from the beginning. There is no other recovery."""

import asyncio
import contextlib

from duragent.crashpoint import crashpoint
from duragent.errors import Damaged, StoreError
from duragent.journal import snapshot
from duragent.journal.fold import fold_lines
from duragent.journal.line import crc_of, split_lines
from duragent.journal.state import SessionState
from duragent.stores.base import Claim, Store
from duragent.stores.replay import lost_end

FOLD_LINES = 2_000
"""How many stored lines are read at a time."""

SUMMARY_RECORDS = 1_000
"""After reading this many records the summary is written, so that the next start is quick."""


async def recover(store: Store, claim: Claim) -> SessionState:
    """The state at the log's head. A fault that only shows here is noted in `claim.damage`."""
    state = await _from_snapshot(store, claim)
    first, lines = state.seq, b""
    while state.seq < claim.head:
        try:
            lines = await store.read(claim, state.seq, FOLD_LINES)
            if not lines:
                raise _ends_early(claim, state.seq)
            state = await asyncio.to_thread(_fold, state, lines)
        except Damaged as error:
            claim.damage = claim.damage or error
            return await _as_far_as_good(store, claim, error.good_seq)
    crashpoint("session.folded")
    if state.seq - first >= SUMMARY_RECORDS:
        with contextlib.suppress(StoreError):
            await store.put_snapshot(claim, snapshot.dump(snapshot.Snapshot(state, crc_of(lines))))
    return state


def _ends_early(claim: Claim, seq: int) -> Damaged:
    problem = f"the log ends at record {seq}, and had {claim.head}"
    return Damaged(claim.stream_id, "events.jsonl", seq + 1, problem, seq)


def _fold(state: SessionState, block: bytes) -> SessionState:
    for _, _, after in fold_lines(state, split_lines(block)):
        state = after
    return state


async def _as_far_as_good(store: Store, claim: Claim, good_seq: int) -> SessionState:
    state = SessionState(claim.stream_id)
    while state.seq < good_seq:
        try:
            lines = await store.read(claim, state.seq, min(FOLD_LINES, good_seq - state.seq))
            if not lines:
                break
            state = _fold(state, lines)
        except Damaged as error:
            # It is shorter by now than it was a moment ago.
            good_seq = min(error.good_seq, good_seq - 1)
    return state


async def _from_snapshot(store: Store, claim: Claim) -> SessionState:
    fresh = SessionState(claim.stream_id)
    data = await store.get_snapshot(claim.stream_id)
    saved = snapshot.load(data, claim.stream_id) if data else None
    if saved is None:
        return fresh
    if saved.state.seq > claim.head:
        claim.damage = claim.damage or lost_end(claim.stream_id, claim.head, saved, lambda: claim.is_legacy)
        return fresh
    try:
        line = await store.read_back(claim, saved.state.seq + 1, 1)
    except Damaged:
        return fresh
    return saved.state if line and crc_of(line) == saved.last_crc else fresh
