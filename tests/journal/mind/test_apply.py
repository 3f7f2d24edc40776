"""The fold of a mind; and a log of every event adds up to what was recorded, for ever."""

import dataclasses
import json
from typing import Any

from duragent.journal.events import LogRecovered, Opaque, OwnerClaimed, TokenCounts
from duragent.journal.mind import events
from duragent.journal.mind.apply import apply_mind
from duragent.journal.mind.events import (
    MIND_EVENT_TYPES,
    FileSeen,
    NoteCause,
    NoteReviewed,
    NoteWritten,
    SessionConsumed,
    WorkBegun,
    WorkEnded,
    WriteBegun,
)
from duragent.journal.mind.state import KEPT_CURSORS, KNOWN_NOTES, DaySpent, MindState
from duragent.journal.record import StreamRecord, crc_seed, decode, encode
from duragent.journal.snapshot import MAX_BYTES, Snapshot
from duragent.mind.kind import MIND
from tests.support.places import GOLDEN

LOG = GOLDEN / "mind" / "v1-every-event.jsonl"
NAME = "mind-golden"
TS = "2026-11-21T10:00:00.000Z"


def folded(*happened: Any, ts: str = TS) -> MindState:
    state = MindState(NAME)
    for seq, event in enumerate(happened, 1):
        state = apply_mind(state, StreamRecord(seq, ts, event))
    return state


