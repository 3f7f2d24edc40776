"""One search in an index: the question's words are weighed, the best pieces fetched, and what fits is said of each.

The law: a search only reads. What it remembers (terms, frequencies, bits) is forgotten with each change of the index.
"""

import sqlite3
from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from duragent.memory import index_schema as schema
from duragent.memory import vectors
from duragent.memory.base import MemoryNote
from duragent.memory.bits import joined_ranks
from duragent.memory.chunks import FAR
from duragent.memory.languages import Language
from duragent.memory.said import was_said
from duragent.memory.score import NoteHit
from duragent.memory.terms import Terms
from duragent.memory.word_finder import WordFinder
from duragent.memory.words import WeighedWord, asked_words, coverage, match_of, quoted, weighed
from duragent.text import without_surrogates

LOOKED_AT = 50
"""How many pieces of a search are judged."""
COUNTED_AGAIN = 32
"""Of how many words of a question, the rarest, the pieces that are left out are counted."""
_OF_PLACE = "SELECT chunk.id FROM place JOIN chunk ON chunk.place = place.id WHERE name = ? AND line > ?"
_RANKED = (
    "WITH best AS MATERIALIZED (SELECT rowid AS id, bm25(words, ?, ?, ?) AS found FROM words WHERE words MATCH ?"
    f" AND rowid NOT IN ({_OF_PLACE}) ORDER BY found LIMIT ?)"
    f" SELECT chunk.id, -found, place, at, {schema.NOTE_COLUMNS}, scope"
    " FROM best CROSS JOIN chunk ON chunk.id = best.id ORDER BY found"
)
_ROW = f"SELECT id, 0.0, place, at, {schema.NOTE_COLUMNS}, scope FROM chunk WHERE id = ?"
_FILE = 4 + schema.NOTE_COLUMNS.split(", ").index("file")
_BESIDE = (
    f"WITH asked (piece, whose, here) AS (VALUES {{asked}}) SELECT piece, {schema.SAID} FROM asked CROSS JOIN chunk"
    f" ON place = whose AND at BETWEEN here - {FAR} AND here + {FAR} AND at != here"
)
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
    """How many pieces were looked through: those of the index without the place that is left out."""
    superseded: frozenset[str] = frozenset()
    """Ids of notes that other notes took the place of."""
    other_lengths: bool = False
    """Vectors of the question's label have another length than its own, so that they cannot be compared with it."""


@dataclass(frozen=True, slots=True)
class PiecesBehind:
    """The pieces of a place behind a line of it."""

    place: str = ""
    """"" has none."""
    line: int = 0
    """Of a session: a record."""


NO_PIECES = PiecesBehind()


@dataclass(frozen=True, slots=True)
class FindablePieces:
    """Which pieces a search may find."""

    scopes: frozenset[str]
    """What the session reads."""
    only_said: bool = False
    """No notes."""
    without: PiecesBehind = NO_PIECES
    """None of these, by which no word is weighed either."""

    def have(self, scope: str, file: str) -> bool:
        """Whether a piece of this scope and file is among them.

        `person:*` and `chat:*` stand for notes about people and chats, and not for what was said there: strangers may
        have said it.
        """
        kind = scope.partition(":")[0]
        if was_said(file):
            # In a group, what its newest sender said elsewhere stays there.
            return scope in self.scopes and not (kind == "person" and self.is_of_group)
        return not self.only_said and (scope in self.scopes or f"{kind}:*" in self.scopes)

    @property
    def is_of_group(self) -> bool:
        """Whether the session takes place in a chat of several people."""
        return any(scope.startswith("chat:") and scope != "chat:*" for scope in self.scopes)


