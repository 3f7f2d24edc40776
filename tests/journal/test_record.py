"""A record and its line: what is written is read, one JSON object a line, and nothing else is believed."""

import hashlib
import json
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.journal import events as e
from duragent.journal.line import MAX_LINE_BYTES, BadLine, checked_seq, is_legacy, seq_of, tx_of
from duragent.journal.record import (
    BLOB_MIN_BYTES,
    Record,
    blob_names,
    blobs_of,
    crc_seed,
    decode,
    encode,
    expand,
    timestamp,
)
from duragent.text import BRIEF_MAX
from tests.journal.strategies import RECORDS, TEXTS

SEED = crc_seed("session_01record")
TS = "2026-11-20T23:58:16.123Z"


def no_blob(name: str) -> bytes:
    raise AssertionError(f"blob {name} was asked for")


def line_with(fields: dict[str, Any], seed: int = SEED) -> bytes:
    """A line as another program might write it, with a checksum that fits."""
    head = json.dumps(fields, separators=(",", ":")).encode()[:-1]
    return b'%b,"crc":"%08x"}\n' % (head, zlib.crc32(head, seed))


@given(RECORDS)
def test_every_record_comes_back_as_it_was(record: Record) -> None:
    encoded = encode(record, SEED)
    assert decode(encoded.line, SEED, encoded.blobs.__getitem__) == record
    if not isinstance(record.event, e.PromptSet | e.MemoryRecalled | e.HistorySummarised | e.RecordPinned):
        assert encoded.blobs == {}
        assert decode(encoded.line, SEED) == record


@given(RECORDS)
def test_every_line_is_one_line_of_json_with_seq_first_and_crc_last(record: Record) -> None:
    line = encode(record, SEED).line
    text = line.decode()
    assert line.count(b"\n") == 1
    assert (text.splitlines(), line.splitlines()) == ([text[:-1]], [line[:-1]])
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text[:-1])
    fields = json.loads(line)
    assert (list(fields)[:3], list(fields)[-1]) == (["seq", "ts", "type"], "crc")
    assert (fields["seq"], fields["ts"], fields["type"]) == (record.seq, record.ts, record.event.type)
    head = line[: line.rindex(b',"crc":')]
    assert fields["crc"] == f"{zlib.crc32(head, zlib.crc32(b'session_01record' + bytes([10]))):08x}"


@given(RECORDS)
def test_seq_and_group_are_read_without_parsing(record: Record) -> None:
    line = encode(record, SEED).line[:-1]
    assert (checked_seq(line, SEED), seq_of(line), is_legacy(line)) == (record.seq, record.seq, False)
    marks = tuple(map(int, record.tx.split("/"))) if record.tx else None
    assert tx_of(line) == marks


@given(RECORDS)
def test_line_of_another_session_is_refused(record: Record) -> None:
    line = encode(record, SEED).line
    with pytest.raises(BadLine, match="checksum"):
        decode(line, crc_seed("session_02record"))


@given(RECORDS, st.data())
def test_any_changed_byte_is_refused(record: Record, data: st.DataObject) -> None:
    line = encode(record, SEED).line[:-1]
    position = data.draw(st.integers(0, len(line) - 1))
    changed = bytearray(line)
    changed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadLine):
        decode(bytes(changed), SEED)


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadLine):
        decode(data, SEED)


@given(st.recursive(st.one_of(st.none(), st.integers(), TEXTS), lambda inner: st.lists(inner, max_size=3)))
def test_wrong_types_under_a_right_checksum_are_refused_and_not_believed(value: Any) -> None:
    for field in ("agent", "on_disconnect", "source"):
        fields = {"seq": 1, "ts": TS, "type": "session_created", "agent": "a", field: value}
        try:
            found = decode(line_with(fields), SEED)
        except BadLine:
            continue
        assert getattr(found.event, field) == value


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), -float("inf")], ids=["nan", "infinity", "minus infinity"]
)
def test_number_that_json_has_not_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(Record(1, TS, e.ModelReplied(message_id="m", cost_usd=number)), SEED)


@given(st.dictionaries(st.sampled_from(["later", "crc2", "owner"]), st.one_of(st.integers(), TEXTS), min_size=1))
def test_unknown_fields_of_a_known_event_are_passed_over(extra: dict[str, Any]) -> None:
    line = line_with({"seq": 4, "ts": TS, "type": "session_closed", "reason": "x", **extra})
    assert decode(line, SEED) == Record(4, TS, e.SessionClosed(reason="x"))


@pytest.mark.parametrize(
    "line",
    [
        b'{"seq":1,"timestamp":17,"type":"user_message","content":"hi"}',
        b'{"seq":1,"timestamp":null,"type":"moon_landed"}',
        line_with({"seq": 1, "ts": 17, "type": "moon_landed"}),
        line_with({"seq": 1, "ts": TS, "type": ["moon_landed"]}),
        line_with({"seq": 1, "ts": TS}),
    ],
)
def test_line_without_a_time_or_a_type_is_refused(line: bytes) -> None:
    with pytest.raises(BadLine):
        decode(line, SEED)


