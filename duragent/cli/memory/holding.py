"""Which files of a workspace hold words: what `memory forget --check` looks at. Nothing is changed."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from duragent.errors import InvalidRequest
from duragent.journal.redaction import MATCH_MIN, Redaction
from duragent.system.safe_read import read_file

FILE_MAX_BYTES = 1 << 30
"""A longer file is not read, and counts as one that cannot be looked at."""
_SQLITE = b"SQLite format 3\0"


def files_holding(folder: Path, words: str) -> tuple[list[Path], list[Path]]:
    """The files below it with the words, in any case, over line ends and as JSON writes them; and those not read.

    Raises InvalidRequest for words that are too short to say anything.
    """
    if len("".join(words.split())) < MATCH_MIN:
        raise InvalidRequest(f"the words must have {MATCH_MIN} characters at least")
    wanted, found, unread = Redaction(match=words), list[Path](), list[Path]()
    for path in _files(folder):
        try:
            data = read_file(path, FILE_MAX_BYTES)
            if wanted.finds_in(data) or (data.startswith(_SQLITE) and any(map(wanted.finds, _texts(path)))):
                found.append(path)
        except (OSError, sqlite3.Error):
            unread.append(path)
    return found, unread


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        # A socket of a server is no file, and a link leads to one that is looked at where it is.
        yield from (path for path in (Path(place) / name for name in sorted(names)) if path.is_file())


def _texts(path: Path) -> Iterator[str]:
    """All texts in the tables of a database: a long one does not stand in one piece in the file."""
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            quoted = name.replace('"', '""')
            with contextlib.suppress(sqlite3.OperationalError):
                for row in database.execute(f'SELECT * FROM "{quoted}"'):
                    yield from (each for each in row if isinstance(each, str))
