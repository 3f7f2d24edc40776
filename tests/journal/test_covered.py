"""Each record is covered by exactly one summary that is shown, or stands behind the boundary: whatever comes, in any
order."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.errors import InvalidRequest, NothingToDo
from duragent.journal.admit import admit
from duragent.journal.apply import apply, reduce
from duragent.journal.covered import CHILDREN, MAX_GOALS, Coverage, Goal, PinnedRecord, size_of
from duragent.journal.events import (
    Event,
    GoalEnded,
    HistorySummarised,
    MessageReceived,
    SummaryExpanded,
    SummaryPart,
)
from duragent.journal.inputs import EndGoal, ExpandSummary, HistorySummary, Input, Pin, SetGoal, Unpin
from duragent.journal.record import Record, crc_seed, decode, encode
from duragent.journal.state import SessionState

TS = "2026-11-20T10:00:00.000Z"


def message(state: SessionState) -> SessionState:
    """One more record, to which a turn has answered."""
    record = Record(state.seq + 1, TS, MessageReceived(message_id="m", text="x" * 40, source="legacy"))
    return apply(state, record)


def posted(state: SessionState, *inputs: Input) -> SessionState:
    for each in inputs:
        events = admit(state, each, "id")
        assert isinstance(events, Sequence)
        for event in events:
            state = apply(state, Record(state.seq + 1, TS, event))
    return state


def long_session(records: int = 40) -> SessionState:
    state = SessionState("session_1")
    for _ in range(records):
        state = message(state)
    return state


def coverage(state: SessionState) -> Coverage:
    return state.viewport.coverage


def assert_covers_each_record_once(state: SessionState) -> None:
    at = coverage(state)
    told = [seq for each in at.frontier for seq in range(each.first, each.last + 1)]
    assert told == list(range(1, at.boundary + 1))
    assert at.boundary <= state.seq


summaries = st.builds(
    HistorySummary, level=st.integers(-1, 3), first_seq=st.integers(-1, 60), last_seq=st.integers(-1, 60)
)


class Steps:
    """Steps that fit more often than chance would have it."""

    @staticmethod
    def next_one(state: SessionState, length: int) -> Input:
        first = coverage(state).boundary + 1
        return HistorySummary(level=1, first_seq=first, last_seq=min(first + length, state.seq))

    @staticmethod
    def merge(state: SessionState, place: int) -> Input:
        frontier = coverage(state).frontier
        five = frontier[place % max(len(frontier), 1) :][:CHILDREN]
        if not five:
            return HistorySummary(level=2, first_seq=1, last_seq=1)
        return HistorySummary(level=five[0].level + 1, first_seq=five[0].first, last_seq=five[-1].last)

    @staticmethod
    def expand(state: SessionState, place: int, events: Sequence[Record]) -> Input:
        frontier = coverage(state).frontier
        by_seq = {record.seq: record.event for record in events}
        seq = frontier[place % len(frontier)].seq if frontier else 0
        event = by_seq.get(seq)
        parts = [(child, by_seq[child]) for child in event.children] if isinstance(event, HistorySummarised) else []
        return ExpandSummary(
            summary=seq,
            children=tuple(
                SummaryPart(level=part.level, first_seq=part.first_seq, last_seq=part.last_seq, seq=child)
                for child, part in parts
                if isinstance(part, HistorySummarised)
            ),
        )


@given(
    st.lists(
        st.tuples(st.sampled_from(["message", "next", "merge", "expand", "any"]), st.integers(0, 9), summaries),
        max_size=60,
    )
)
def test_each_record_is_covered_once_whatever_comes(steps: list[tuple[str, int, HistorySummary]]) -> None:
    state, records = long_session(), list[Record]()
    for kind, number, odd in steps:
        if kind == "message":
            state = message(state)
            continue
        made: Input = odd
        if kind == "next":
            made = Steps.next_one(state, number)
        elif kind == "merge":
            made = Steps.merge(state, number)
        elif kind == "expand":
            made = Steps.expand(state, number, records)
        try:
            events = admit(state, made, "id")
        except (InvalidRequest, NothingToDo):
            continue
        assert isinstance(events, Sequence)
        for event in events:
            records.append(Record(state.seq + 1, TS, event))
            state = apply(state, records[-1])
        assert_covers_each_record_once(state)
    # As it is after a repair or in a fork: only a part of the log is there.
    for cut in range(0, len(records), 7):
        assert_covers_each_record_once(reduce(long_session(), records[:cut]))


@given(
    st.lists(
        st.one_of(
            st.builds(
                HistorySummarised, level=st.integers(-1, 3), first_seq=st.integers(-1, 9), last_seq=st.integers(-1, 9)
            ),
            st.builds(
                SummaryExpanded,
                summary=st.integers(-1, 50),
                children=st.lists(
                    st.builds(
                        SummaryPart,
                        level=st.integers(1, 2),
                        first_seq=st.integers(-1, 9),
                        last_seq=st.integers(-1, 9),
                        seq=st.integers(0, 50),
                    ),
                    max_size=3,
                ).map(tuple),
            ),
        ),
        max_size=20,
    )
)
def test_records_of_any_log_leave_no_gap(events: list[Event]) -> None:
    state = long_session(8)
    for event in events:
        state = apply(state, Record(state.seq + 1, TS, event))
        assert_covers_each_record_once(state)


@pytest.mark.parametrize(("first", "last"), [(1, 19), (2, 20), (1, 21), (2, 19), (1, 16), (5, 20)])
def test_a_summary_of_summaries_has_exactly_their_range(first: int, last: int) -> None:
    fives = [HistorySummary(level=1, first_seq=seq, last_seq=seq + 3) for seq in range(1, 21, 4)]
    state = posted(long_session(), *fives)
    assert posted(state, HistorySummary(level=2, first_seq=first, last_seq=last)) == state
    assert len(coverage(posted(state, HistorySummary(level=2, first_seq=1, last_seq=20))).frontier) == 1


def test_a_summary_waits_for_what_is_not_answered() -> None:
    state = apply(long_session(3), Record(4, TS, MessageReceived(message_id="m", text="?")))
    assert admit(state, HistorySummary(level=1, first_seq=1, last_seq=4), "id") == []
    assert len(admit(state, HistorySummary(level=1, first_seq=1, last_seq=3), "id")) == 1  # type: ignore[arg-type]  # no Already


def test_only_an_expanded_summary_has_its_parts_again_and_they_stay() -> None:
    state = long_session()
    for _ in range(CHILDREN):
        state = posted(state, Steps.next_one(state, 4))
    parts = coverage(state).frontier
    state = posted(state, Steps.merge(state, 0))
    [merged] = coverage(state).frontier
    children = tuple(
        SummaryPart(level=1, first_seq=each.first, last_seq=each.last, seq=each.seq, tokens=each.tokens)
        for each in parts
    )
    state = posted(state, ExpandSummary(summary=merged.seq, children=children))
    assert [each.seq for each in coverage(state).frontier] == [each.seq for each in parts]
    assert admit(state, Steps.merge(state, 0), "id") == []
    with pytest.raises(NothingToDo):
        admit(state, ExpandSummary(summary=merged.seq, children=children), "id")


def test_tokens_behind_the_boundary_are_those_that_no_summary_took_away() -> None:
    state = long_session(10)
    each = size_of(MessageReceived(message_id="m", text="x" * 40))
    assert coverage(state).tokens == 10 * each
    state = posted(state, HistorySummary(level=1, first_seq=1, last_seq=4, covered_tokens=4 * each))
    assert coverage(state).tokens == 6 * each


def test_a_text_in_a_blob_is_as_long_as_the_text_itself() -> None:
    for text in ("x" * 30_000, "ä" * 9_000 + "z" * 20_000):
        event = MessageReceived(message_id="m", text=text * 50)
        encoded = encode(Record(1, TS, event), crc_seed("s"))
        assert encoded.blobs
        assert size_of(decode(encoded.line, crc_seed("s")).event) == size_of(event)


# --- goals and pins -------------------------------------------------------------------------------------------------


def test_finishing_a_root_finishes_its_children_and_frees_their_pins() -> None:
    state = posted(
        long_session(),
        SetGoal(text="ship"),
        SetGoal(text="test", parent="g1"),
        SetGoal(text="rest"),
        Pin(seq=1, goals=("g2",)),
        Pin(seq=2, goals=("g1", "g3")),
        Pin(seq=3),
        EndGoal(goal="g1"),
    )
    assert [goal.goal for goal in coverage(state).active_goals] == ["g3"]
    assert [pin.seq for pin in coverage(state).active_pins] == [2, 3]


def test_what_the_model_was_shown_of_goals_and_pins_changes_when_the_boundary_moves() -> None:
    state = posted(long_session(10), SetGoal(text="ship"), Pin(seq=1))
    assert coverage(state).shown_goals == ()
    state = posted(state, HistorySummary(level=1, first_seq=1, last_seq=state.seq))
    shown = coverage(state)
    assert [goal.text for goal in shown.shown_goals] == ["ship"]
    state = posted(state, EndGoal(goal="g1"), Unpin(seq=1), SetGoal(text="next"), Pin(seq=2))
    assert [goal.goal for goal in coverage(state).shown_goals] == ["g1"]
    assert [pin.seq for pin in coverage(state).shown_pins] == [1]
    state = posted(state, HistorySummary(level=1, first_seq=shown.boundary + 1, last_seq=state.seq))
    assert coverage(state).goals == (Goal("g2", "", "next", 16),)
    assert coverage(state).pins == (PinnedRecord(2, 17),)


def test_a_goal_is_not_set_twice_and_there_are_not_too_many() -> None:
    state = posted(long_session(), *(SetGoal(text=f"goal {number}") for number in range(MAX_GOALS)))
    assert admit(state, SetGoal(text=" goal  1 "), "id") == []
    with pytest.raises(InvalidRequest, match="64 goals"):
        admit(state, SetGoal(text="one more"), "id")
    state = posted(state, EndGoal(goal="g1", outcome="dropped"), SetGoal(text="one more"))
    assert coverage(state).active_goals[-1].goal == "g65"


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (SetGoal(text="  "), "a goal is a sentence"),
        (SetGoal(text="x" * 201), "at most 200"),
        (SetGoal(text="x", parent="g7"), "no goal 'g7' is under way"),
        (EndGoal(goal="g7"), "no goal 'g7'"),
        (Pin(seq=0), "there is no record 0"),
        (Pin(seq=999), "the newest one is 40"),
        (Pin(seq=1, goals=("g1",)), "no goal 'g1'"),
    ],
)
def test_what_cannot_be_is_refused_in_words(wrong: Input, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        admit(long_session(), wrong, "id")


def test_what_is_not_pinned_cannot_be_unpinned() -> None:
    with pytest.raises(NothingToDo, match="record 3 is not pinned"):
        admit(long_session(), Unpin(seq=3), "id")


def test_the_end_of_a_goal_that_nobody_set_changes_nothing() -> None:
    state = long_session()
    ended = apply(state, Record(state.seq + 1, TS, GoalEnded(goal="g9", outcome="done")))
    assert coverage(ended) == coverage(state)