class IndexSearch:
    """Searches in one index. For one thread at a time."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._terms: Terms | None = None
        self._frequencies: dict[str, int] = {}
        self._other_lengths = False
        self._bits: dict[tuple[str, int], list[tuple[int, int]]] = {}

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
        self, db: sqlite3.Connection, text: str, reads: FindablePieces, meaning: Meaning | None = None
    ) -> FoundNotes:
        """What fits a question, among the notes of these scopes, by words and by meaning.

        No word is weighed by the pieces of `reads.without`; only FTS5's ranks count them.
        """
        left_out = reads.without
        of_place = db.execute(_OF_PLACE, (left_out.place, left_out.line)) if left_out.place else ()
        own = frozenset(int(chunk) for (chunk,) in of_place)
        (everything,) = db.execute("SELECT count(*) FROM chunk").fetchone()
        notes = everything - len(own)
        words = self._weighed(db, without_surrogates(text), notes, own)
        match = match_of(words)
        look = _Look(words, WordFinder(words, self._language, self._known_terms()))
        hits = look.hits(db, _rows(db, match, reads) if match else [])
        if meaning is not None:
            hits = self._joined(db, hits, look, reads, meaning, own)
        replaced = db.execute("SELECT replaces FROM chunk WHERE replaces != '' AND trust != 'unreviewed'")
        superseded = frozenset(str(ref) for (ref,) in replaced)
        other_lengths = meaning is not None and self._other_lengths
        return FoundNotes(list(hits.values()), words, notes, superseded, other_lengths)

    def _joined(
        self,
        db: sqlite3.Connection,
        by_words: Mapping[int, NoteHit],
        look: "_Look",
        reads: FindablePieces,
        meaning: Meaning,
        own: frozenset[int],
    ) -> dict[int, NoteHit]:
        """What was found by words and by meaning, by the sum of the reciprocals of its ranks."""
        label, vector = meaning
        key = label, len(vector)
        if key not in self._bits:
            self._bits[key] = vectors.bits_of(db, *key)
            self._other_lengths = vectors.has_other_lengths(db, *key)
        bits = [pair for pair in self._bits[key] if pair[0] not in own] if own else self._bits[key]
        near: dict[int, tuple[float | None, bool]] = {}
        new: list[Sequence[Any]] = []
        for chunk, cosine, enough in vectors.near(db, label, vector, bits):
            row = db.execute(_ROW, (chunk,)).fetchone()
            if row is not None and reads.have(row[-1], row[_FILE]) and len(near) < LOOKED_AT:
                near[chunk] = cosine, enough
                new += [row] if chunk not in by_words else []
        hits = {**by_words, **look.hits(db, new)}
        ranks = joined_ranks(by_words, near)
        order = sorted(hits, key=lambda chunk: (-ranks[chunk], chunk))
        found = {}
        for chunk in order:
            how_near, enough = near.get(chunk, (None, False))
            found[chunk] = replace(hits[chunk], relevance=ranks[chunk], by_meaning=enough, cosine=how_near)
        return found

    def _weighed(self, db: sqlite3.Connection, text: str, notes: int, own: frozenset[int]) -> list[WeighedWord]:
        """The words of a question by how rare they are among the `notes` other pieces than `own`."""
        asked = asked_words(text, self._language)
        terms = self._known_terms().of([word.token for word in asked])
        counts = {term: self._frequency(db, term) for term in terms.values()}
        if own:
            counts |= _of_others(
                db, counts, {term: token for token, term in terms.items()}, own, self._language.most_words
            )
        return weighed(asked, terms, counts.__getitem__, notes, self._language.most_words)

    def _frequency(self, db: sqlite3.Connection, term: str) -> int:
        known = self._frequencies.get(term)
        if known is None:
            row = db.execute("SELECT doc FROM vocab WHERE term = ? AND col = 'own'", (term,)).fetchone()
            known = self._frequencies[term] = int(row[0]) if row else 0
        return known

    def _known_terms(self) -> Terms:
        if self._terms is None:
            self._terms = Terms(self._language.tokenizer)
        return self._terms


def _of_others(
    db: sqlite3.Connection, counts: Mapping[str, int], tokens: Mapping[str, str], own: frozenset[int], most: int
) -> dict[str, int]:
    """How many other pieces than `own` have each term, for those that may be among the `most` rarest.

    A message of many common words in a long session would cost more than the search: after `COUNTED_AGAIN` it ends.
    """
    found: dict[str, int] = {}
    kept: list[int] = []
    for count, term in sorted((count, term) for term, count in counts.items() if count)[:COUNTED_AGAIN]:
        if len(kept) >= most and count - len(own) > kept[most - 1]:
            break  # neither this one nor those behind it can become one of the rarest
        found[term] = count - _having(db, tokens[term], own)
        if found[term]:
            insort(kept, found[term])
    return found


def _having(db: sqlite3.Connection, token: str, pieces: frozenset[int]) -> int:
    """How many of these pieces have a word in their own text."""
    query = "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ?"
    found = db.execute(query, (f"own : {quoted(token)}", min(pieces), max(pieces)))
    return sum(chunk in pieces for (chunk,) in found)


def _rows(db: sqlite3.Connection, match: str, reads: FindablePieces) -> list[Sequence[Any]]:
    """The best pieces of these scopes, each as its id, relevance, place and position, and the columns of its note."""
    # The few best are cheaper to find than the order of all, and mostly enough: most sessions read most notes.
    found, whole = _rows_of(db, match, reads, LOOKED_AT + LOOKED_AT // 4)
    return found if whole else _rows_of(db, match, reads, -1)[0]


def _rows_of(db: sqlite3.Connection, match: str, reads: FindablePieces, most: int) -> tuple[list[Sequence[Any]], bool]:
    """Among the `most` best pieces of all scopes (-1: all), and whether no more are needed."""
    ranked = db.execute(_RANKED, (*schema.WEIGHTS, match, reads.without.place, reads.without.line, most)).fetchall()
    found = [row for row in ranked if reads.have(row[-1], row[_FILE])]
    return found[:LOOKED_AT], len(found) >= LOOKED_AT or len(ranked) < most


@dataclass(frozen=True, slots=True)
class _Look:
    """What a question finds in the pieces that were fetched for it."""

    words: Sequence[WeighedWord]
    finder: WordFinder

    def hits(self, db: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> dict[int, NoteHit]:
        """The pieces of rows as `_RANKED` has them, by id."""
        notes = {int(row[0]): (row[1], schema.note_of(row[4:-1])) for row in rows}
        own = {chunk: self.finder.of(schema.said(note)) for chunk, (_, note) in notes.items()}
        lacking = [(*row[:1], *row[2:4]) for row in rows if len(own[row[0]]) < len(self.words)]
        texts = _beside(db, lacking)
        beside = {chunk: self.finder.of("\n".join(near)) for chunk, near in texts.items()}
        return {
            chunk: self._hit(note, relevance, own[chunk], beside.get(chunk, frozenset()))
            for chunk, (relevance, note) in notes.items()
        }

    def _hit(self, note: MemoryNote, relevance: float, own: frozenset[str], beside: frozenset[str]) -> NoteHit:
        here = tuple(word.shown for word in self.words if word.term in own)
        near = tuple(word.shown for word in self.words if word.term in beside and word.term not in own)
        return NoteHit(note, relevance, coverage(self.words, own | beside), here, near)


def _beside(db: sqlite3.Connection, pieces: Sequence[tuple[int, int, int]]) -> dict[int, list[str]]:
    """The texts of all neighbours of pieces, each of which is its id, its place and its position."""
    found: dict[int, list[str]] = {chunk: [] for chunk, _, _ in pieces}
    asked = ", ".join(f"({chunk:d}, {place:d}, {at:d})" for chunk, place, at in pieces)
    for chunk, text in db.execute(_BESIDE.format(asked=asked)) if pieces else ():
        found[chunk].append(text)
    return found
