"""Which texts stand in blobs, and which of them were forgotten, as stored lines say it."""

import hashlib

from duragent.journal import events as e
from duragent.journal.forgotten import forgotten_in, moved_out_in
from duragent.journal.record import Record, crc_seed, encode

SEED = crc_seed("s1")
TS = "2026-11-22T10:00:00.000Z"


def line(seq: int, event: e.Event) -> bytes:
    return encode(Record(seq, TS, event), SEED).line


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_each_text_in_a_blob_is_named_by_its_place() -> None:
    parts = (e.PromptPart(priority=1, source="a", text="kept"), *[_secret(text) for text in ("one", "two")])
    model = e.PromptModel(provider="p", name="m")
    frame = e.PromptSet(frame_sha256="f", sections=parts, model=model, window_tokens=1)
    lines = line(1, frame) + line(2, e.MemoryRecalled(turn="t", upto_seq=1, text="three"))
    assert moved_out_in(lines) == [
        e.ForgottenText(seq=1, field="sections[1].text", sha256=sha("one")),
        e.ForgottenText(seq=1, field="sections[2].text", sha256=sha("two")),
        e.ForgottenText(seq=2, field="text", sha256=sha("three")),
    ]


def test_details_of_a_tool_are_no_text_in_a_blob() -> None:
    details = {"blob": "0" * 64, "size_bytes": 3}
    done = e.ToolFinished(turn="t", call="c", tool="x", outcome="ok", content="", details=details)
    assert moved_out_in(line(1, done)) == []


def test_only_a_record_of_its_kind_says_that_a_text_was_forgotten() -> None:
    names = tuple(e.ForgottenText(seq=1, field="text", sha256=each * 64) for each in "ab")
    said = e.MessageReceived(message_id="m", text='"type":"text_forgotten"', source="http")
    old = b'{"seq":4,"timestamp":"2026-01-01T00:00:00Z","type":"message"}\n'
    assert forgotten_in(line(1, said) + line(2, e.TextForgotten(fields=names)) + line(3, said) + old) == {
        "a" * 64,
        "b" * 64,
    }


def _secret(text: str) -> e.PromptPart:
    return e.PromptPart(priority=2, source="b", text=text, forgettable=True)
