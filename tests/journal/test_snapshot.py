"""A snapshot is the same state or none, whatever was done to its bytes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from duragent.journal import events as e
from duragent.journal.apply import reduce
from duragent.journal.record import Record
from duragent.journal.snapshot import Snapshot, dump, load
from duragent.journal.state import SessionState
from tests.journal.strategies import RECORDS

SESSION = "session_01state"
TS = "2026-11-20T23:58:16.123Z"
HISTORIES = st.lists(RECORDS, max_size=25)


def folded(records: list[Record]) -> SessionState:
    return reduce(SessionState(SESSION), records)


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
