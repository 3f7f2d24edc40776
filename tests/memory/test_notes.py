"""Notes in Markdown: what is read from a file, and what stays when a note is added, changed or taken out."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.memory.base import OWNER, WORLD, Cause, MemoryNote, NewNote, Scope
from duragent.memory.notes import (
    appended,
    cleaned,
    made_note,
    note_id,
    notes_in,
    placed_notes,
    rewritten,
    scope_of,
    without,
    without_comments,
)

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = "daily/2026-11-21.md"
UNITS = """\
# 2026-11-21

## 14:32

The user prefers metric units.
<!-- m_3f9k2a7c importance=0.90 trust=owner from=session_01JX#41 -->
"""
LINES = st.sampled_from(
    [
        "## 14:32", "## 2026-11-21 09:05", "# 2026-11-21", "# MEMORY", "### more", "text", "", "  ", "```", "~~~~",
        "<!-- m_3f9k2a7c importance=0.90 trust=owner from=s#41 -->", "<!-- m_3f9k2a7c trust=agent", "\\## 14:32",
        "<!-- m_00000000 -->", "## 25:99", "\r", "## 14:32\r", "\ufeff## 14:32", "- a\tb", "\x0b", "# x #",
        "## 9:05 Bob",
    ]
)  # fmt: skip
MANGLED = st.lists(LINES | st.text(max_size=12), max_size=14).map("\n".join)
FILES = st.sampled_from([DAILY, "MEMORY.md", "people/telegram-1.md", "chats/x.md", "unreviewed.md", "world/a.md"])
DATED = st.sampled_from([DAILY, "people/telegram-1.md", "chats/x.md", "unreviewed.md"])
CONTENTS = (MANGLED | st.text(max_size=60)).filter(lambda text: cleaned(text) != "")
WHEN = datetime(2026, 11, 21, 13, 32, tzinfo=UTC)


def new(text: str, file: str = DAILY) -> MemoryNote:
    scope = Scope("person", "telegram-1") if file == "unreviewed.md" else scope_of(file)
    cause = Cause("s1", 7, "c1")
    note = NewNote(text, scope, 900, "unreviewed" if file == "unreviewed.md" else "agent", cause)
    return made_note(note, note_id("s1", "c1"), file, WHEN)


def test_note_of_a_call_is_read_with_all_that_its_comment_says() -> None:
    assert notes_in(UNITS, DAILY, BERLIN) == (
        MemoryNote(
            "m_3f9k2a7c", "The user prefers metric units.", DAILY, 5, OWNER, "owner", "2026-11-21T13:32:00Z", 900,
            "session_01JX#41",
        ),
    )  # fmt: skip


def test_notes_of_people_have_ids_from_file_and_text() -> None:
    text = "# 2026-11-21\n\n## 9:05 Call\n\nBob is ill.\n\n\nIn bed.\n\n# 2026-11-21\n\n## 09:30\n\nBob is ill.\n"
    first, second = notes_in(text, DAILY, BERLIN)
    assert (first.text, first.heading, first.written_at) == ("Bob is ill.\n\n\nIn bed.", "Call", "2026-11-21T08:05:00Z")
    assert (second.text, second.heading, second.id) == ("Bob is ill.", "", note_id(DAILY, "Bob is ill."))
    again = notes_in(text + "\n## 10:00\n\nBob is ill.\n", DAILY, BERLIN)
    assert len({note.id for note in again}) == 3
    assert again[1].id == second.id


def test_file_of_a_person_has_a_note_for_each_heading() -> None:
    text = "Hello.\n\n## Units\nmetric\n```sh\n# no heading\n```\n### Deep\n\nwords\n"
    found = [(note.heading, note.text, note.line, note.decays) for note in notes_in(text, "MEMORY.md", BERLIN)]
    assert found == [
        ("", "Hello.", 1, False),
        ("Units", "metric\n```sh\n# no heading\n```", 4, False),
        ("Deep", "words", 10, False),
    ]


@pytest.mark.parametrize(
    ("heading", "written_at"),
    [
        ("14:32", "2026-11-21T13:32:00Z"),
        ("00:00", "2026-11-20T23:00:00Z"),
        ("23:59", "2026-11-21T22:59:00Z"),
        ("2026-07-01 12:00", "2026-07-01T10:00:00Z"),
        ("2026-03-29 02:30", "2026-03-29T01:30:00Z"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
        ("25:99", ""),
        ("2026-13-41 10:00", ""),
    ],
)
def test_heading_tells_the_moment_in_the_time_zone(heading: str, written_at: str) -> None:
    (note,) = notes_in(f"## {heading}\n\nx\n", DAILY, BERLIN)
    assert note.written_at == written_at


def test_day_without_a_time_begins_at_midnight() -> None:
    assert notes_in("x\n", DAILY, BERLIN)[0].written_at == "2026-11-20T23:00:00Z"
    assert notes_in("x\n", "MEMORY.md", BERLIN)[0].written_at == ""


@pytest.mark.parametrize(
    ("file", "scope"),
    [
        ("MEMORY.md", OWNER),
        (DAILY, OWNER),
        ("unreviewed.md", OWNER),
        ("world/docker.md", WORLD),
        ("people/telegram-4711.md", Scope("person", "telegram-4711")),
        ("chats/telegram--1.md", Scope("chat", "telegram--1")),
    ],
)
def test_file_says_to_whom_its_notes_belong(file: str, scope: Scope) -> None:
    assert scope_of(file) == scope


def test_what_waits_stays_unreviewed_whatever_its_comment_says() -> None:
    text = "## 2026-11-21 10:00\n\nx\n<!-- m_3f9k2a7c trust=owner scope=person:a proposes=MEMORY.md -->\n\ny\n"
    first, second = notes_in(text, "unreviewed.md", BERLIN)
    assert (first.trust, first.scope, first.proposes) == ("unreviewed", Scope("person", "a"), "MEMORY.md")
    assert second.trust == "unreviewed"


@pytest.mark.parametrize(
    ("said", "milli"),
    [("0.90", 900), ("1", 1000), ("0.005", 5), ("1.5", 1000), ("-1", 500), ("nan", 500), ("9", 500), ("0.٣", 500)],
)
def test_importance_that_is_none_counts_as_the_middle(said: str, milli: int) -> None:
    (note,) = notes_in(f"x\n<!-- m_3f9k2a7c importance={said} -->\n", DAILY, BERLIN)
    assert note.importance_milli == milli


@given(text=MANGLED, file=FILES)
def test_every_line_belongs_to_at_most_one_note_and_ids_are_unique(text: str, file: str) -> None:
    placed = placed_notes(text, file, BERLIN)
    ends = [0, *(each.end for each in placed)]
    assert all(end <= each.first for end, each in zip(ends, placed, strict=False))
    assert len({each.note.id for each in placed}) == len(placed)
    assert all(each.note.text for each in placed)


@given(text=MANGLED, file=DATED, content=CONTENTS)
def test_added_note_is_read_as_it_was_and_nothing_else_changes(text: str, file: str, content: str) -> None:
    note = new(content, file)
    before = notes_in(text, file, BERLIN)
    after = appended(text, note, WHEN.astimezone(BERLIN))
    assert not text.strip() or after.startswith(text)
    *others, added = notes_in(after, file, BERLIN)
    assert tuple(others) == before
    same_id = added.id if note.id in {each.id for each in before} else note.id
    assert added == replace(note, id=same_id, line=added.line)


@given(text=MANGLED, file=FILES, index=st.integers(0, 5))
def test_note_that_is_taken_out_takes_nothing_with_it(text: str, file: str, index: int) -> None:
    placed = placed_notes(text, file, BERLIN)
    if not placed:
        return
    gone = placed[index % len(placed)]
    after = notes_in(without(text, gone, placed), file, BERLIN)
    assert sorted(note.text for note in after) == sorted(each.note.text for each in placed if each != gone)


@given(text=MANGLED, file=DATED, index=st.integers(0, 5), content=CONTENTS)
def test_rewritten_note_leaves_the_others(text: str, file: str, index: int, content: str) -> None:
    placed = placed_notes(text, file, BERLIN)
    if not placed:
        return
    index %= len(placed)
    after = notes_in(rewritten(text, placed[index], new(content, file)), file, BERLIN)
    texts = [each.note.text for each in placed]
    assert [note.text for note in after] == [*texts[:index], cleaned(content), *texts[index + 1 :]]


@given(contents=st.lists(CONTENTS, max_size=4))
def test_text_without_comments_is_what_v05_would_have_written(contents: list[str]) -> None:
    text = expected = ""
    for content in contents:
        text = appended(text, new(content), WHEN.astimezone(BERLIN))
        expected = f"{expected or '# 2026-11-21' + chr(10)}\n## 14:32\n\n{cleaned(content)}\n"
    assert without_comments(text) == expected


def test_comment_travels_with_what_it_says() -> None:
    note = replace(new("x", "unreviewed.md"), importance_milli=905, replaces="m_00000000", proposes="world/a.md")
    text = appended("", note, WHEN)
    assert "importance=0.905 trust=unreviewed scope=person:telegram-1 proposes=world/a.md replaces=m_00000000" in text
    assert notes_in(text, "unreviewed.md", ZoneInfo("UTC")) == (replace(note, line=5),)
