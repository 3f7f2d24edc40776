"""The words of a question: which of them are searched for, and what the search asks FTS5.

The law: what a person types is never syntax. Each word is quoted, so that `AND`, `-`, `:` and quotes mean nothing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from duragent.memory.languages import Language, wholes

READ_CHARS = 2_000
"""How much of a message is looked at."""
MOST_LOOKED_UP = 256
"""How many different words of a message are counted in the index."""

SMALL, FEW = 100, 200
"""Below so many notes unknown words begin to weigh less, and words are weighed as if there were `FEW` notes."""


@dataclass(frozen=True, slots=True)
class AskedWord:
    """One word of a question."""

    shown: str
    """As written, in lower case."""
    token: str
    """As FTS5 gets it."""


@dataclass(frozen=True, slots=True)
class WeighedWord:
    """A word of a question with what the index knows of it."""

    shown: str
    """As written, in lower case."""
    token: str
    """As FTS5 gets it."""
    term: str
    """As FTS5 keeps it, with the ending taken off."""
    weight: float
    """Its inverse document frequency: large for rare words."""
    searched: bool
    """One of the rarest that the index has."""


def asked_words(text: str, language: Language) -> list[AskedWord]:
    """The different words of a question in their order, without stop words and single letters, and its whole pieces."""
    text = text[:READ_CHARS]
    found: dict[str, AskedWord] = {}
    for shown, token in language.tokens(text):
        if shown not in language.stops and (len(shown) > 1 or not shown.isascii() or shown.isdigit()):
            found.setdefault(token, AskedWord(shown, token))
    for shown, token in wholes(text):
        found.setdefault(token, AskedWord(shown, token))
    return list(found.values())[:MOST_LOOKED_UP]


def weighed(
    words: Sequence[AskedWord],
    terms: Mapping[str, str],
    frequency: Callable[[str], int],
    notes: int,
    most_searched: int,
) -> list[WeighedWord]:
    """The words that decide: the rarest that the index has, and as many that it does not have.

    `terms` has the term of each token, `frequency` says how many of the `notes` have a term in their own text.
    """
    counted: dict[str, tuple[int, AskedWord]] = {}
    for word in words:
        term = terms.get(word.token, word.token)
        if term not in counted:
            counted[term] = frequency(term), word
    known = sorted((count, at) for at, (count, _) in enumerate(counted.values()) if count)[:most_searched]
    chosen = {at for _, at in known}
    # A piece that is not there as a whole says nothing beyond its parts, which stand here too.
    unknown = [
        at for at, (count, word) in enumerate(counted.values()) if not count and (word.shown.isalnum() or not known)
    ]
    chosen.update(unknown[:most_searched])
    return [
        WeighedWord(word.shown, word.token, term, idf(count, notes), count > 0)
        for at, (term, (count, word)) in enumerate(counted.items())
        if at in chosen
    ]


def idf(count: int, notes: int) -> float:
    """As BM25 has it, and never negative.

    A small memory says little about which words are rare: it counts as one of `FEW` notes, and a word that it does not
    have weighs hardly more than one that a single note has.
    """
    seen, of = max(float(count), 1 - notes / SMALL), max(notes, count, FEW)
    return math.log(1 + (of - seen + 0.5) / (seen + 0.5))


def match_of(words: Sequence[WeighedWord]) -> str:
    """What FTS5 is asked: any of the words, in any column."""
    return " OR ".join(quoted(word.token) for word in words if word.searched)


def quoted(token: str) -> str:
    """A word as a string of FTS5's query language; NUL would end the query."""
    return '"' + token.replace("\0", " ").replace('"', '""') + '"'


def coverage(words: Sequence[WeighedWord], terms: frozenset[str]) -> float:
    """How much of the question's weight a text with these terms has, from 0 to 1."""
    whole = sum(word.weight for word in words)
    return sum(word.weight for word in words if word.term in terms) / whole if whole else 0.0


def tokens_of(text: str, language: Language) -> set[str]:
    """All tokens of a text."""
    return {token for _, token in (*language.tokens(text), *wholes(text))}
