"""Lines and blocks of lines: what is cut, joined and compared without parsing them."""

import json
from collections.abc import Sequence

import pytest

from duragent.journal.events import Event, MessageReceived, Opaque, SessionCreated, TurnStarted
from duragent.journal.line import (
    BadLine,
    bodies,
    checked_seq,
    crc_of,
    first_seq,
    frame_parts,
    good_bytes,
    has_blob,
    is_legacy,
    last_seq,
    lines_between,
    lines_of_types,
    may_have_blob,
    rebound,
    split_lines,
    tx_of,
    with_zero_crc,
)
from duragent.journal.record import Record, crc_seed, encode

SEED = crc_seed("session_01line")
TS = "2026-11-20T23:58:16.123Z"
LEGACY = b'{"type":"user_message","timestamp":"2026-02-18T10:00:00Z","seq":7,"content":"hi"}\n'


def message(text: str) -> Event:
    return MessageReceived(message_id="msg_1", text=text)


def lines(first: int, events: Sequence[Event], tx: bool = False) -> list[bytes]:
    marks = [f"{at}/{len(events)}" if tx else None for at in range(1, len(events) + 1)]
    records = [Record(first + at, TS, event, marks[at]) for at, event in enumerate(events)]
    return [encode(record, SEED).line for record in records]


FIVE = lines(4, [message(text) for text in ("a", "b", '"\n\u2028', "\ud800", "")])
BLOCK = b"".join(FIVE)


@pytest.mark.parametrize("count", range(6))
def test_block_is_split_into_its_lines(count: int) -> None:
    block = b"".join(FIVE[:count])
    assert split_lines(block) == [line[:-1] for line in FIVE[:count]]
    assert split_lines(block[:-1]) == split_lines(block)


def test_empty_line_of_a_block_is_a_line() -> None:
    assert split_lines(b"a\n\nb\n\n") == [b"a", b"", b"b", b""]


def test_first_and_last_seq_of_a_block() -> None:
    assert (first_seq(BLOCK), last_seq(BLOCK)) == (4, 8)
    assert (first_seq(FIVE[2]), last_seq(FIVE[2]), last_seq(FIVE[2][:-1])) == (6, 6, 6)
    assert (first_seq(LEGACY + FIVE[4]), last_seq(FIVE[0] + LEGACY)) == (7, 7)
    with pytest.raises((ValueError, KeyError, TypeError)):
        first_seq(b"[]\n")


@pytest.mark.parametrize(
    ("after", "upto", "kept"),
    [
        (0, 99, FIVE),
        (3, 8, FIVE),
        (4, 8, FIVE[1:]),
        (3, 7, FIVE[:4]),
        (5, 6, FIVE[2:3]),
        (6, 6, []),
        (8, 99, []),
        (0, 3, []),
    ],
)
def test_lines_between_two_seqs(after: int, upto: int, kept: list[bytes]) -> None:
    assert lines_between(BLOCK, after, upto) == b"".join(kept)


def test_lines_of_some_types_and_those_of_the_old_version() -> None:
    created, started = SessionCreated(agent="a"), TurnStarted(turn="t", trigger=2)
    # What stands in a text, or far behind, is no type.
    tricky = Opaque(type="moon_landed", payload={"x": '"type":"message_received"', "y": "z" * 200})
    far = Opaque(type="moon_landed", payload={"x": "z" * 200, "of": {"type": "message_received"}})
    block = [*lines(1, [created, message("hello"), started, tricky, far, message("y" * 300)]), LEGACY]
    assert lines_of_types(b"".join(block), ("message_received",)) == b"".join([block[1], block[5], LEGACY])
    assert lines_of_types(b"".join(block), ("turn_started", "session_created")) == b"".join(
        [block[0], block[2], LEGACY]
    )
    assert lines_of_types(b"", ("turn_started",)) == b""


@pytest.mark.parametrize("bad", range(6))
def test_good_bytes_end_before_the_first_line_that_is_not_plainly_good(bad: int) -> None:
    good = b"".join(FIVE[:bad])
    for spoiled in ([b"x" + FIVE[bad][1:]] if bad < 5 else [], [FIVE[0]], [LEGACY], [FIVE[min(bad, 4)][:-1]]):
        assert good_bytes(b"".join([*FIVE[:bad], *spoiled]), 4, SEED) == len(good) or (
            bad == 0 and spoiled == [FIVE[0]]
        )
    assert good_bytes(BLOCK, 5, SEED) == good_bytes(BLOCK, 4, crc_seed("another")) == 0


def test_frame_parts_of_plain_lines_are_their_own_bytes() -> None:
    for head, seq, type_ in (parts := frame_parts(BLOCK)):
        assert FIVE[int(seq) - 4].startswith(head)
        assert type_ == b"message_received"
        assert "crc" not in json.loads(head + b"}")
    assert [int(seq) for _, seq, _ in parts] == [4, 5, 6, 7, 8]


def test_bodies_are_the_lines_without_their_crc() -> None:
    odd = b'{"seq":9,"ts":"%b","type":"a b","crc":"00000000"}\n' % TS.encode()
    assert bodies(BLOCK) == [head + b"}" for head, _, _ in frame_parts(BLOCK)]
    assert [json.loads(body) for body in bodies(odd)] == [{"seq": 9, "ts": TS, "type": "a b"}]
    assert [json.loads(body)["type"] for body in bodies(BLOCK + LEGACY)] == ["message_received"] * 6
    assert bodies(b"") == []


def test_one_odd_line_does_not_change_the_parts_of_the_others() -> None:
    odd = b'{"seq":9,"ts":"%b","type":"a\\nid: 9","x":"\\ud800","crc":"00000000"}\n' % TS.encode()
    parts = frame_parts(BLOCK + odd + LEGACY)
    assert parts[:5] == frame_parts(BLOCK)
    assert [(seq, type_) for _, seq, type_ in parts[5:]] == [(b"9", b"a_id__9"), (b"7", b"message_received")]
    assert json.loads(parts[5][0] + b"}") == {"seq": 9, "ts": TS, "type": "a\nid: 9", "x": "\ud800"}


def test_blobs_are_looked_for_in_the_bytes() -> None:
    assert not has_blob(BLOCK)
    long = encode(Record(9, TS, message("x" * (2 << 20))), SEED).line
    assert has_blob(BLOCK + long)
    assert may_have_blob(long)
    assert not may_have_blob(long.replace(b'{"blob":"', b'{"blob":"z'))


def test_line_bound_to_another_stream_is_one_of_it_alone() -> None:
    other = crc_seed("session_other")
    for line, seq in zip(lines(3, [message("a"), message("b")], tx=True), (3, 4), strict=True):
        assert tx_of(line[:-1]) == (seq - 2, 2)
        moved = rebound(line[:-1], other)
        assert (checked_seq(moved, other), tx_of(moved)) == (seq, None)
        with pytest.raises(BadLine):
            checked_seq(moved, SEED)
    assert rebound(LEGACY[:-1], other) == LEGACY[:-1]


def test_line_for_show_has_the_form_of_the_others_and_fits_no_stream() -> None:
    shown = with_zero_crc(b'{"seq":4,"ts":"%b","type":"x"}' % TS.encode())
    assert (crc_of(shown), is_legacy(shown[:-1]), frame_parts(shown)[0][1:]) == ("00000000", False, (b"4", b"x"))
    with pytest.raises(BadLine):
        checked_seq(shown[:-1], SEED)
