"""The fold is total, and a snapshot is the same state or none."""

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from duragent.journal import events as e
from duragent.journal.apply import apply, reduce
from duragent.journal.record import Record, crc_seed, decode, encode
from duragent.journal.snapshot import Snapshot, dump, load
from duragent.journal.state import REMEMBERED_KEYS, SessionState
from tests.journal.strategies import RECORDS

SESSION = "session_01state"
SEED = crc_seed(SESSION)
TS = "2026-11-20T23:58:16.123Z"
HISTORIES = st.lists(RECORDS, max_size=25)


def folded(records: list[Record]) -> SessionState:
    return reduce(SessionState(SESSION), records)


@given(HISTORIES)
def test_fold_takes_any_records_in_any_order(records: list[Record]) -> None:
    state = folded(records)
    assert state.seq == (records[-1].seq if records else 0)
    assert state.status in ("active", "running", "paused", "completed")
    assert isinstance(state.has_work, bool)


@given(HISTORIES)
def test_state_is_the_same_live_and_after_a_restart(records: list[Record]) -> None:
    stored = [decode(encode(record, SEED).line, SEED) for record in records]
    assert folded(stored) == folded(records)


@given(HISTORIES, st.integers(0, 25))
def test_fold_may_be_interrupted_anywhere(records: list[Record], at: int) -> None:
    assert reduce(folded(records[:at]), records[at:]) == folded(records)


@given(HISTORIES)
def test_records_of_unknown_types_move_only_the_place_and_the_time(records: list[Record]) -> None:
    before = folded(records)
    later = Record(before.seq + 1, "2030-01-01T00:00:00.000Z", e.Opaque(type="moon_landed"))
    after = apply(before, later)
    assert after == dataclasses.replace(
        before, seq=later.seq, updated_at=later.ts, created_at=before.created_at or later.ts
    )


def test_state_stays_small() -> None:
    received = [
        Record(
            seq,
            TS,
            e.MessageReceived(message_id=f"m{seq}", text="x" * 1000, source="legacy", idempotency_key=f"k{seq}"),
        )
        for seq in range(1, 3001)
    ]
    state = folded(received)
    assert [request.key for request in state.remembered] == [f"k{seq}" for seq in range(3001 - REMEMBERED_KEYS, 3001)]
    failed = Record(3001, TS, e.SessionPaused(reason="r" * 100_000))
    assert len(dump(Snapshot(apply(state, failed), "00000000"))) < 64_000


# --- snapshots ------------------------------------------------------------------------------------------------------


@given(HISTORIES)
def test_snapshot_comes_back_as_it_was(records: list[Record]) -> None:
    snapshot = Snapshot(folded(records), "0123abcd")
    data = dump(snapshot)
    found = load(data, SESSION)
    assert found == snapshot
    assert load(data, "session_02state") is None
    assert data.isascii()


@settings(max_examples=30)
@given(HISTORIES, st.data())
def test_edited_snapshot_counts_as_absent(records: list[Record], data: st.DataObject) -> None:
    snapshot = Snapshot(folded(records), "0123abcd")
    whole = dump(snapshot)
    for _ in range(30):
        position = data.draw(st.integers(0, len(whole) - 1))
        byte = data.draw(st.binary(max_size=2))
        edited = whole[:position] + byte + whole[position + 1 :]
        assert load(edited, SESSION) is None or edited == whole
    for cut in range(0, len(whole), 7):
        assert load(whole[:cut], SESSION) is None


def test_every_flipped_bit_of_a_snapshot_makes_it_absent() -> None:
    happened: list[e.Event] = [
        e.SessionCreated(agent="assistant", title="checksum: 1"),
        e.MessageReceived(message_id="m", text="hi", idempotency_key="key", fingerprint="f"),
        e.TurnStarted(turn="t", trigger=2),
        e.ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="m", input_seq=2),
        e.ModelReplied(message_id="m2", turn="t", calls=(e.Call(call="c", tool="bash", arguments="{}"),)),
        e.ToolStarted(turn="t", call="c", tool="bash", epoch=1),
    ]
    state = folded([Record(seq, TS, event) for seq, event in enumerate(happened, 1)])
    whole = dump(Snapshot(state, "0123abcd"))
    assert load(whole, SESSION) == Snapshot(state, "0123abcd")
    for position in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[position] ^= 1 << bit
            assert load(bytes(changed), SESSION) is None, (position, bit)


@given(st.binary(max_size=300))
def test_any_bytes_are_no_snapshot(data: bytes) -> None:
    assert load(data, SESSION) is None
