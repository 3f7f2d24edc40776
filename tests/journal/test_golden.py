"""Logs of every released format replay to the recorded state, for ever.

`tests/golden/<format>.jsonl` is a log; `<format>.json` is what it adds up to: the state and the conversation that a
model is shown. A log with checksums belongs to the session `session_<format>`. Never change a file that was released:
add another one.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from duragent.context.transcript import transcript
from duragent.journal.apply import reduce
from duragent.journal.events import EVENT_TYPES, Opaque
from duragent.journal.record import Record, blob_names, crc_seed, decode, encode, expand
from duragent.journal.scan import scan
from duragent.journal.state import SessionState
from duragent.stores.files.store import FileStore
from tests.support.logs import QuickDisk
from tests.support.places import GOLDEN

FORMATS = sorted(path.stem for path in GOLDEN.glob("*.jsonl"))


def session_of(name: str) -> str:
    return f"session_{name.replace('.', '-')}"


def records_of(name: str) -> list[Record]:
    seed = crc_seed(session_of(name))
    return [decode(line, seed) for line in (GOLDEN / f"{name}.jsonl").read_bytes().splitlines()]


def added_up(name: str) -> dict[str, Any]:
    records = records_of(name)
    state = reduce(SessionState(session_of(name)), records)
    shown: dict[str, Any] = {
        "status": state.status,
        "has_work": state.has_work,
        "state": dataclasses.asdict(state),
        "transcript": [message.model_dump(exclude_defaults=True) for message in transcript(records)],
    }
    found: dict[str, Any] = json.loads(json.dumps(shown))
    return found


def known_to(recorded: Any, now: Any) -> Any:
    """`now` without the fields that the state has got since it was recorded."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        return {key: known_to(recorded[key], value) for key, value in now.items() if key in recorded}
    if isinstance(recorded, list) and isinstance(now, list) and len(recorded) == len(now):
        return [known_to(was, value) for was, value in zip(recorded, now, strict=True)]
    return now


def test_there_are_golden_logs_of_both_formats() -> None:
    assert {"duragent-rust-v0.5", "v1-every-event"} <= set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_golden_log_adds_up_to_what_was_recorded(name: str) -> None:
    recorded = json.loads((GOLDEN / f"{name}.json").read_bytes())
    assert known_to(recorded, added_up(name)) == recorded


@pytest.mark.parametrize("name", FORMATS)
def test_golden_log_is_clean_and_opens_as_it_is(name: str) -> None:
    data = (GOLDEN / f"{name}.jsonl").read_bytes()
    found = scan(data, crc_seed(session_of(name)), after=None)
    assert (found.verdict, found.end, found.seq) == ("clean", len(data), data.count(b"\n"))


@pytest.mark.parametrize("name", FORMATS)
async def test_golden_log_is_served_and_goes_on_in_todays_format(name: str, tmp_path: Path) -> None:
    data, session_id = (GOLDEN / f"{name}.jsonl").read_bytes(), session_of(name)
    (tmp_path / session_id).mkdir()
    head = data.count(b"\n")
    if not name.startswith("v1-"):
        # A log of v0.5 that the first builds of this version went on with. One of v0.5 alone: `tests/legacy`.
        landed = Record(head + 1, "2027-01-01T00:00:00.000Z", Opaque(type="moon_landed"))
        data, head = data + encode(landed, crc_seed(session_id)).line, head + 1
    (tmp_path / session_id / "events.jsonl").write_bytes(data)
    store = FileStore(tmp_path, disk=QuickDisk())
    store.open()
    claim = await store.claim(session_id)
    more = encode(Record(head + 1, "2027-01-01T00:00:00.000Z", Opaque(type="moon_landed")), crc_seed(session_id)).line
    await store.append(claim, [more], expect=head)
    claim = await store.claim(session_id)
    assert (claim.head, claim.damage) == (head + 1, None)
    assert await store.read(claim, 0, 1000) == data + more
    assert await store.read_back(claim, None, 3) == b"".join(data.splitlines(keepends=True)[-2:]) + more
    await store.verify(session_id)
    store.close()


@pytest.mark.parametrize("name", [name for name in FORMATS if name.startswith("v1-")])
def test_golden_log_is_written_today_as_it_was(name: str) -> None:
    seed = crc_seed(session_of(name))
    for line in (GOLDEN / f"{name}.jsonl").read_bytes().splitlines(keepends=True):
        record = decode(line, seed)
        # A text that was moved out is not in the log alone.
        if not isinstance(record.event, Opaque) and not blob_names(line):
            assert encode(record, seed).line == line


def test_golden_logs_hold_every_event_that_there_is() -> None:
    seen = {record.event.type for record in records_of("v1-every-event")}
    assert seen - {"moon_landed"} == set(EVENT_TYPES)


# --- duragent-rust --------------------------------------------------------------------------------------------------

RUST = (GOLDEN / "duragent-rust-v0.5.jsonl").read_bytes().splitlines(keepends=True)


def test_log_whose_beginning_was_compacted_away_begins_where_it_does() -> None:
    found = scan(b"".join(RUST[5:]), 0, after=None)
    assert (found.verdict, found.seq) == ("clean", 19)


def test_gap_in_an_old_log_is_damage() -> None:
    found = scan(b"".join(RUST[:5] + RUST[6:]), 0, after=None)
    assert (found.verdict, found.seq, found.problem) == ("damaged", 5, "seq 7 follows 5")


def test_cut_old_log_is_torn_at_its_last_whole_line() -> None:
    whole = b"".join(RUST)
    for less in range(1, len(RUST[-1])):
        found = scan(whole[:-less], 0, after=None)
        assert (found.verdict, found.end, found.seq) == ("torn", len(whole) - len(RUST[-1]), 18)


def test_old_line_in_a_log_of_today_is_damage_when_it_breaks_the_order() -> None:
    today = (GOLDEN / "v1-every-event.jsonl").read_bytes()
    found = scan(today + RUST[0], crc_seed(session_of("v1-every-event")), after=None)
    assert (found.verdict, found.problem) == ("damaged", f"seq 1 follows {today.count(bytes([10]))}")


def test_old_line_is_shown_with_its_arguments_as_they_are() -> None:
    def no_blob(name: str) -> bytes:
        raise AssertionError(name)

    assert json.loads(expand(RUST[16], no_blob)) == json.loads(RUST[16])
    odd = json.loads(RUST[16]) | {"arguments": {"blob": "a", "size_bytes": 1}}
    assert json.loads(expand(json.dumps(odd).encode(), no_blob)) == odd
