"""What becomes of records when words, or all their texts, are to go."""

import json
from typing import Any

import pytest

from duragent.journal import events as e
from duragent.journal.apply import reduce
from duragent.journal.record import Record, crc_seed, decode, encode
from duragent.journal.redaction import REDACTED, Redaction
from duragent.journal.state import SessionState
from tests.support.places import GOLDEN

TS = "2026-01-02T03:04:05.678Z"
SEED = crc_seed("session_v1-every-event")
RECORDS = [decode(line, SEED) for line in (GOLDEN / "v1-every-event.jsonl").read_bytes().splitlines()]


def nothing_gone(sha256: str) -> bool:
    return False


def redacted(event: e.Event, match: str = "", *gone: str) -> dict[str, Any]:
    """The fields of the event afterwards; {} when it stays. Without words it is redacted as a whole."""
    wanted = Redaction(match=match) if match else Redaction(frozenset([1]))
    made = wanted.record(Record(1, TS, event), lambda name: name in gone)
    return {} if made is None else made.event.model_dump()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: f"{record.seq}-{record.event.type}")
def test_every_kind_of_record_is_still_read_when_it_is_redacted_as_a_whole(record: Record) -> None:
    made = Redaction(frozenset([record.seq])).record(record, nothing_gone) or record
    again = decode(encode(made, SEED).line, SEED)
    assert (again.seq, again.ts, again.tx, again.event.type) == (record.seq, record.ts, record.tx, record.event.type)
    assert Redaction(frozenset([record.seq])).record(made, nothing_gone) is None, "a second time there is nothing left"


def test_the_state_of_a_log_that_is_redacted_as_a_whole_differs_in_texts_only() -> None:
    everything = Redaction(frozenset(record.seq for record in RECORDS))
    made = [everything.record(record, nothing_gone) or record for record in RECORDS]
    before, after = (reduce(SessionState("session_v1-every-event"), records) for records in (RECORDS, made))
    assert (after.status, after.has_work, after.turn, after.totals) == (
        before.status,
        before.has_work,
        before.turn,
        before.totals,
    )
    assert (after.waiting, after.remembered, after.epoch) == (before.waiting, before.remembered, before.epoch)


@pytest.mark.parametrize(
    ("text", "words", "left"),
    [
        ("my PIN is 4711, really", "pin is 4711", f"my {REDACTED}, really"),
        ("my pin\n  is 4711", "pin is 4711", f"my {REDACTED}"),
        (json.dumps({"say": 'the "käse" moon\nrises'}), '"käse" moon rises', f'{{"say": "the {REDACTED}"}}'),
        ('{"say": "k\\u00e4se"}', "KÄSE", f'{{"say": "{REDACTED}"}}'),
        ("nothing of it", "4711", ""),
    ],
)
def test_words_go_in_capitals_or_not_over_line_ends_and_in_json(text: str, words: str, left: str) -> None:
    assert redacted(e.MessageReceived(message_id="m", text=text), words).get("text", "") == left


def test_words_go_from_calls_details_and_unknown_records_and_a_signed_answer_loses_its_signature() -> None:
    call = e.Call(call="c1", tool="bash", arguments='{"command": "echo hunter2"}')
    answer = redacted(
        e.ModelReplied(message_id="m", calls=(call,), opaque=e.KeptOpaque(adapter="a", value={"s": "x"})), "hunter2"
    )
    assert answer["calls"][0]["arguments"] == '{"command": "echo [redacted]"}'
    assert answer["opaque"] is None
    result = redacted(
        e.ToolFinished(turn="t", call="c1", outcome="ok", details={"out": ["a hunter2"], "hunter2": 1}), "hunter2"
    )
    assert result["details"] == {"out": ["a [redacted]"], "[redacted]": 1}
    assert redacted(e.Opaque(type="later", payload={"a": {"b": "hunter2"}}), "hunter2")["payload"] == {
        "a": {"b": REDACTED}
    }
    assert redacted(e.Opaque(type="later", payload={"a": "b"}))["payload"] == {}


def test_files_that_hold_the_words_go_and_an_undo_has_none_left() -> None:
    one, other = "a" * 64, "b" * 64
    files = (e.Attachment(name="x", sha256=one, size_bytes=1), e.Attachment(name="y", sha256=other, size_bytes=2))
    message = e.MessageReceived(message_id="m", text="", attachments=files)
    assert [file["name"] for file in redacted(message, "secret", one)["attachments"]] == ["y"]
    before = e.FileBefore(path="p", sha256=one, mode=420, after=other)
    started = redacted(e.ToolStarted(turn="t", call="c", tool="x", attempt=1, epoch=1, before=(before,)), "secret", one)
    assert started["before"] == ({"path": "p", "sha256": "", "mode": 420, "after": other},)
    finished = e.ToolFinished(turn="t", call="c", outcome="ok", content="a", output_sha256=one, output_bytes=9)
    assert redacted(finished, "secret", one)["output_sha256"] == ""
    undo = e.UndoRequested(turn="t", files=(e.FileUndo(path="p", now=other, then=one),))
    assert redacted(undo, "secret", one)["files"][0]["refused"] == REDACTED


def test_a_record_without_the_words_stays_as_it_is() -> None:
    for record in RECORDS:
        assert Redaction(match="words that are nowhere").record(record, nothing_gone) is None
