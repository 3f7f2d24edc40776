"""Why a question got its notes: which question it was, and the words that stand in the notes as they are now."""

import pytest

from duragent.agent.memory_spec import MemorySpec
from duragent.journal import events as e
from duragent.journal.record import Record
from duragent.memory.base import Candidate, MemoryNote
from duragent.memory.score import block_of
from duragent.memory.why import ExplainedNote, PastSearch, explained, search_at, searches_in

TS = "2026-11-22T12:00:00.000Z"


def records(*said: e.Event) -> list[Record]:
    return [Record(seq, TS, event) for seq, event in enumerate(said, 1)]


def message(text: str, source: str = "cli") -> e.MessageReceived:
    return e.MessageReceived(message_id=text, text=text, source=source)


def started(trigger: int) -> e.TurnStarted:
    return e.TurnStarted(turn=f"t{trigger}", trigger=trigger)


def recalled(upto: int) -> e.MemoryRecalled:
    return e.MemoryRecalled(turn="t", upto_seq=upto)


def called(upto: int) -> e.ModelCalled:
    return e.ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="demo/demo", input_seq=upto)


TALK = records(
    message("one"),
    started(1),
    recalled(1),
    called(2),
    message("two"),
    message("a timer", "schedule"),
    message("three"),
    recalled(7),
    called(7),
    message("four"),
    started(10),
    recalled(10),
)


def test_a_question_is_the_messages_since_the_one_before_the_newest_first() -> None:
    assert [(each.seq, each.question) for each in searches_in(TALK)] == [(3, "one"), (8, "three\ntwo"), (12, "four")]


def test_a_message_that_a_question_saw_without_a_search_is_no_part_of_the_next() -> None:
    talk = records(message("one"), started(1), called(1), message("two"), recalled(4))
    assert [each.question for each in searches_in(talk)] == ["two"]


@pytest.mark.parametrize(
    ("seq", "found"), [(None, 12), (3, 3), (1, 3), (5, 3), (7, 8), (8, 8), (9, 8), (10, 12), (99, 12), (2, None)]
)
def test_a_record_means_its_own_search_that_of_the_message_or_the_newest_before(
    seq: int | None, found: int | None
) -> None:
    meant = search_at(searches_in(TALK), seq)
    assert (meant.seq if meant else None) == found


def note(ref: str, text: str, file: str = "daily/2026-11-21.md", **more: object) -> MemoryNote:
    return MemoryNote(ref, text, file, 3, **more)  # type: ignore[arg-type]  # fields of a note


def words_of(notes: list[MemoryNote], question: str, *refs: str, spec: MemorySpec | None = None) -> list[ExplainedNote]:
    items = tuple(e.RecalledItem(ref=ref, age_hours=144) for ref in refs)
    event = e.MemoryRecalled(turn="t", upto_seq=1, items=items, took_ms=4, notes=212)
    return list(explained(PastSearch(8, event, question), notes, spec or MemorySpec()).items)


def test_words_stand_in_the_note_or_beside_it_as_the_index_sees_them() -> None:
    notes = [note("m_1", "The trip begins in May."), note("m_2", "The user prefers metric unit names.")]
    [found] = words_of(notes, "Which units does the trip report need? And trips!", "m_2")
    assert (found.own, found.near, found.file, found.line) == (("units",), ("trip", "trips"), notes[1].file, 3)


def test_neighbours_are_of_the_same_file_and_at_most_three_away() -> None:
    far = [note(f"m_{number}", "nothing") for number in range(3)]
    notes = [note("m_a", "units"), *far, note("m_b", "trip"), note("m_c", "units", "people/x.md")]
    assert [each.near for each in words_of(notes, "trip units", "m_b")] == [()]
    assert [each.near for each in words_of(notes[:1] + notes[2:], "trip units", "m_b")] == [("units",)]


def test_a_note_that_is_gone_keeps_its_figures_and_has_no_words() -> None:
    [found] = words_of([], "units", "m_gone")
    assert (found.ref, found.own, found.near, found.file, found.age_milli) == ("m_gone", (), (), "", 552)


def test_age_counts_by_the_settings_and_only_for_notes_that_decay() -> None:
    spec = MemorySpec(half_life_hours=72, floor=0)
    notes = [note("m_1", "units"), note("m_2", "units", "MEMORY.md", decays=False)]
    assert [each.age_milli for each in words_of(notes, "units", "m_1", "m_2", spec=spec)] == [250, 1000]


def test_a_language_that_is_not_installed_has_whole_words() -> None:
    assert words_of([note("m_1", "unit units")], "units unit", "m_1", spec=MemorySpec(language="klingon"))[0].own == (
        "units",
        "unit",
    )


def test_what_was_said_in_a_session_has_the_words_that_were_shown() -> None:
    said = MemoryNote("session_1#4", "Units (metric) [are] fine.", "session_1", 4, written_at="", source="session_1#4")
    shown = Candidate(said, 500, 900, 1000, 3, (), (), "")
    items = (e.RecalledItem(ref=said.id, age_hours=3), e.RecalledItem(ref="session_1#9", left_out="limit"))
    event = e.MemoryRecalled(turn="t", upto_seq=1, items=items, text=block_of([shown]))
    found = explained(PastSearch(8, event, "which units, metric or notes?"), [], MemorySpec()).items
    assert [(each.own, each.near, each.file) for each in found] == [(("units", "metric"), (), ""), ((), (), "")]
