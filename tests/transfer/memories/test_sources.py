"""What a path is, by what it has; and sources that are hostile, damaged, or of another program."""

import os
import sqlite3
from pathlib import Path

import pytest

from duragent.errors import InvalidFile, NotFound
from duragent.transfer.memories import sqlite
from duragent.transfer.memories.sources import read_source
from tests.transfer.memories.house import ARYA, NOON, arya, hoblin, v05


def refused(path: Path) -> str:
    with pytest.raises(InvalidFile) as raised:
        read_source(path)
    return str(raised.value).replace(str(path.parent), "…")


def test_kind_is_found_by_content(tmp_path: Path) -> None:
    v05(tmp_path / "agent" / "memory")
    assert read_source(tmp_path / "agent" / "memory").kind == "memory folder"
    assert "did you mean" in refused(tmp_path / "agent")
    # A folder of Anima's agent: its database is meant. The name of a file says nothing.
    (tmp_path / "arya").mkdir()
    arya(tmp_path / "arya" / "memory.db", [])
    assert read_source(tmp_path / "arya").kind == read_source(tmp_path / "arya" / "memory.db").kind
    assert read_source(hoblin(tmp_path / "a.txt")).kind == "database of Anima (hoblin)"
    # Only what all agents share.
    found = read_source(tmp_path / "agent" / "memory" / "world")
    assert [file.file for file in found.files] == ["world/greenhouse.md"]


