"""Writes of a memory: once, wherever a call was interrupted, and never over what its writer has not seen."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from duragent.errors import MemoryChanged, NotFound
from duragent.memory.base import Cause, NewNote, Scope, Trust
from duragent.memory.folder import MemoryFolder
from duragent.memory.writes import (
    add_note,
    call_note_id,
    find_note,
    remove_note,
    replace_long_term,
    titled,
    topic_file,
)
from duragent.stores.files.disk import Disk

NOW = datetime(2026, 11, 21, 22, 59, tzinfo=UTC)


def folder(root: Path, *, is_world: bool = False) -> MemoryFolder:
    return MemoryFolder(root, ZoneInfo("Europe/Berlin"), Disk(), is_world=is_world)


def new(text: str, call: str = "c1", scope: Scope = Scope("owner"), trust: Trust = "agent") -> NewNote:  # noqa: B008
    return NewNote(text, scope, 900, trust, Cause("s1", 41, call))


def test_note_is_written_once_also_after_midnight(tmp_path: Path) -> None:
    memory = folder(tmp_path)
    first = add_note(memory, new("metric units", trust="owner"), NOW)
    again = add_note(memory, new("metric units", trust="owner"), NOW + timedelta(minutes=2))
    assert first.saved is not None
    assert (again.saved, again.note.id, again.note.file) == (None, first.note.id, "daily/2026-11-21.md")
    assert (tmp_path / "daily/2026-11-21.md").read_text() == (
        "# 2026-11-21\n\n## 23:59\n\nmetric units\n"
        f"<!-- {call_note_id(new(''))} importance=0.90 trust=owner from=s1#41 -->\n"
    )


def test_second_note_of_a_day_adds_no_header(tmp_path: Path) -> None:
    memory = folder(tmp_path)
    add_note(memory, new("one"), NOW)
    add_note(memory, new("two", "c2"), NOW)
    assert (tmp_path / "daily/2026-11-21.md").read_text().count("# 2026-11-21") == 1


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
    memory = folder(tmp_path)
    written = add_note(memory, new("x", scope=scope, trust=trust), NOW)
    found = find_note(memory, written.note.id)
    assert found is not None
    assert (found[0].file, found[1].note.scope, found[1].note.trust) == (file, scope, trust)


def test_removed_note_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    memory = folder(tmp_path)
    gone = add_note(memory, new("one"), NOW).note
    stays = add_note(memory, new("two", "c2"), NOW).note
    remove_note(memory, gone.id)
    assert [note.id for note in memory.read_all().notes] == [stays.id]
    with pytest.raises(NotFound):
        remove_note(memory, gone.id)


def test_reflect_wants_what_its_session_read(tmp_path: Path) -> None:
    memory = folder(tmp_path)
    seen = memory.read("MEMORY.md")
    replace_long_term(memory, "one", seen)
    assert replace_long_term(memory, "one", seen).after_sha256 == memory.read("MEMORY.md").sha256
    with pytest.raises(MemoryChanged) as changed:
        replace_long_term(memory, "two", seen)
    assert (changed.value.text, "+one" in changed.value.diff) == ("one\n", True)


def test_topics_that_clean_to_one_name_have_two_files(tmp_path: Path) -> None:
    world = folder(tmp_path, is_world=True)
    plain, odd = topic_file(world, "a-b"), topic_file(world, "a/b")
    assert plain == "world/a-b.md"
    assert odd.startswith("world/a-b-")
    assert (titled("a-b", "x"), titled("a/b", "x"), titled("a/b", "# A\n")) == ("x", "# a/b\n\nx", "# A\n")
    (tmp_path / "a-b.md").write_text("# a/b\n\nof v0.5\n")
    assert topic_file(world, "a/b") == "world/a-b.md"