def test_unknown_event_is_kept_with_all_it_holds() -> None:
    payload = {"a": [1, {"b": None}], "note": "\ud800\u2028", "file": {"blob": "x", "more": 1}}
    line = line_with({"seq": 4, "ts": TS, "type": "moon_landed", **payload})
    record = decode(line, SEED, no_blob)
    assert record == Record(4, TS, e.Opaque(type="moon_landed", payload=payload))
    assert decode(encode(record, SEED).line, SEED) == record
    assert json.loads(expand(line, no_blob)) == {"seq": 4, "ts": TS, "type": "moon_landed", **payload}


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"null", b'{"seq":1}', b"\xff", b"[" * 100_000, b'{"seq":1,"ts":"x"}']
)
def test_line_without_a_checksum_is_refused(line: bytes) -> None:
    with pytest.raises(BadLine):
        decode(line, SEED)


def test_texts_that_do_not_fit_move_out_and_come_back() -> None:
    long, longer = "\x00\ud800é" * 60_000, "\u2028" * 400_000
    record = Record(7, TS, e.ModelReplied(message_id="m", text=long, reasoning=longer, finish_reason="length"))
    encoded = encode(record, SEED)
    assert len(encoded.line) <= MAX_LINE_BYTES
    assert {hashlib.sha256(data).hexdigest() for data in encoded.blobs.values()} == set(encoded.blobs)
    assert longer.encode() in encoded.blobs.values()
    assert decode(encoded.line, SEED, encoded.blobs.__getitem__) == record
    shown = json.loads(expand(encoded.line, encoded.blobs.__getitem__))
    assert (shown["text"], shown["reasoning"], "crc" in shown) == (long, longer, False)
    # The fold never asks for blobs, and must not need them.
    without = decode(encoded.line, SEED).event
    assert isinstance(without, e.ModelReplied)
    assert without.reasoning.startswith(f"[{len(longer.encode())} bytes in blob ")


@pytest.mark.parametrize("size", [MAX_LINE_BYTES - 400, MAX_LINE_BYTES, 2 * MAX_LINE_BYTES, 10 * MAX_LINE_BYTES])
def test_line_is_never_longer_than_its_limit(size: int) -> None:
    record = Record(7, TS, e.MessageReceived(message_id="m", text="x" * size))
    encoded = encode(record, SEED)
    assert len(encoded.line) <= MAX_LINE_BYTES
    assert bool(encoded.blobs) == (size >= MAX_LINE_BYTES)
    assert decode(encoded.line, SEED, encoded.blobs.__getitem__) == record


def test_short_texts_stay_beside_a_long_one() -> None:
    event = e.ModelFailed(
        turn="t", step=1, attempt=1, error="x", message="m" * 99_999, partial_text="p" * 2 * MAX_LINE_BYTES
    )
    assert len(event.message) == BRIEF_MAX
    encoded = encode(Record(7, TS, event), SEED)
    assert list(encoded.blobs.values()) == [event.partial_text.encode()]
    found = decode(encoded.line, SEED).event
    assert isinstance(found, e.ModelFailed)
    # The state keeps the message: it must be the same live and after a restart.
    assert found.message == event.message


def test_long_arguments_of_calls_move_out_too() -> None:
    calls = tuple(e.Call(call=f"c{n}", tool="write", arguments=str(n) * 400_000) for n in range(4))
    record = Record(7, TS, e.ModelReplied(message_id="m", text="writing", calls=calls))
    encoded = encode(record, SEED)
    assert len(encoded.blobs) == 2
    assert decode(encoded.line, SEED, encoded.blobs.__getitem__) == record
    shown = json.loads(expand(encoded.line, encoded.blobs.__getitem__))
    assert shown["calls"] == [call.model_dump() for call in calls]


def test_record_that_cannot_fit_is_refused() -> None:
    many = {f"key{number}": "x" * (BLOB_MIN_BYTES - 1) for number in range(100)}
    with pytest.raises(ValueError, match="does not fit"):
        encode(Record(7, TS, e.Opaque(type="odd", payload=many)), SEED)


def test_blob_that_is_no_text_is_a_bad_line() -> None:
    encoded = encode(Record(7, TS, e.MessageReceived(message_id="m", text="x" * 2_000_000)), SEED)
    with pytest.raises(BadLine):
        decode(encoded.line, SEED, lambda name: b"\xff\xff")


