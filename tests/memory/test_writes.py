"""What a write makes of a file: once, wherever a call was interrupted, and where it belongs."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from duragent.memory.base import Cause, MemoryNote, NewNote, Scope, Trust
from duragent.memory.folder import FileText, MemoryFolder
from duragent.memory.writes import (
    call_note_id,
    find_note,
    planned_note,
    titled,
    topic_file,
    whole_text,
    with_note,
    without_note,
)
from duragent.stores.files.disk import Disk

ZONE = ZoneInfo("Europe/Berlin")
LOCAL = datetime(2026, 11, 21, 23, 59, tzinfo=ZONE)


def folder(root: Path, *, is_world: bool = False) -> MemoryFolder:
    return MemoryFolder(root, ZONE, Disk(), is_world=is_world)


def new(text: str, call: str = "c1", scope: Scope = Scope("owner"), trust: Trust = "agent") -> NewNote:  # noqa: B008
    return NewNote(text, scope, 900, trust, Cause("s1", 41, call))


def planned(text: str, call: str = "c1", scope: Scope = Scope("owner"), trust: Trust = "agent") -> MemoryNote:  # noqa: B008
    made = new(text, call, scope, trust)
    return planned_note(made, call_note_id(made), LOCAL)


def added(text: str, note: MemoryNote) -> str | None:
    return with_note(FileText(note.file, text, ""), note, LOCAL, ZONE)


def test_note_is_added_once() -> None:
    note = planned("metric units", trust="owner")
    once = added("", note)
    assert once == (
        "# 2026-11-21\n\n## 23:59\n\nmetric units\n"
        f"<!-- {call_note_id(new(''))} importance=0.90 trust=owner from=s1#41 -->\n"
    )
    assert added(once, note) is None


def test_second_note_of_a_day_adds_no_header() -> None:
    both = added(added("", planned("one")) or "", planned("two", "c2"))
    assert (both or "").count("# 2026-11-21") == 1


def test_id_is_that_of_the_call_or_of_a_persons_key() -> None:
    assert call_note_id(new("one")) == call_note_id(new("two")) != call_note_id(new("one", "c2"))
    assert call_note_id(NewNote("x"), "bea", "k1") != call_note_id(NewNote("x"), "bea", "k2")


@pytest.mark.parametrize(
    ("scope", "trust", "file"),
    [
        (Scope("person", "telegram-1"), "owner", "people/telegram-1.md"),
        (Scope("chat", "telegram-2"), "agent", "chats/telegram-2.md"),
        (Scope("person", "telegram-1"), "unreviewed", "unreviewed.md"),
        (Scope("owner"), "unreviewed", "unreviewed.md"),
    ],
)
def test_note_goes_where_it_belongs(tmp_path: Path, scope: Scope, trust: Trust, file: str) -> None:
    memory, note = folder(tmp_path), planned("x", scope=scope, trust=trust)
    memory.write(note.file, added("", note) or "", "")
    found = find_note(memory, note.id)
    assert found is not None
    assert (found.note.file, found.note.scope, found.note.trust) == (file, scope, trust)
    assert (find_note(memory, note.id, "MEMORY.md"), find_note(memory, "m_00000000")) == (None, None)


def test_note_that_is_taken_out_is_gone_and_the_others_stay() -> None:
    gone, stays = planned("one"), planned("two", "c2")
    both = FileText(gone.file, added(added("", gone) or "", stays) or "", "")
    left = without_note(both, gone.id, ZONE)
    assert left is not None
    assert ("one" in left, "two" in left) == (False, True)
    assert without_note(FileText(gone.file, left, ""), gone.id, ZONE) is None


@pytest.mark.parametrize(("content", "text"), [("a", "a\n"), ("a\r\nb\n", "a\nb\n"), ("a\0", "a\n"), ("", "")])
def test_lines_of_a_whole_file_end_in_one_way(content: str, text: str) -> None:
    assert whole_text(content) == text


def test_topics_that_clean_to_one_name_have_two_files(tmp_path: Path) -> None:
    world = folder(tmp_path, is_world=True)
    plain, odd = topic_file(world, "a-b"), topic_file(world, "a/b")
    assert plain == "world/a-b.md"
    assert odd.startswith("world/a-b-")
    assert (titled("a-b", "x"), titled("a/b", "x"), titled("a/b", "# A\n")) == ("x", "# a/b\n\nx", "# A\n")
    (tmp_path / "a-b.md").write_text("# a/b\n\nof v0.5\n")
    assert topic_file(world, "a/b") == "world/a-b.md"
