"""The index of one agent's memory: SQLite's FTS5 over notes and what was said, each with its neighbours.

The law: everything in it comes from somewhere else, so that it can be deleted at any time. A search never waits longer
than it was allowed to, and never for a file that is being written.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from duragent.memory import index_schema as schema
from duragent.memory import vectors
from duragent.memory.base import Scope
from duragent.memory.bits import SmallVector
from duragent.memory.chunks import FAR, NoteChunk
from duragent.memory.languages import Language
from duragent.memory.old_index import GrownPlaces, grown_places
from duragent.memory.search import NO_PIECES, FindablePieces, FoundNotes, IndexSearch, Meaning, PiecesBehind

_NEW = (0, "", "")
_STEPS = 2_000
"""After how many steps of SQLite a search looks at its time."""


@dataclass(frozen=True, slots=True)
class PlaceContent:
    """What one file or session says now."""

    mark: str
    """Changes with the content, and is cheap to find: see `ChunkSource.marks`."""
    chunks: Sequence[NoteChunk]
    """In their order."""
    sha256: str = ""
    """Of the content; the same one means that nothing is to be done. "" where the mark alone tells."""
    appended: bool = False
    """The chunks follow those that were indexed before, which are unchanged."""


class ChunkSource(Protocol):
    """Where an index gets its texts from: the files of a folder, or the sessions of an agent. Blocks on the disk."""

    def marks(self) -> Mapping[str, str]:
        """Each place with a mark that changes with its content: times and size of a file, the head of a session."""
        ...

    def content(self, place: str, indexed_mark: str) -> PlaceContent:
        """What is to be indexed; `indexed_mark` is that of the last time, "" for the first."""
        ...


def _taken_over(source: ChunkSource, name: str, mark: str, before: GrownPlaces) -> PlaceContent:
    """What an index that is written again has of a place: what it had, and what came since."""
    known, chunks = before.find(name)
    if known and known == mark:
        return PlaceContent(mark, chunks)
    content = source.content(name, known)
    return replace(content, chunks=[*chunks, *content.chunks], appended=False) if content.appended else content


class SearchTooLate(Exception):
    """The search was not done in its time."""


class MemoryIndex:
    """One file. Any thread may call; one call runs at a time."""

    def __init__(self, path: Path, language: Language) -> None:
        self._path = path
        self._language = language
        self._beside = path.with_name(f"{path.name}.new")
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._inode = (0, 0)
        self._search = IndexSearch(language)
        self.rev = schema.rev_of(language)
        """Names schema, language and weights."""

    # --- writing ---

    def update(self, sources: Sequence[ChunkSource], wait: float = -1) -> int:
        """Brings the index up to date, or makes it again when there is none to use; how many places changed.

        It waits `wait` seconds for another call to end, and raises SearchTooLate then; see `search`.
        """
        with self._held(wait):
            try:
                db = self._current()
                if db is not None:
                    return self._caught_up(db, sources)
            except sqlite3.OperationalError as error:
                if "locked" in str(error):
                    return 0
            except sqlite3.DatabaseError:
                pass
            return self._made_again(sources)

    def rewrite(self, sources: Sequence[ChunkSource], *, from_start: bool = False) -> None:
        """A new file, in which no trace is left of what the sources do not say any more; see `forget`.

        `from_start`: sessions are read again too, and not taken over from the old file.
        """
        with self._lock:
            self._made_again(sources, from_start=from_start)

    def close(self) -> None:
        """Gives the file back; the next call opens it again."""
        with self._lock:
            self._drop()
            self._search.close()

    def _current(self) -> sqlite3.Connection | None:
        """The open file, if it is still the one at this path and of this make."""
        try:
            stat = os.stat(self._path)
        except FileNotFoundError:
            self._drop()
            schema.remove_index(self._beside)
            return None
        if self._db is not None and self._inode == (stat.st_dev, stat.st_ino):
            return self._db
        self._drop()
        # What a process left behind that was killed while it wrote a new one: it may say what was redacted since.
        schema.remove_index(self._beside)
        db = schema.opened(self._path)
        try:
            if schema.rev_in(db) == self.rev:
                db.execute("PRAGMA journal_mode = WAL")
                self._db, self._inode = db, (stat.st_dev, stat.st_ino)
                return db
        finally:
            if self._db is not db:
                db.close()
        return None

    def _drop(self) -> None:
        self._search.forget()
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
        self._db = None

    def _made_again(self, sources: Sequence[ChunkSource], *, from_start: bool = False) -> int:
        self._drop()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._beside
        schema.remove_index(beside)
        try:
            with nullcontext(GrownPlaces()) if from_start else grown_places(self._path, self.rev) as before:
                changed = self._made(beside, sources, before)
            schema.put_in_place(beside, self._path)
        finally:
            schema.remove_index(beside)
        self._current()
        return changed

    def _made(self, beside: Path, sources: Sequence[ChunkSource], before: GrownPlaces) -> int:
        db = schema.opened(beside)
        try:
            # A file that is not finished is thrown away, and needs no way back.
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("BEGIN")
            schema.make_tables(db, self._language)
            changed = self._filled(db, sources, before)
            schema.make_lookups(db)
            db.execute("COMMIT")
            if self._path.exists():
                schema.keep_vectors(db, self._path)
        finally:
            db.close()
        return changed

    def _filled(self, db: sqlite3.Connection, sources: Sequence[ChunkSource], before: GrownPlaces) -> int:
        next_id, changed = 1, 0
        for source in sources:
            for name, mark in sorted(source.marks().items()):
                content = _taken_over(source, name, mark, before)
                changed += 1
                db.execute("INSERT INTO place VALUES (?, ?, ?, ?)", (changed, name, content.mark, content.sha256))
                self._add(db, changed, content.chunks, next_id)
                next_id += len(content.chunks)
        return changed

    def _caught_up(self, db: sqlite3.Connection, sources: Sequence[ChunkSource]) -> int:
        known = {name: (int(place), mark, sha) for place, name, mark, sha in db.execute("SELECT * FROM place")}
        marks = [(source, name, mark) for source in sources for name, mark in source.marks().items()]
        changed = [(source, name) for source, name, mark in marks if known.get(name, _NEW)[1] != mark]
        there = {name for _, name, _ in marks}
        gone = [name for name in known if name not in there]
        if not changed and not gone:
            return 0
        self._search.forget()
        with _written(db):
            for name in gone:
                self._remove(db, known[name][0], with_place=True)
            for source, name in changed:
                self._changed(db, source, name, known.get(name, _NEW))
        return len(changed) + len(gone)

    def _changed(self, db: sqlite3.Connection, source: ChunkSource, name: str, known: tuple[int, str, str]) -> None:
        place, mark, sha256 = known
        content = source.content(name, mark)
        if not place:
            (place,) = db.execute("SELECT coalesce(max(id), 0) + 1 FROM place").fetchone()
            db.execute("INSERT INTO place VALUES (?, ?, '', '')", (place, name))
        if content.appended:
            self._append(db, place, content.chunks)
        elif not sha256 or content.sha256 != sha256:
            self._remove(db, place)
            self._add(db, place, content.chunks, _next_id(db))
        db.execute("UPDATE place SET mark = ?, sha256 = ? WHERE id = ?", (content.mark, content.sha256, place))

    def _append(self, db: sqlite3.Connection, place: int, chunks: Sequence[NoteChunk]) -> None:
        """The last ones before get new neighbours, so that their words are written again."""
        last = f"SELECT id, {schema.SAID}, at FROM chunk WHERE place = ? ORDER BY at DESC LIMIT ?"
        rows = db.execute(last, (place, 2 * FAR)).fetchall()[::-1]
        before = [(int(chunk), str(text)) for chunk, text, _ in rows]
        only_neighbours = max(0, len(before) - FAR)
        schema.change_words(db, self._language, before, only_neighbours, delete=True)
        first = _next_id(db)
        schema.add_chunks(db, place, chunks, (first, int(rows[-1][2]) + 1 if rows else 0))
        new = [(first + at, schema.said(chunk.note)) for at, chunk in enumerate(chunks)]
        schema.change_words(db, self._language, before + new, only_neighbours)

    def _add(self, db: sqlite3.Connection, place: int, chunks: Sequence[NoteChunk], first_id: int) -> None:
        schema.add_chunks(db, place, chunks, (first_id, 0))
        texts = [(first_id + at, schema.said(chunk.note)) for at, chunk in enumerate(chunks)]
        schema.change_words(db, self._language, texts)

    def _remove(self, db: sqlite3.Connection, place: int, *, with_place: bool = False) -> None:
        rows = db.execute(f"SELECT id, {schema.SAID} FROM chunk WHERE place = ? ORDER BY at", (place,)).fetchall()
        schema.change_words(db, self._language, rows, delete=True)
        db.execute("DELETE FROM chunk WHERE place = ?", (place,))
        if with_place:
            db.execute("DELETE FROM place WHERE id = ?", (place,))

    # --- vectors ---

    def without_vectors(self, label: str, most: int) -> list[tuple[bytes, str]]:
        """Texts without a vector of this label, with their keys, the newest first. Raises SearchTooLate."""
        with self._held():
            return vectors.missing(self._opened(), label, most)

    def add_vectors(self, label: str, found: Mapping[bytes, SmallVector]) -> None:
        """Keeps vectors; those of the label with another length are dropped. Raises SearchTooLate."""
        with self._held(), _written(self._opened()) as db:
            vectors.store(db, label, found)
            self._search.forget()

    def drop_other_vectors(self, label: str) -> None:
        """Vectors of other labels are of no use any more. Raises SearchTooLate."""
        with self._held(), _written(self._opened()) as db:
            vectors.drop_others(db, label)
            self._search.forget()

    def drop_other_lengths(self, label: str, length: int) -> None:
        """Vectors of the label with another length are to be computed again. Raises SearchTooLate."""
        with self._held(), _written(self._opened()) as db:
            vectors.drop_other_lengths(db, label, length)
            self._search.forget()

    # --- checking ---

    def check(self, sources: Sequence[ChunkSource], others: Collection[str] = ()) -> list[str]:
        """Sentences about what differs between the index and its sources; none when all is well.

        `others` are places that are indexed too, and not compared.
        """
        with self._held():
            try:
                db = self._current()
                if db is None:
                    return [f"{self._path} is absent or of another make; the next recall writes it"]
                damage = [str(row[0]) for row in db.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
                return damage or list(self._differences(db, sources, set(others)))
            except sqlite3.DatabaseError as error:
                return [f"{self._path} is damaged ({error}); the next recall writes it again"]

    def _differences(self, db: sqlite3.Connection, sources: Sequence[ChunkSource], there: set[str]) -> Iterator[str]:
        query = f"SELECT {schema.SAID} FROM chunk JOIN place ON place.id = place WHERE name = ? ORDER BY at"
        for source in sources:
            for name in source.marks():
                there.add(name)
                indexed = [text for (text,) in db.execute(query, (name,))]
                if indexed != [schema.said(chunk.note) for chunk in source.content(name, "").chunks]:
                    yield f"{name} has changed since it was indexed"
        # A place without a mark holds nothing: its source reads it again, as sessions are after a rebuild.
        marked = db.execute("SELECT name FROM place WHERE mark != ''")
        yield from (f"{name} is indexed and gone" for (name,) in marked if name not in there)
        (chunks,), (words,) = (db.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("chunk", "words"))
        if chunks != words:
            yield f"the index has {words:,} texts for {chunks:,} pieces; rebuild it"

    # --- reading ---

    def marks(self) -> Mapping[str, str]:
        """What it has, by place with the mark of then; nothing when it is absent or cannot be read."""
        with self._held():
            try:
                db = self._current()
                return dict(db.execute("SELECT name, mark FROM place")) if db is not None else {}
            except sqlite3.DatabaseError:
                return {}

    def search(
        self,
        text: str,
        reads: Sequence[Scope],
        left: Callable[[], float] | None = None,
        meaning: Meaning | None = None,
        *,
        only_said: bool = False,
        without: PiecesBehind = NO_PIECES,
    ) -> FoundNotes:
        """What fits a question, among the notes of these scopes and outside of a place. Raises SearchTooLate.

        `left` says how many seconds it may still take; None is as long as it takes. `only_said`: no notes.
        """
        pieces = FindablePieces(frozenset(str(scope) for scope in reads), only_said, without)
        with self._held(left() if left else -1), _limited(self._opened(), _is_over(left)) as db:
            return self._search.found(db, text, pieces, meaning)

    @contextmanager
    def _held(self, wait: float = -1) -> Iterator[None]:
        if not self._lock.acquire(timeout=wait):
            raise SearchTooLate
        try:
            yield
        finally:
            self._lock.release()

    def _opened(self) -> sqlite3.Connection:
        try:
            db = self._current()
        except sqlite3.DatabaseError:
            db = None
        if db is None:
            raise SearchTooLate
        return db


def _next_id(db: sqlite3.Connection) -> int:
    (last,) = db.execute("SELECT coalesce(max(id), 0) FROM chunk").fetchone()
    return int(last) + 1


@contextmanager
def _written(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _is_over(left: Callable[[], float] | None) -> Callable[[], bool]:
    return lambda: left is not None and left() <= 0


@contextmanager
def _limited(db: sqlite3.Connection, out_of_time: Callable[[], bool]) -> Iterator[sqlite3.Connection]:
    """Statements on `db` end with SearchTooLate when the time is over."""
    db.set_progress_handler(out_of_time, _STEPS)
    try:
        yield db
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error) or "locked" in str(error):
            raise SearchTooLate from None
        raise
    finally:
        db.set_progress_handler(None, 0)
