"""Databases of other programs, read from a private copy.

The law: SQLite never opens the source, because it could write to it. The file, and the log of changes beside it, are
copied, again when they changed meanwhile. Only plain tables are read, for a bounded time, and whatever is wrong with
them is an error that names the file.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duragent.agent.folder_files import signature
from duragent.errors import InvalidFile
from duragent.system.os_errors import in_words
from duragent.system.safe_read import open_file

HEADER = b"SQLite format 3\0"
MAX_DATABASE_BYTES = 4 << 30
MAX_VALUE_BYTES = 64 << 20
READ_SECONDS = 60.0
"""After so long a source counts as one that is made to be read for ever."""
_ATTEMPTS = 5
_BESIDE = ("", "-wal", "-journal")
_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Database:
    """The copy of a source."""

    path: Path
    """The source, for messages."""
    db: sqlite3.Connection
    """The copy; texts come as bytes."""

    def columns(self) -> Mapping[str, frozenset[str]]:
        """The plain tables with their columns; views and virtual tables are left out. Raises InvalidFile."""
        made = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%' ORDER BY name LIMIT 1000"
        )
        found: dict[str, frozenset[str]] = {}
        for (name,) in self.rows(made):
            table = _text(name)
            described = self.rows("SELECT name FROM pragma_table_info(?)", (table,))
            found[table] = frozenset(_text(column) for (column,) in described)
        return found

    def rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """What the query finds. Raises InvalidFile for what cannot be read."""
        try:
            yield from self.db.execute(query, values)
        except (sqlite3.Error, OverflowError, ValueError) as error:
            words = "takes too long to read" if str(error) == "interrupted" else f"cannot be read: {error}"
            raise InvalidFile(str(self.path), words, hint="nothing was taken from it") from None

    def count(self, table: str) -> int:
        """How many rows a table has. `table` is a name that `columns` gave."""
        quoted = table.replace('"', '""')
        [(count,)] = self.rows(f'SELECT count(*) FROM "{quoted}"')
        return int(count)


def is_database(path: Path) -> bool:
    """Whether a file begins as SQLite's do. Raises InvalidFile for what is no file that can be read."""
    try:
        fd = open_file(path)
    except OSError as error:
        raise InvalidFile(str(path), f"cannot be read: {in_words(error)}") from None
    with open(fd, "rb") as file:
        return file.read(len(HEADER)) == HEADER


@contextmanager
def copied(path: Path) -> Iterator[Database]:
    """A copy of the database, for reading, while the block runs. Raises InvalidFile."""
    with tempfile.TemporaryDirectory(prefix="duragent-") as folder:
        copy = Path(folder) / "copy.db"
        try:
            _copy(path, copy)
        except OSError as error:
            raise InvalidFile(str(path), f"cannot be copied: {in_words(error)}") from None
        with closing(_opened(path, copy)) as db:
            yield Database(path, db)


def _copy(path: Path, copy: Path) -> None:
    for _ in range(_ATTEMPTS):
        before = _signatures(path)
        for suffix in _BESIDE:
            beside, target = path.with_name(path.name + suffix), copy.with_name(copy.name + suffix)
            target.unlink(missing_ok=True)
            if suffix and not os.path.lexists(beside):
                continue
            with open(open_file(beside), "rb") as source, open(target, "xb") as file:
                if os.fstat(source.fileno()).st_size > MAX_DATABASE_BYTES:
                    raise InvalidFile(str(beside), f"is larger than {MAX_DATABASE_BYTES >> 30} GiB")
                shutil.copyfileobj(source, file, 1 << 20)
        if _signatures(path) == before:
            return
    raise InvalidFile(str(path), "is being written", hint="stop the program that uses it, and import again")


def _signatures(path: Path) -> list[tuple[int, ...]]:
    return [signature(path.with_name(path.name + suffix)) for suffix in _BESIDE]


def _opened(path: Path, copy: Path) -> sqlite3.Connection:
    db = sqlite3.connect(copy, isolation_level=None)
    try:
        db.text_factory = bytes
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        deadline = time.monotonic() + READ_SECONDS
        db.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA query_only = ON")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (sqlite3.Error, OverflowError) as error:
        db.close()
        raise InvalidFile(str(path), f"cannot be read as an SQLite database: {error}") from None
    return db


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