def known_to(recorded: Any, now: Any) -> Any:
    """`now` without the fields that the state has got since it was recorded."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        return {key: known_to(recorded[key], value) for key, value in now.items() if key in recorded}
    return now


def test_golden_log_adds_up_to_what_was_recorded_and_holds_every_event() -> None:
    records: list[StreamRecord[Any]] = [
        decode(line, crc_seed(NAME), types=MIND_EVENT_TYPES) for line in LOG.read_bytes().splitlines()
    ]
    assert {record.event.type for record in records} == set(MIND_EVENT_TYPES)
    state = MindState(NAME)
    for record in records:
        state = apply_mind(state, record)
    now = json.loads(json.dumps(dataclasses.asdict(state), default=lambda event: event.model_dump(mode="json")))
    recorded = json.loads((LOG.with_suffix(".json")).read_bytes())
    assert known_to(recorded, now) == recorded
    for line, record in zip(LOG.read_bytes().splitlines(keepends=True), records, strict=True):
        assert encode(record, crc_seed(NAME)).line == line


def test_each_event_has_its_name_on_disk() -> None:
    assert {kind.__name__ for kind in MIND_EVENT_TYPES.values()} == {
        *(name for name in vars(events) if name in ("MindCreated", "FileSeen", "SessionConsumed", "OwnerClaimed")),
        *("LogRecovered", "WriteBegun", "NoteWritten", "NotesImported", "NoteReinforced", "NoteSuperseded"),
        *("NoteReviewed", "CommandsBegun", "CommandsEnded"),
        *("ForgettingBegun", "ForgettingEnded", "WorkBegun", "WorkEnded"),
    }


def test_write_that_was_begun_is_known_until_its_file_is() -> None:
    begun = WriteBegun(note="m_1", file="daily/a.md", op="remember", after_sha256="1", text_sha256="a" * 64)
    other = NoteWritten(note="m_2", file="daily/b.md", op="remember", after_sha256="2")
    assert folded(begun, other).writing == begun
    assert folded(begun, OwnerClaimed(epoch=2, node="n2")).writing == begun
    for end in (FileSeen(file="daily/a.md", sha256="3"), other.model_copy(update={"file": "daily/a.md"})):
        assert folded(begun, end).writing is None


def test_file_that_nobody_vouches_for_is_not_vouched_for_by_a_note_more() -> None:
    seen = FileSeen(file="daily/a.md", sha256="1", by="unattributed")
    more = NoteWritten(note="m_1", file="daily/a.md", op="remember", after_sha256="2")
    assert folded(seen, more).files["daily/a.md"].by == "unattributed"
    assert folded(more, seen, more).files["daily/a.md"].by == "unattributed"
    assert folded(seen, more.model_copy(update={"op": "reflect", "note": ""})).files["daily/a.md"].by == "agent"


def test_import_makes_no_file_a_persons_that_was_none() -> None:
    came = events.NotesImported(file="a.md", before_sha256="1", after_sha256="2", count=1, by="bea")
    assert folded(came).files["a.md"].by == "person"
    for author in ("agent", "unattributed", "person"):
        state = folded(FileSeen(file="a.md", sha256="1", by=author), came)
        assert (state.files["a.md"].by, state.files["a.md"].sha256) == (author, "2")


def test_note_that_was_let_in_waits_until_it_is_taken_out() -> None:
    waiting = NoteWritten(note="m_1", file="unreviewed.md", op="remember", after_sha256="1", trust="unreviewed")
    let_in = NoteWritten(note="m_1", file="daily/a.md", op="review", after_sha256="2", trust="owner", person="bea")
    both = folded(waiting, let_in)
    assert ([review.note for review in both.reviews], both.file_of("m_1")) == (["m_1"], "daily/a.md")
    done = folded(waiting, let_in, NoteReviewed(note="m_1", verdict="keep", file="daily/a.md", file_sha256="2"))
    assert (done.reviews, done.file_of("m_1"), done.files["daily/a.md"].sha256) == ((), "daily/a.md", "2")


def test_unknown_events_change_nothing_but_the_seq() -> None:
    assert folded(Opaque(type="moon_landed")) == dataclasses.replace(
        MindState(NAME), seq=1, created_at=TS, updated_at=TS
    )


def test_work_counts_with_its_estimate_until_it_ends_and_after_a_crash() -> None:
    begun = WorkBegun(job="j1", kind="summary", estimate_tokens=1_000, estimate_usd=0.5)
    used = WorkEnded(job="j1", outcome="done", usage=TokenCounts(input=300, output=100), cost_usd=0.1)
    assert folded(begun).spent_on("2026-11-21") == DaySpent(1_000, 0.5)
    assert folded(begun, used).spent_on("2026-11-21") == DaySpent(400, 0.1)
    crashed = folded(begun, OwnerClaimed(epoch=2, node="n2"))
    assert (crashed.spent_on("2026-11-21"), crashed.jobs, len(crashed.lost_jobs)) == (DaySpent(1_000, 0.5), (), 1)
    # Its end comes too late: it was counted already.
    assert folded(begun, OwnerClaimed(epoch=2, node="n2"), used).spent_on("2026-11-21") == DaySpent(1_000, 0.5)
    assert folded(begun).spent_on("2026-11-22") == DaySpent()


def test_cursors_are_those_of_the_sessions_that_were_used_last() -> None:
    many = [SessionConsumed(session=f"s{n}", upto_seq=n) for n in range(KEPT_CURSORS + 5)]
    state = folded(*many, SessionConsumed(session="s6", upto_seq=99))
    assert (len(state.cursors), state.cursors["s6"], "s4" in state.cursors) == (KEPT_CURSORS, 99, False)


def test_file_that_a_person_changed_keeps_what_is_known_of_its_notes_and_one_that_is_gone_does_not() -> None:
    written = NoteWritten(note="m_1", file="daily/a.md", op="remember", after_sha256="1", text_sha256="a" * 64)
    changed = folded(written, FileSeen(file="daily/a.md", sha256="2"))
    assert (changed.files["daily/a.md"].sha256, changed.files["daily/a.md"].by) == ("2", "person")
    assert changed.known("m_1") == folded(written).known("m_1")
    assert folded(written, FileSeen(file="daily/a.md")).files == {}
    assert folded(LogRecovered(offset=1, size_bytes=1, saved_as="x"), written).seq == 2


def test_snapshot_of_ten_thousand_notes_fits_and_comes_back() -> None:
    state = MindState(NAME)
    for n in range(KNOWN_NOTES + 100):
        file = f"daily/2026-{n // 50:04d}.md"
        one = NoteWritten(
            note=f"m_{n:08d}", file=file, op="remember", after_sha256=f"{n:064d}", text_sha256=f"{n:064d}"
        )
        state = apply_mind(state, StreamRecord(n + 1, TS, one))
    assert sum(len(file.notes) for file in state.files.values()) == KNOWN_NOTES
    assert (state.known("m_00000099"), state.known("m_00000100") is not None) == (None, True)
    begun = WriteBegun(
        note="m_1", file="a", op="review", after_sha256="1", cause=NoteCause(session="s"), verdict="keep"
    )
    state = apply_mind(state, StreamRecord(state.seq + 1, TS, begun))
    assert MIND.snapshots is not None
    data = MIND.snapshots.dump(Snapshot(state, "0badcafe"))
    assert len(data) < MAX_BYTES
    assert MIND.snapshots.load(data, NAME) == Snapshot(state, "0badcafe")
