"""From lines to a state, with the first line that is no record told by its number."""

from typing import Literal

import pytest
from pydantic import BaseModel

from duragent.errors import Damaged
from duragent.journal.apply import reduce
from duragent.journal.events import Event, MessageReceived, Opaque, SessionCreated, SessionRenamed
from duragent.journal.fold import decode_lines, fold_lines
from duragent.journal.line import with_crc
from duragent.journal.record import Record, StreamRecord, crc_seed, encode
from duragent.journal.state import SessionState

SESSION = "session_01fold"
SEED = crc_seed(SESSION)
TS = "2026-11-20T23:58:16.123Z"
EVENTS: list[Event] = [SessionCreated(agent="a"), MessageReceived(message_id="m", text="hi"), SessionRenamed(title="T")]
RECORDS = [Record(seq, TS, event) for seq, event in enumerate(EVENTS, 1)]
LINES = [encode(record, SEED).line for record in RECORDS]
UNKNOWN_FIELD_TYPE = with_crc(b'{"seq":3,"ts":"%b","type":"turn_ended","turn":7' % TS.encode(), SEED) + b"\n"
CHANGED = LINES[2].replace(b'"T"', b'"U"')


def test_each_line_comes_with_its_record_and_the_state_after_it() -> None:
    folded = list(fold_lines(SessionState(SESSION), LINES))
    assert [line for line, _, _ in folded] == LINES
    assert [record for _, record, _ in folded] == RECORDS
    assert [state for _, _, state in folded] == [reduce(SessionState(SESSION), RECORDS[:count]) for count in (1, 2, 3)]


def test_fold_goes_on_from_a_state_and_takes_lines_without_their_newline() -> None:
    half = reduce(SessionState(SESSION), RECORDS[:1])
    *_, last = fold_lines(half, [line[:-1] for line in LINES[1:]])
    assert last[2] == reduce(SessionState(SESSION), RECORDS)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [(UNKNOWN_FIELD_TYPE, "field turn: "), (CHANGED, "the checksum does not fit"), (b"\n", "not JSON")],
)
def test_first_bad_line_is_damage_at_its_number_behind_the_good_ones(bad: bytes, problem: str) -> None:
    folding = fold_lines(SessionState(SESSION), [*LINES[:2], bad, LINES[2]])
    assert [next(folding)[2].seq, next(folding)[2].seq] == [1, 2]
    with pytest.raises(Damaged) as damaged:
        next(folding)
    fault = damaged.value
    assert (fault.session_id, fault.file, fault.line, fault.good_seq) == (SESSION, "events.jsonl", 3, 2)
    assert fault.problem.startswith(problem)


class TaskPlanned(BaseModel):
    type: Literal["task_planned"] = "task_planned"
    at: str


def test_lines_of_another_kind_are_decoded_by_its_own_types() -> None:
    records: list[StreamRecord[TaskPlanned | Opaque]] = [
        StreamRecord(1, TS, TaskPlanned(at="noon")),
        StreamRecord(2, TS, Opaque(type="session_created", payload={"agent": "a"})),
    ]
    lines = [encode(record, SEED).line for record in records]
    decoded = decode_lines(lines, SESSION, 0, types={"task_planned": TaskPlanned})
    assert [record for _, record in decoded] == records
    # The same lines read as a session's: its types are others.
    kinds = [type(record.event) for _, record in decode_lines(lines, SESSION, 0)]
    assert kinds == [Opaque, SessionCreated]
