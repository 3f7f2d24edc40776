"""What an index that is written again takes over from its old file: the sessions, which only grow.

Reading them again takes long, and the vectors of what was said in them cost money. Files are read again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from duragent.memory import index_schema as schema
from duragent.memory.chunks import NoteChunk

_PLACE = "SELECT id, mark FROM place WHERE name = ? AND sha256 = ''"


class GrownPlaces:
    """The places of an old file of which the mark alone tells what they hold."""

    def __init__(self, db: sqlite3.Connection | None = None) -> None:
        self._db = db

    def find(self, name: str) -> tuple[str, list[NoteChunk]]:
        """Its mark and what it holds; "" and nothing when it is not there, or cannot be read."""
        if self._db is None:
            return "", []
        try:
            found = self._db.execute(_PLACE, (name,)).fetchone()
            if found is None:
                return "", []
            query = f"SELECT {schema.NOTE_COLUMNS} FROM chunk WHERE place = ? ORDER BY at"
            return str(found[1]), [NoteChunk(schema.note_of(row)) for row in self._db.execute(query, (found[0],))]
        except sqlite3.Error:
            return "", []


@contextmanager
def grown_places(path: Path, rev: str) -> Iterator[GrownPlaces]:
    """Those of the file at `path`; none when there is no file of this rev."""
    db = _usable(path, rev)
    try:
        yield GrownPlaces(db)
    finally:
        if db is not None:
            db.close()


def _usable(path: Path, rev: str) -> sqlite3.Connection | None:
    if not path.exists():
        return None
    db = sqlite3.connect(path, timeout=1.0)
    try:
        if schema.rev_in(db) == rev:
            return db
    except sqlite3.Error:
        pass
    db.close()
    return None
