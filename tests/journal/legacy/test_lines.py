"""Which records a file of v0.5 holds: each once, also where lines were cut, merged or repeated."""

import json
from typing import Any

import pytest

from duragent.journal.events import MessageReceived, Opaque
from duragent.journal.legacy.lines import read_lines


def old(seq: int, kind: str = "user_message", **fields: Any) -> bytes:
    payload = {"content": f"m{seq}"} if kind == "user_message" and not fields else fields
    return json.dumps({"seq": seq, "timestamp": "2026-02-18T10:00:00Z", "type": kind, **payload}).encode()


ONE, TWO, THREE = old(1), old(2), old(3)


@pytest.mark.parametrize(
    ("data", "seqs", "unread", "altered"),
    [
        (b"", [], [], []),
        (ONE + b"\n" + TWO + b"\n", [1, 2], [], []),
        (b"\xef\xbb\xbf" + ONE + b"\r\n\r\n \t\n" + TWO, [1, 2], [], []),
        (ONE + TWO + b"\n" + THREE, [1, 2, 3], [], []),
        (ONE[:20] + TWO + b"\n" + THREE, [2, 3], [1], []),
        (ONE + TWO[:20] + b"\n" + THREE, [1, 3], [1], []),
        (ONE + b"\n" + b"\0" * 40 + b"\n" + TWO, [1, 2], [], []),
        (ONE + b"\n" + b"\0" * 40 + TWO, [1, 2], [], []),
        (b"nonsense\n" + ONE, [1], [1], []),
        (ONE + b"\n" + ONE + b"\n" + TWO, [1, 2], [], []),
        (b"[1]\n{}\nnull\n" + ONE, [1], [1, 2, 3], []),
        (old(1, content="a\xff") + b"\n", [1], [], []),
        (ONE.replace(b"m1", b"\xff"), [1], [], [1]),
        (old(1, "user_message", sender_id="x"), [], [1], []),
        (b'{"seq":1,"ts":"x","timestamp":"x","type":"user_message"}', [], [1], []),
    ],
)
def test_each_record_that_is_there_is_found_once(
    data: bytes, seqs: list[int], unread: list[int], altered: list[int]
) -> None:
    lines = read_lines(data, set())
    assert ([record.seq for record in lines.records], lines.unread, lines.altered) == (seqs, unread, altered)


def test_a_record_that_another_file_had_is_not_read_again() -> None:
    seen = set[tuple[int, str]]()
    assert [record.seq for record in read_lines(ONE + b"\n" + TWO, seen).records] == [1, 2]
    assert [record.seq for record in read_lines(TWO + b"\n" + THREE, seen).records] == [3]


def test_the_same_number_with_other_words_is_another_record() -> None:
    lines = read_lines(ONE + b"\n" + old(1, content="other"), set())
    texts = [record.event.text for record in lines.records if isinstance(record.event, MessageReceived)]
    assert texts == ["m1", "other"]


def test_a_type_that_v05_did_not_know_has_no_effect_though_we_have_one_of_that_name() -> None:
    lines = read_lines(
        old(1, "turn_ended", turn="t", outcome={"blob": "x"}) + b"\n" + old(2, "moon_landed", a=1), set()
    )
    assert [record.event for record in lines.records] == [
        Opaque(type="legacy_turn_ended", payload={"turn": "t", "outcome": '{"blob": "x"}'}),
        Opaque(type="moon_landed", payload={"a": 1}),
    ]