def test_timestamps_have_milliseconds_and_z() -> None:
    assert timestamp(datetime(2026, 11, 20, 23, 58, 16, 123_999, tzinfo=UTC)) == TS
    assert timestamp(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00.000Z"


def test_empty_values_are_left_out_only_where_empty_is_the_default() -> None:
    for event in (e.SessionRenamed(title=""), e.SessionRenamed(), e.ModelReplied(message_id="m", finish_reason="")):
        assert decode(encode(Record(1, TS, event), SEED).line, SEED).event == event
    line = encode(Record(1, TS, e.ModelReplied(message_id="m")), SEED).line
    assert json.loads(line).keys() == {
        "seq", "ts", "type", "message_id", "step", "attempt", "finish_reason", "usage", "crc",
    }  # fmt: skip


def test_details_of_a_tool_that_look_like_a_blob_are_its_own() -> None:
    details = {"blob": "a" * 64, "size_bytes": 3}
    finished = e.ToolFinished(call="c1", outcome="ok", details=details)
    line = encode(Record(1, "2026-01-02T03:04:05.678Z", finished), crc_seed("s1")).line
    assert blob_names(line) == set()
    assert decode(line, crc_seed("s1"), dict[str, bytes]().__getitem__).event == finished


def test_blobs_of_lines_are_those_that_their_texts_were_moved_to() -> None:
    long = e.ToolFinished(call="c1", outcome="ok", content="x" * (2 << 20))
    encoded = encode(Record(1, "2026-01-02T03:04:05.678Z", long), crc_seed("s1"))
    assert blob_names(encoded.line) == set(encoded.blobs) != set()


def test_blobs_of_a_line_are_its_long_texts_its_output_and_what_files_were() -> None:
    before = (
        e.FileBefore(path="a", sha256="1" * 64, mode=0o644, after="2" * 64),
        e.FileBefore(path="new", sha256=None, after="3" * 64),
        e.FileBefore(path="too long", sha256="", after="4" * 64),
    )
    started = e.ToolStarted(turn="t", call="c", tool="write_file", epoch=1, before=before)
    assert blobs_of(encode(Record(1, TS, started), 0).line, started) == {str(digit) * 64 for digit in (1, 2, 3, 4)}
    files = tuple(e.Attachment(name="a.png", sha256=str(digit) * 64) for digit in (7, 8))
    finished = e.ToolFinished(call="c", outcome="ok", output_sha256="5" * 64, attachments=files)
    assert blobs_of(encode(Record(1, TS, finished), 0).line, finished) == {str(digit) * 64 for digit in (5, 7, 8)}
    received = e.MessageReceived(message_id="m", text="look", attachments=files)
    assert blobs_of(encode(Record(1, TS, received), 0).line, received) == {"7" * 64, "8" * 64}
    replied = e.ModelReplied(message_id="m", opaque=e.KeptOpaque(adapter="a", sha256="6" * 64))
    assert blobs_of(encode(Record(1, TS, replied), 0).line, replied) == {"6" * 64}


def test_what_a_provider_wants_back_is_not_taken_for_a_text_that_was_moved_out() -> None:
    value = {"blob": "a" * 64, "size_bytes": 3}
    replied = e.ModelReplied(message_id="m", opaque=e.KeptOpaque(adapter="a", value=value))
    line = encode(Record(1, TS, replied), crc_seed("s1")).line
    assert blob_names(line) == set()
    assert decode(line, crc_seed("s1"), dict[str, bytes]().__getitem__).event == replied


# --- texts that can be forgotten ------------------------------------------------------------------------------------


def test_text_that_can_be_forgotten_is_never_in_the_line_however_short_it_is() -> None:
    record = Record(3, TS, e.MemoryRecalled(turn="t", upto_seq=2, text="metric"))
    encoded = encode(record, SEED)
    digest = hashlib.sha256(b"metric").hexdigest()
    assert b"metric" not in encoded.line
    assert encoded.blobs == {digest: b"metric"}
    assert json.loads(encoded.line)["text"] == {"blob": digest, "size_bytes": 6}
    assert blob_names(encoded.line) == {digest}
    assert decode(encoded.line, SEED, encoded.blobs.__getitem__) == record
    assert json.loads(expand(encoded.line, encoded.blobs.__getitem__))["text"] == "metric"


def test_empty_text_that_can_be_forgotten_needs_no_blob() -> None:
    encoded = encode(Record(3, TS, e.MemoryRecalled(turn="t", upto_seq=2, silent="nothing")), SEED)
    assert encoded.blobs == {}


def test_of_a_prompt_only_the_sections_that_can_be_forgotten_are_moved_out() -> None:
    model = e.PromptModel(provider="openai", name="m")
    sections = (
        e.PromptPart(priority=0, source="soul", text="Be kind."),
        e.PromptPart(priority=300, source="MEMORY.md", text="Ada lives in Leipzig.", forgettable=True),
    )
    record = Record(3, TS, e.PromptSet(frame_sha256="f" * 64, sections=sections, model=model, window_tokens=9))
    encoded = encode(record, SEED)
    assert list(encoded.blobs.values()) == [b"Ada lives in Leipzig."]
    assert b"Be kind." in encoded.line
    assert decode(encoded.line, SEED, encoded.blobs.__getitem__) == record


def test_long_section_of_a_prompt_moves_out_like_any_long_text() -> None:
    model = e.PromptModel(provider="openai", name="m")
    sections = tuple(e.PromptPart(priority=n, source=f"s{n}", text=f"{n}" * 400_000) for n in range(4))
    record = Record(3, TS, e.PromptSet(frame_sha256="f" * 64, sections=sections, model=model, window_tokens=9))
    encoded = encode(record, SEED)
    assert len(encoded.blobs) == 2
    assert decode(encoded.line, SEED, encoded.blobs.__getitem__) == record
