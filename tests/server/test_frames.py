import json

from duragent.http.sse import Decoder
from duragent.journal.events import MessageReceived
from duragent.journal.line import bodies
from duragent.journal.record import Record, crc_seed, encode
from duragent.server.frames import framed

LINES = b"".join(
    encode(
        Record(seq, "2026-11-20T23:58:16.123Z", MessageReceived(message_id=f"m{seq}", text=text)), crc_seed("s")
    ).line
    for seq, text in enumerate(["hi", 'a",\n\r\u2028"crc":"00000000"}', "\ud800\x00", ""], start=1)
)
LEGACY = b'{"type":"user_message","timestamp":"2026-02-18T10:00:00Z","seq":7,"content":"hi"}\n'
ODD_TYPE = b'{"seq":8,"ts":"2026-11-20T23:58:16.123Z","type":"a\\nid: 9","x":1,"crc":"00000000"}\n'


def _events(frames: bytes) -> list[tuple[str, str, dict[str, object]]]:
    return [(event.id, event.event, json.loads(event.data)) for event in Decoder().feed(frames)]


def test_stored_lines_become_events_with_their_seq_and_without_crc() -> None:
    events = _events(framed(LINES))
    assert [(id_, name) for id_, name, _ in events] == [(str(seq), "message_received") for seq in (1, 2, 3, 4)]
    expected = [json.loads(line) for line in LINES.splitlines()]
    for record in expected:
        del record["crc"]
    assert [data for _, _, data in events] == expected
    assert [json.loads(line) for line in bodies(LINES)] == expected


def test_lines_of_duragent_rust_are_lifted() -> None:
    lifted = {"seq": 7, "ts": "2026-02-18T10:00:00Z", "type": "message_received", "text": "hi"}
    ((id_, name, data),) = _events(framed(LEGACY))
    assert (id_, name) == ("7", "message_received")
    assert lifted.items() <= data.items()
    assert lifted.items() <= json.loads(bodies(LEGACY)[0]).items()


def test_odd_type_cannot_leave_its_line() -> None:
    ((id_, name, data),) = _events(framed(ODD_TYPE))
    assert (id_, name, data["type"]) == ("8", "a_id__9", "a\nid: 9")
    assert "crc" not in data


def test_a_large_block_is_framed_as_a_small_one() -> None:
    assert framed(LINES * 200) == framed(LINES) * 200
