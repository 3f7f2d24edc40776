"""The index where SQLite has no FTS5: the same three columns and BM25 in Python, in memory, over at most 5,000 pieces.

The law: it answers as `MemoryIndex` does, without endings taken off in English, and says in `limits` what it lacks.
"""

import math
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from duragent.memory.base import MemoryNote, Scope
from duragent.memory.chunks import FAR, neighbours
from duragent.memory.index import ChunkSource, SearchTooLate
from duragent.memory.index_schema import WEIGHTS, said
from duragent.memory.languages import Language, wholes
from duragent.memory.score import NoteHit
from duragent.memory.search import LOOKED_AT, NO_PIECES, FindablePieces, FoundNotes, Meaning, PiecesBehind
from duragent.memory.words import WeighedWord, asked_words, coverage, weighed

MOST = 5_000
_K1, _B = 1.2, 0.75
_EVERY = 256


@dataclass(frozen=True, slots=True)
class _Piece:
    note: MemoryNote
    own: frozenset[str]
    beside: frozenset[str]
    counts: dict[str, float]
    length: int


class PlainIndex:
    """Searches by words without SQLite. Any thread may call; one call runs at a time."""

    limits = f"this Python's SQLite has no FTS5: only the newest {MOST:,} pieces are searched, by whole words"
    """A sentence for people."""

    def __init__(self, path: Path, language: Language) -> None:
        """`path` is where `MemoryIndex` would be; nothing is written."""
        self._language = language
        self._lock = threading.Lock()
        self._marks: dict[str, str] = {}
        self._places: dict[str, list[_Piece]] = {}
        self.rev = "plain"
        """Names this way to search."""

    def update(self, sources: Sequence[ChunkSource], wait: float = -1) -> int:
        """Reads what has changed; how many places. Raises SearchTooLate, see `MemoryIndex.update`."""
        if not self._lock.acquire(timeout=wait):
            raise SearchTooLate
        try:
            marks = {name: (source, mark) for source in sources for name, mark in source.marks().items()}
            gone = self._places.keys() - marks.keys()
            changed = [name for name, (_, mark) in marks.items() if self._marks.get(name) != mark]
            for name in gone:
                del self._places[name], self._marks[name]
            for name in changed:
                content = marks[name][0].content(name, "")
                self._places[name], self._marks[name] = self._pieces([c.note for c in content.chunks]), content.mark
            return len(gone) + len(changed)
        finally:
            self._lock.release()

    def marks(self) -> Mapping[str, str]:
        """See `MemoryIndex.marks`."""
        return dict(self._marks)

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
        """As `MemoryIndex.search`, by words alone. Raises SearchTooLate."""
        if not self._lock.acquire(timeout=left() if left else -1):
            raise SearchTooLate
        try:
            everything = [piece for name in sorted(self._places) for piece in self._places[name]]
            beside = [piece for piece in self._places.get(without.place, []) if piece.note.line > without.line]
        finally:
            self._lock.release()
        out = set(map(id, beside))
        pieces = sorted((each for each in everything if id(each) not in out), key=lambda piece: piece.note.written_at)
        pieces, beside = pieces[-MOST:], beside[-MOST:]
        frequencies = Counter(term for piece in pieces for term in piece.own)
        words = weighed(
            asked_words(text, self._language), {}, frequencies.__getitem__, len(pieces), self._language.most_words
        )
        superseded = frozenset(p.note.replaces for p in pieces if p.note.replaces and p.note.trust != "unreviewed")
        hits = _ranked(pieces, beside, words, FindablePieces(frozenset(map(str, reads)), only_said), left)
        return FoundNotes(hits, words, len(pieces), superseded)

    def rewrite(self, sources: Sequence[ChunkSource], *, from_start: bool = False) -> None:
        """Forgets all and reads it again."""
        with self._lock:
            self._marks, self._places = {}, {}
        self.update(sources)

    def check(self, sources: Sequence[ChunkSource], others: Collection[str] = ()) -> list[str]:
        """There is no file that could differ, only less to search in."""
        return [self.limits]

    def close(self) -> None:
        """Nothing is open."""

    def _pieces(self, notes: Sequence[MemoryNote]) -> list[_Piece]:
        plain = [[token for _, token in self._language.tokens(said(note))] for note in notes]
        # Whole pieces count in their own note only, as in the other index.
        tokens = [own + [token for _, token in wholes(said(note))] for own, note in zip(plain, notes, strict=True)]
        texts = [" ".join(each) for each in plain]
        found = []
        for at, note in enumerate(notes):
            columns = tokens[at], *(part.split() for part in neighbours(texts, at))
            counts: dict[str, float] = {}
            for weight, column in zip(WEIGHTS, columns, strict=True):
                for token in column:
                    counts[token] = counts.get(token, 0.0) + weight
            around = (*tokens[max(0, at - FAR) : at], *tokens[at + 1 : at + 1 + FAR])
            beside = frozenset(token for each in around for token in each)
            found.append(_Piece(note, frozenset(tokens[at]), beside, counts, sum(map(len, columns))))
        return found


def _ranked(
    pieces: Sequence[_Piece],
    beside: Sequence[_Piece],
    words: Sequence[WeighedWord],
    reads: FindablePieces,
    left: Callable[[], float] | None,
) -> list[NoteHit]:
    """The best of `pieces`. FTS5 counts the pieces `beside` them too when it ranks, so that this does as well."""
    searched = [word.term for word in words if word.searched]
    counted = [*pieces, *beside]
    average = math.fsum(piece.length for piece in counted) / max(len(counted), 1)
    having = {term: sum(term in piece.counts for piece in counted) for term in searched}
    # FTS5's weight of a word, which it keeps above zero.
    idf = {t: max(1e-6, math.log((len(counted) - n + 0.5) / (n + 0.5))) for t, n in having.items()}
    scored = []
    for at, piece in enumerate(pieces):
        if at % _EVERY == 0 and left is not None and left() <= 0:
            raise SearchTooLate
        norm = _K1 * (1 - _B + _B * piece.length / max(average, 1.0))
        counts = [(idf[term], piece.counts[term]) for term in searched if term in piece.counts]
        if counts and reads.have(str(piece.note.scope), piece.note.file):
            scored.append((-sum(weight * n * (_K1 + 1) / (n + norm) for weight, n in counts), at))
    return [_hit(pieces[at], -score, words) for score, at in sorted(scored)[:LOOKED_AT]]


def _hit(piece: _Piece, relevance: float, words: Sequence[WeighedWord]) -> NoteHit:
    own = tuple(word.shown for word in words if word.term in piece.own)
    near = tuple(word.shown for word in words if word.term in piece.beside and word.term not in piece.own)
    return NoteHit(piece.note, relevance, coverage(words, piece.own | piece.beside), own, near)