def test_what_is_no_source_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        read_source(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty").startswith("…/empty: has no notes (wanted: a memory folder")
    (tmp_path / "text").write_text("hello")
    assert refused(tmp_path / "text").startswith("…/text: is no source of memories")
    os.mkfifo(tmp_path / "pipe")
    assert "a named pipe" in refused(tmp_path / "pipe")


def test_database_of_another_program_is_told(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "x.db")
    db.execute("CREATE TABLE bookmarks (url)")
    # A view of that name would be computed, for as long as its author wanted.
    db.execute("CREATE VIEW semantic_memories AS SELECT 1 AS id, 2 AS created_at, 'x' AS content, 1 AS importance")
    db.commit()
    db.close()
    assert "is a database of another program (its tables: bookmarks)" in refused(tmp_path / "x.db")


def test_damaged_databases_are_told(tmp_path: Path) -> None:
    (tmp_path / "header").write_bytes(sqlite.HEADER + b"\xff" * 4000)
    assert "cannot be read" in refused(tmp_path / "header")
    whole = arya(tmp_path / "memory.db", [(NOON, f"note {n} " * 200, 0.5, "auto") for n in range(200)])
    content = whole.read_bytes()
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    assert "cannot be read" in refused(tmp_path / "cut")
    # The last notes only: what was read before must not be taken alone.
    (tmp_path / "end").write_bytes(content[:-8192] + b"\xff" * 8192)
    assert refused(tmp_path / "end").endswith("malformed (nothing was taken from it)")
    other = arya(tmp_path / "schema", [], ARYA.replace("content TEXT", "content TEXT, x TEXT"))
    db = sqlite3.connect(other)
    db.execute("ALTER TABLE semantic_memories RENAME COLUMN created_at TO at")
    db.commit()
    db.close()
    assert "the table semantic_memories has no column created_at" in refused(other)


def test_rows_that_cannot_be_notes_are_left_out_and_told(tmp_path: Path) -> None:
    rows = [
        (NOON, "good", 7.5, "auto"),
        (NOON, "x" * 9_000, 0.5, "auto"),
        (NOON, "a\0b", 0.5, "auto"),
        (NOON, b"\xff\xfe", 0.5, "auto"),
        (NOON, None, 0.5, "auto"),
        (NOON, "  ", 0.5, "auto"),
        ("yesterday", "when?", 0.5, "auto"),
        (1 << 62, "far away", 0.5, "auto"),
        (NOON, "no number", "much", "x --> # y"),
    ]
    found = read_source(arya(tmp_path / "memory.db", rows))
    assert [(note.text, note.importance_milli) for note in found.notes if note.text != "no number"] == [("good", 1000)]
    [odd] = [note for note in found.notes if note.text == "no number"]
    assert (odd.importance_milli, odd.source) == (500, "anima:arya:x-------y")
    told = [f"{each.what}: {each.why}" for each in found.not_taken if each.is_fault]
    assert told == [
        "semantic_memories, id 2: it has 9,000 bytes, and a note may have 8,192",
        "semantic_memories, id 3: it has a NUL character, so it is no text",
        "semantic_memories, id 4: its content is no text",
        "semantic_memories, id 5: its content is empty",
        "semantic_memories, id 6: it is empty",
        "semantic_memories, id 7: created_at is no time in seconds",
        "semantic_memories, id 8: created_at is no time in seconds",
    ]
    dropped = [each.what for each in found.not_taken if not each.is_fault]
    assert dropped[0] == "semantic_memories: access_count, last_accessed"


def test_many_faults_are_counted(tmp_path: Path) -> None:
    found = read_source(arya(tmp_path / "memory.db", [(NOON, "", 0.5, "auto")] * 25))
    told = [each.why for each in found.not_taken if each.is_fault]
    assert (len(told), told[-1]) == (21, "5 more rows cannot be taken either")


def test_changes_that_lie_beside_a_database_are_read_and_stay_there(tmp_path: Path) -> None:
    path = arya(tmp_path / "memory.db", [(NOON, "old", 0.5, "auto")])
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("INSERT INTO semantic_memories (agent_id, created_at, content) VALUES ('arya', ?, 'new')", (NOON + 1,))
    db.commit()
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert before["memory.db-wal"]
    assert [note.text for note in read_source(path).notes] == ["old", "new"]
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
    db.close()


def test_database_that_is_being_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = arya(tmp_path / "memory.db", [])
    grows = iter(range(100))
    monkeypatch.setattr(sqlite, "signature", lambda path: (next(grows),))
    assert "is being written (stop the program that uses it" in refused(path)


def test_database_that_is_read_for_ever_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = arya(tmp_path / "memory.db", [(NOON, f"note {n}", 0.5, "auto") for n in range(20_000)])
    monkeypatch.setattr(sqlite, "READ_SECONDS", -1.0)
    monkeypatch.setattr(sqlite, "_STEPS", 100)
    assert "takes too long to read" in refused(path)


def test_odd_files_of_a_folder_are_left_out_and_told(tmp_path: Path) -> None:
    v05(tmp_path / "old")
    daily = tmp_path / "old" / "daily"
    (tmp_path / "secret.md").write_text("secret")
    (daily / "link.md").symlink_to(tmp_path / "secret.md")
    (daily / "nul.md").write_bytes(b"a\0b")
    (daily / "latin.md").write_bytes(b"\xff")
    (daily / "long.md").write_bytes(b"x" * (256 * 1024 + 1))
    (tmp_path / "old" / "notes.txt").write_text("x")
    (tmp_path / "old" / "TODO.md").write_text("x")
    found = read_source(tmp_path / "old")
    assert len(found.files) == 4
    faults = {each.what: each.why for each in found.not_taken if each.is_fault}
    assert sorted(faults) == ["daily/latin.md", "daily/link.md", "daily/long.md", "daily/nul.md"]
    assert "leads out of" in faults["daily/link.md"]
    others = {each.what: each.why for each in found.not_taken if not each.is_fault}
    assert others == {
        "TODO.md": "a memory has no file of that name in that place",
        "notes.txt": "it is no Markdown file of notes",
    }


def test_conversations_of_hoblins_anima_are_counted_and_not_taken(tmp_path: Path) -> None:
    found = read_source(hoblin(tmp_path / "production.sqlite3"))
    assert (found.files, found.notes) == ((), ())
    assert [each.what for each in found.not_taken] == ["events, 2 rows", "sessions, 1 row"]
