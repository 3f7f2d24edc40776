"""Sources as other programs wrote them, from their schemas."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ARYA = """
CREATE TABLE semantic_memories (
    id INTEGER PRIMARY KEY AUTOINCREMENT, agent_id TEXT NOT NULL, created_at INTEGER NOT NULL, content TEXT,
    importance REAL DEFAULT 0.5, source TEXT DEFAULT 'auto', keywords TEXT, access_count INTEGER DEFAULT 0,
    last_accessed INTEGER, embedding BLOB
);
CREATE TABLE memory_meta (key TEXT PRIMARY KEY, value TEXT);
INSERT INTO memory_meta VALUES ('embedding_model', 'nomic-embed-text');
"""
HOBLIN = """
CREATE TABLE schema_migrations (version TEXT PRIMARY KEY);
CREATE TABLE sessions (id INTEGER PRIMARY KEY, created_at TEXT, updated_at TEXT);
CREATE TABLE events (
    id INTEGER PRIMARY KEY, session_id INTEGER, event_type TEXT, payload TEXT, timestamp INTEGER,
    token_count INTEGER DEFAULT 0, tool_use_id TEXT, created_at TEXT, updated_at TEXT
);
"""
NOON = 1_767_268_800
"""2026-01-01T12:00:00Z."""


def arya(path: Path, rows: Iterable[tuple[Any, ...]], schema: str = ARYA) -> Path:
    """A memory.db with rows of (created_at, content, importance, source)."""
    db = sqlite3.connect(path)
    db.executescript(schema)
    put = (
        "INSERT INTO semantic_memories (agent_id, created_at, content, importance, source, keywords, access_count)"
        " VALUES ('arya', ?, ?, ?, ?, 'some,words', 7)"
    )
    db.executemany(put, rows)
    db.commit()
    db.close()
    return path


def hoblin(path: Path) -> Path:
    """A primary database of 0.2.0, with one conversation."""
    db = sqlite3.connect(path)
    db.executescript(HOBLIN)
    db.execute("INSERT INTO sessions VALUES (1, '2026-03-10', '2026-03-10')")
    said = '{"type": "user_message", "content": "hello", "session_id": 1, "timestamp": 1}'
    for number in (1, 2):
        db.execute("INSERT INTO events VALUES (?, 1, 'user_message', ?, 1, 0, NULL, '', '')", (number, said))
    db.commit()
    db.close()
    return path


def v05(folder: Path) -> dict[str, bytes]:
    """A memory folder of v0.5, with its header once more for each entry; its files by name."""
    files = {
        "MEMORY.md": b"# Ada\n\nShe keeps a greenhouse.\n\n## Units\n\nMetric.\n",
        "daily/2025-12-31.md": b"# 2025-12-31\n\n## 09:15\n\nBought seeds.\n# 2025-12-31\n\n## 18:02\n\nSowed them.\n",
        "daily/2026-01-01.md": "# 2026-01-01\r\n\r\n## 10:00\r\n\r\nGrüße an Björn.\r\n".encode(),
        "world/greenhouse.md": b"Tomatoes stand in row 3.",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return files
