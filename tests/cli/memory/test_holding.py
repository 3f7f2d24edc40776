"""Words are found in every kind of file that a workspace has."""

import sqlite3
from pathlib import Path

import pytest

from duragent.cli.memory.holding import files_holding
from duragent.errors import InvalidRequest


def test_words_are_found_in_texts_lines_blobs_and_databases(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "note.md").write_text("The Door\n code is 4711")
    (tmp_path / "events.jsonl").write_text('{"text":"the door\\n code"}\n')
    (tmp_path / "other").write_bytes(b"\xff the door is open")
    database = sqlite3.connect(tmp_path / "index.sqlite")
    with database:
        database.execute("CREATE TABLE t (x TEXT)")
        database.execute("INSERT INTO t VALUES (?)", ("x" * 3_990 + " the door " + "code " + "y" * 9_000,))
    database.close()
    found, unread = files_holding(tmp_path, "the door code")
    assert [path.name for path in found] == ["events.jsonl", "index.sqlite", "note.md"]
    assert unread == []
    assert files_holding(tmp_path, "the window") == ([], [])
    with pytest.raises(InvalidRequest, match="3 characters"):
        files_holding(tmp_path, " a ")
