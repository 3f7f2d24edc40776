"""How far bytes of a log can be trusted, case by case; `tests/stores/test_log_opening.py` cuts a log everywhere."""

from collections.abc import Sequence

import pytest

from duragent.journal.events import MessageReceived
from duragent.journal.line import BadLine
from duragent.journal.record import Record, crc_seed, encode
from duragent.journal.scan import Scan, ends_group, next_tx, scan
from tests.journal.histories import at

SEED = crc_seed("s")
OLD = b'{"seq":%d,"timestamp":"2026-01-01T00:00:00Z","type":"user_message","content":"hi"}\n'
HOLE = b"\0" * 512


def line(seq: int, tx: str | None = None, *, session: str = "s", text: str = "hi") -> bytes:
    event = MessageReceived(message_id=f"m{seq}", text=text)
    return encode(Record(seq, at(seq), event, tx), crc_seed(session)).line


ONE, TWO, THREE = (line(seq) for seq in (1, 2, 3))
PAIR = [line(2, "1/2"), line(3, "2/2")]


def flipped(data: bytes) -> bytes:
    """The same with one bit changed in its middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("parts", "verdict", "good", "seq"),
    [
        # What can be trusted.
        ([], "clean", 0, 0),
        ([ONE], "clean", 1, 1),
        ([ONE, TWO, THREE], "clean", 3, 3),
        ([ONE, *PAIR], "clean", 3, 3),
        # An append that never ended: its bytes are cut short, or have holes, and nothing comes behind them.
        ([ONE, TWO[:-1]], "torn", 1, 1),
        ([ONE, TWO[:7]], "torn", 1, 1),
        ([ONE, HOLE], "torn", 1, 1),
        ([ONE, TWO[:20], HOLE], "torn", 1, 1),
        ([ONE, HOLE, TWO[20:]], "torn", 1, 1),
        ([ONE, PAIR[0]], "torn", 1, 1),
        ([ONE, PAIR[0], PAIR[1][:9]], "torn", 1, 1),
        ([ONE, HOLE + b"\n", PAIR[1]], "torn", 1, 1),
        # Anything else is damage.
        ([ONE, flipped(TWO)], "damaged", 1, 1),
        ([ONE, flipped(TWO), THREE], "damaged", 1, 1),
        ([flipped(ONE), TWO], "damaged", 0, 0),
        ([ONE, THREE], "damaged", 1, 1),
        ([ONE, ONE], "damaged", 1, 1),
        ([TWO], "damaged", 0, 0),
        ([ONE, line(2, session="another")], "damaged", 1, 1),
        ([ONE, b"\n", TWO], "damaged", 1, 1),
        ([ONE, HOLE + b"\n", THREE], "damaged", 1, 1),
        ([ONE, TWO[:-1] + b" ", THREE], "damaged", 1, 1),
        ([ONE, TWO[:-1] + b"x"], "damaged", 1, 1),
        ([ONE, PAIR[1]], "damaged", 1, 1),
        ([ONE, PAIR[0], THREE], "damaged", 1, 1),
        ([ONE, PAIR[0], line(3, "1/2")], "damaged", 1, 1),
        ([ONE, OLD % 2], "clean", 2, 2),
    ],
)
def test_each_fault_has_its_verdict(parts: Sequence[bytes], verdict: str, good: int, seq: int) -> None:
    found = scan(b"".join(parts), SEED, after=0)
    assert (found.verdict, found.end, found.seq) == (verdict, len(b"".join(parts[:good])), seq)
    assert bool(found.problem) is (verdict != "clean")


def test_a_scan_says_line_and_problem_of_the_first_fault() -> None:
    assert scan(ONE + flipped(TWO), SEED, after=0) == Scan("damaged", len(ONE), 1, 2, "the checksum does not fit")
    assert scan(ONE + THREE, SEED, after=0) == Scan("damaged", len(ONE), 1, 2, "seq 3 follows 1")
    assert scan(ONE + TWO[:-1], SEED, after=0) == Scan("torn", len(ONE), 1, 2, "the last line has no end")
    incomplete = Scan("torn", len(ONE), 1, 3, "the last group of records is not complete")
    assert scan(ONE + PAIR[0], SEED, after=0) == incomplete


@pytest.mark.parametrize(
    ("data", "after", "verdict", "seq"),
    [
        (TWO + THREE, 1, "clean", 3),
        (TWO + THREE, 0, "damaged", 0),
        (TWO + THREE, None, "damaged", 0),
        (OLD % 7 + OLD % 8, None, "clean", 8),
        (OLD % 7 + OLD % 8, 0, "damaged", 0),
        (OLD % 7 + OLD % 9, None, "damaged", 7),
        (b"", 5, "clean", 5),
    ],
)
def test_a_log_begins_behind_a_record_and_one_of_v05_anywhere(
    data: bytes, after: int | None, verdict: str, seq: int
) -> None:
    found = scan(data, SEED, after=after)
    assert (found.verdict, found.seq) == (verdict, seq)


@pytest.mark.parametrize(
    ("before", "tx", "after"),
    [
        (None, None, None),
        (None, (1, 3), (1, 3)),
        ((1, 3), (2, 3), (2, 3)),
        ((2, 3), (3, 3), None),
        (None, (1, 1), None),
        (None, (2, 3), BadLine),
        (None, (0, 3), BadLine),
        ((1, 3), None, BadLine),
        ((1, 3), (3, 3), BadLine),
        ((1, 3), (2, 4), BadLine),
        ((1, 3), (1, 3), BadLine),
        (None, (1, 0), BadLine),
    ],
)
def test_records_of_a_group_follow_on_each_other(
    before: tuple[int, int] | None, tx: tuple[int, int] | None, after: tuple[int, int] | type[BadLine] | None
) -> None:
    if isinstance(after, type):
        with pytest.raises(BadLine):
            next_tx(before, tx)
    else:
        assert next_tx(before, tx) == after


@pytest.mark.parametrize(("tx", "ends"), [(None, True), ("1/2", False), ("2/2", True), ("1/1", True), ("9/10", False)])
def test_a_log_may_end_behind_a_whole_group(tx: str | None, ends: bool) -> None:
    assert ends_group(Record(1, at(1), MessageReceived(message_id="m", text=""), tx)) is ends
