"""One search in an index: the question's words are weighed, the best pieces fetched, and what fits is said of each.

The law: a search only reads. What it remembers (terms, frequencies, bits) is forgotten with each change of the index.
"""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from duragent.memory import index_schema as schema
from duragent.memory import vectors
from duragent.memory.bits import joined_ranks
from duragent.memory.chunks import FAR
from duragent.memory.languages import Language
from duragent.memory.score import NoteHit
from duragent.memory.terms import Terms
from duragent.memory.words import WeighedWord, asked_words, beginnings, coverage, match_of, tokens_like, weighed
from duragent.text import without_surrogates

LOOKED_AT = 50
"""How many pieces of a search are judged."""
_ROW = f"SELECT scope, place, at, {schema.NOTE_COLUMNS} FROM chunk WHERE id = ?"
_FILE = 3 + schema.NOTE_COLUMNS.split(", ").index("file")
Meaning = tuple[str, Sequence[float]]
"""The label and the vector of a question."""


@dataclass(frozen=True, slots=True)
class FoundNotes:
    """What a search found."""

    hits: Sequence[NoteHit]
    """The best first, at most `LOOKED_AT`."""
    words: Sequence[WeighedWord]
    """What was searched for, and what is not in the index."""
    notes: int
    """How many pieces the index has."""
    superseded: frozenset[str] = frozenset()
    """Ids of notes that other notes took the place of."""


class IndexSearch:
    """Searches in one index. For one thread at a time."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._terms: Terms | None = None
        self._frequencies: dict[str, int] = {}
        self._bits: dict[str, list[tuple[int, int]]] = {}
        self._begins: re.Pattern[str] | None = None

    def forget(self) -> None:
        """The index has changed."""
        self._frequencies.clear()
        self._bits.clear()

    def close(self) -> None:
        """Gives back what it learned."""
        if self._terms is not None:
            self._terms.close()
            self._terms = None

    def found(
        self, db: sqlite3.Connection, text: str, reads: frozenset[str], meaning: Meaning | None = None
    ) -> FoundNotes:
        """What fits a question, among the notes of these scopes, by words and by meaning."""
        (notes,) = db.execute("SELECT count(*) FROM chunk").fetchone()
        words = self._weighed(db, without_surrogates(text), notes)
        self._begins = beginnings(words, self._language)
        match = match_of(words)
        rows = _rows(db, match, reads) if match else []
        hits = {int(row[0]): self._hit(db, row, words) for row in rows}
        if meaning is not None:
            hits = self._joined(db, hits, words, reads, meaning)
        replaced = db.execute("SELECT replaces FROM chunk WHERE replaces != '' AND trust != 'unreviewed'")
        superseded = frozenset(str(ref) for (ref,) in replaced)
        return FoundNotes(list(hits.values()), words, notes, superseded)

    def _joined(
        self,
        db: sqlite3.Connection,
        by_words: Mapping[int, NoteHit],
        words: Sequence[WeighedWord],
        reads: frozenset[str],
        meaning: Meaning,
    ) -> dict[int, NoteHit]:
        """What was found by words and by meaning, by the sum of the reciprocals of its ranks."""
        label, vector = meaning
        if label not in self._bits:
            self._bits[label] = vectors.bits_of(db, label)
        hits = dict(by_words)
        near: dict[int, bool] = {}
        for chunk, enough in vectors.near(db, label, vector, self._bits[label]):
            row = db.execute(_ROW, (chunk,)).fetchone()
            if row is not None and may_be_found(row[0], row[_FILE], reads) and len(near) < LOOKED_AT:
                near[chunk] = enough
                hits.setdefault(chunk, self._hit(db, (chunk, 0.0, *row[1:]), words))
        ranks = joined_ranks(by_words, near)
        order = sorted(hits, key=lambda chunk: (-ranks[chunk], chunk))
        return {
            chunk: replace(hits[chunk], relevance=ranks[chunk], by_meaning=near.get(chunk, False)) for chunk in order
        }

    def _weighed(self, db: sqlite3.Connection, text: str, notes: int) -> list[WeighedWord]:
        asked = asked_words(text, self._language)
        terms = self._known_terms().of([word.token for word in asked])

        def frequency(term: str) -> int:
            known = self._frequencies.get(term)
            if known is None:
                row = db.execute("SELECT doc FROM vocab WHERE term = ? AND col = 'own'", (term,)).fetchone()
                known = self._frequencies[term] = int(row[0]) if row else 0
            return known

        return weighed(asked, terms, frequency, notes, self._language.most_words)

    def _hit(self, db: sqlite3.Connection, row: Sequence[Any], words: Sequence[WeighedWord]) -> NoteHit:
        _, relevance, place, at, *columns = row
        note = schema.note_of(columns)
        own = self._terms_like(schema.said(note))
        here = tuple(word.shown for word in words if word.term in own)
        near: tuple[str, ...] = ()
        if len(here) < len(words):
            beside = self._terms_like(_beside(db, place, at))
            near = tuple(word.shown for word in words if word.term in beside and word.term not in own)
            own |= beside
        return NoteHit(note, relevance, coverage(words, own), here, near)

    def _terms_like(self, text: str) -> frozenset[str]:
        return frozenset(self._known_terms().of(tokens_like(text, self._begins, self._language)).values())

    def _known_terms(self) -> Terms:
        if self._terms is None:
            self._terms = Terms(self._language.tokenizer)
        return self._terms


def may_be_found(scope: str, file: str, reads: frozenset[str]) -> bool:
    """Whether a piece of this scope may be shown to a session that reads these.

    `person:*` and `chat:*` stand for notes about people and chats, and not for what was said there: strangers may have
    said it.
    """
    return scope in reads or (file.endswith(".md") and f"{scope.partition(':')[0]}:*" in reads)


def _rows(db: sqlite3.Connection, match: str, reads: frozenset[str]) -> list[Sequence[Any]]:
    """The best pieces of these scopes, each as its id, relevance, place and position, and the columns of its note."""
    # The few best are cheaper to find than the order of all, and mostly enough: most sessions read most notes.
    found, whole = _rows_of(db, match, reads, LOOKED_AT + LOOKED_AT // 4)
    return found if whole else _rows_of(db, match, reads, -1)[0]


def _rows_of(db: sqlite3.Connection, match: str, reads: frozenset[str], most: int) -> tuple[list[Sequence[Any]], bool]:
    """Among the `most` best pieces of all scopes (-1: all), and whether no more are needed."""
    ranked = db.execute(
        "SELECT rowid, bm25(words, ?, ?, ?) AS found FROM words WHERE words MATCH ? ORDER BY found LIMIT ?",
        (*schema.WEIGHTS, match, most),
    ).fetchall()
    found: list[Sequence[Any]] = []
    for chunk, bm25 in ranked:
        row = db.execute(_ROW, (chunk,)).fetchone()
        if row is not None and may_be_found(row[0], row[_FILE], reads):
            found.append((chunk, -bm25, *row[1:]))
            if len(found) == LOOKED_AT:
                return found, True
    return found, len(ranked) < most


def _beside(db: sqlite3.Connection, place: int, at: int) -> str:
    """The texts of all neighbours."""
    near = f"SELECT {schema.SAID} FROM chunk WHERE place = ? AND at BETWEEN ? AND ? AND at != ?"
    return "\n".join(text for (text,) in db.execute(near, (place, at - FAR, at + FAR, at)))
