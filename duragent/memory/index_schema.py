"""The tables of an index: what stands in them, how they are made, and how a new file takes the place of an old one.

The law: an index is a cache. One that is absent, damaged or of another make is written beside and renamed, and never
repaired.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from duragent.memory.base import MemoryNote, Scope
from duragent.memory.chunks import NoteChunk, neighbours
from duragent.memory.languages import Language, wholes
from duragent.text import without_surrogates

SCHEMA = 1
"""Counts the ways in which the tables were made."""
WEIGHTS = (1.0, 0.4, 0.3)
"""What a word counts in a note, in its near and in its far neighbours."""

_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    "CREATE TABLE place (id INTEGER PRIMARY KEY, name TEXT UNIQUE, mark TEXT, sha256 TEXT)",
    "CREATE TABLE chunk (id INTEGER PRIMARY KEY, place INTEGER, at INTEGER, sha BLOB, ref TEXT, text TEXT, file TEXT,"
    " line INTEGER, scope TEXT, trust TEXT, written_at TEXT, importance INTEGER, source TEXT, decays INTEGER,"
    " heading TEXT, replaces TEXT)",
    "CREATE TABLE vector (label TEXT, sha BLOB, bits BLOB, bytes BLOB, PRIMARY KEY (label, sha)) WITHOUT ROWID",
)
_LOOKUPS = (
    "CREATE INDEX chunk_place ON chunk (place, at)",
    "CREATE INDEX chunk_sha ON chunk (sha)",
    "CREATE INDEX chunk_replaces ON chunk (replaces) WHERE replaces != ''",
)
_COLUMNS = (
    "id, place, at, sha, ref, text, file, line, scope, trust, written_at, importance, source, decays, heading, replaces"
)
NOTE_COLUMNS = "ref, text, file, line, scope, trust, written_at, importance, source, decays, heading, replaces"
"""What `note_of` takes."""


SAID = "CASE heading WHEN '' THEN text ELSE heading || char(10) || text END"
"""What `said` gives, in SQL."""


def said(note: MemoryNote) -> str:
    """What is indexed of a note: its heading may have the word that it is asked for."""
    return f"{note.heading}\n{note.text}" if note.heading else note.text


def rev_of(language: Language) -> str:
    """Names schema, language and weights: an index of another rev is written again."""
    made = f"{SCHEMA}|{language.tokenizer}|{language.rev}|{WEIGHTS}"
    return hashlib.sha256(made.encode()).hexdigest()[:12]


def has_fts5() -> bool:
    """Whether this Python's SQLite can search in texts."""
    db = sqlite3.connect(":memory:")
    try:
        db.execute("CREATE VIRTUAL TABLE probe USING fts5(text)")
    except sqlite3.OperationalError:
        return False
    finally:
        db.close()
    return True


def opened(path: Path) -> sqlite3.Connection:
    """A file of an index. Every statement is its own transaction unless one is begun."""
    db = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA temp_store = MEMORY")
    return db


def make_tables(db: sqlite3.Connection, language: Language) -> None:
    """All tables, empty; the lookups come with `make_lookups`, when the rows are there."""
    for statement in _TABLES:
        db.execute(statement)
    db.execute(f"CREATE VIRTUAL TABLE words USING fts5(own, near, far, content='', tokenize='{language.tokenizer}')")
    db.execute("CREATE VIRTUAL TABLE vocab USING fts5vocab(words, 'col')")
    db.execute("INSERT INTO meta VALUES ('rev', ?)", (rev_of(language),))


def make_lookups(db: sqlite3.Connection) -> None:
    """What finds rows by place and by sha."""
    for statement in _LOOKUPS:
        db.execute(statement)


def rev_in(db: sqlite3.Connection) -> str:
    """The rev with which this file was made; "" for a file that is none of ours."""
    row = db.execute("SELECT value FROM meta WHERE key = 'rev'").fetchone()
    return str(row[0]) if row else ""


# --- rows ------------------------------------------------------------------------------------------------------------


def add_chunks(db: sqlite3.Connection, place: int, chunks: Sequence[NoteChunk], first: tuple[int, int]) -> None:
    """Chunks of one place, without their words; `first` is the id and the position of the first one."""
    db.executemany(
        f"INSERT INTO chunk ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        _chunk_rows(place, first, chunks),
    )


def change_words(
    db: sqlite3.Connection, language: Language, texts: Sequence[tuple[int, str]], skip: int = 0, *, delete: bool = False
) -> None:
    """Adds or deletes the words of chunks that follow each other; the first `skip` are there only as neighbours.

    The table keeps no texts of its own, so that deleting needs the texts as they were.
    """
    texts = [(chunk, without_surrogates(text)) for chunk, text in texts]
    rows = _word_rows(texts, [language.indexed(text) for _, text in texts], skip)
    if delete:
        db.executemany("INSERT INTO words (words, rowid, own, near, far) VALUES ('delete', ?, ?, ?, ?)", rows)
    else:
        db.executemany("INSERT INTO words (rowid, own, near, far) VALUES (?, ?, ?, ?)", rows)


def _word_rows(texts: Sequence[tuple[int, str]], cut: Sequence[str], skip: int) -> Iterator[tuple[int, str, str, str]]:
    for at in range(skip, len(texts)):
        chunk, text = texts[at]
        pieces = wholes(text)
        own = f"{cut[at]} {' '.join(token for _, token in pieces)}" if pieces else cut[at]
        yield chunk, own, *neighbours(cut, at)


def _chunk_rows(place: int, first: tuple[int, int], chunks: Iterable[NoteChunk]) -> Iterator[tuple[object, ...]]:
    for at, chunk in enumerate(chunks):
        note = chunk.note
        text = without_surrogates(note.text)
        here = (first[0] + at, place, first[1] + at, chunk_sha(text), note.id, text, note.file, note.line)
        about = (str(note.scope), note.trust, note.written_at, note.importance_milli, note.source, note.decays)
        yield *here, *about, without_surrogates(note.heading), note.replaces


def chunk_sha(text: str) -> bytes:
    """The key of a text's vectors."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()[:16]


def note_of(row: Sequence[object]) -> MemoryNote:
    """The note of a row of `NOTE_COLUMNS`."""
    ref, text, file, line, scope, trust, written_at, importance, source, decays, heading, replaces = row
    return MemoryNote(
        str(ref), str(text), str(file), int(line), _scope(str(scope)), trust,  # type: ignore[arg-type, call-overload]  # as they were put in
        str(written_at), int(importance), str(source), bool(decays), str(heading), str(replaces),  # type: ignore[call-overload]  # likewise
    )  # fmt: skip


@lru_cache(maxsize=256)
def _scope(written: str) -> Scope:
    kind, _, whose = written.partition(":")
    return Scope(kind, whose)  # type: ignore[arg-type]  # as it was put in


# --- files -----------------------------------------------------------------------------------------------------------


def keep_vectors(db: sqlite3.Connection, old: Path) -> None:
    """Takes over the vectors of texts that are still there, because they cost money. An old file may be damaged."""
    with suppress(sqlite3.Error):
        db.execute("ATTACH ? AS old", (f"{old}",))
        try:
            db.execute("INSERT OR IGNORE INTO vector SELECT * FROM old.vector WHERE sha IN (SELECT sha FROM chunk)")
        finally:
            db.execute("DETACH old")


def put_in_place(made: Path, path: Path) -> None:
    """A finished file takes the name of an old one; no log of the old one is left that could be applied to it."""
    fd = os.open(made, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    remove_index(path)
    os.replace(made, path)


def remove_index(path: Path) -> None:
    """The file first: a log without its file is thrown away by SQLite, a file without its log may be damaged."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
