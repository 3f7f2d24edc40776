"""What recall is held against: one FTS5 table with one column, as most tools that search notes have it.

The law: the better baseline has the same stop words as ours, so that nothing but the way of searching is compared.
"""

import re
import sqlite3
from collections.abc import Callable, Sequence

from duragent.memory.languages import language
from duragent.memory.stop_words import STOP_WORDS
from tests.corpus.load import RecallSet

TOP = 5
Ranking = Callable[[str], Sequence[str]]
"""A question's best notes by id, at most `TOP`."""

_WORD = re.compile(r"\w+")


def all_words(corpus: RecallSet) -> Ranking:
    """`unicode61` and all words of the question: the naive one."""
    return _table(corpus, "unicode61", lambda text: _WORD.findall(text.lower()))


def porter(corpus: RecallSet) -> Ranking:
    """`porter` and no stop words: the honest one."""
    stops = STOP_WORDS.get(corpus.lang, frozenset())

    def words(text: str) -> list[str]:
        every = _WORD.findall(text.lower())
        return [word for word in every if word not in stops] or every

    return _table(corpus, "porter unicode61", words)


def trigram(corpus: RecallSet) -> Ranking:
    """Any three characters: the honest one for a script without spaces, where words find nothing."""
    return _table(corpus, "trigram", trigrams)


def same_words(corpus: RecallSet, setting: str) -> Ranking:
    """The words that our index takes, in one column: what neighbours add shows against it."""
    ours = language(setting)
    return _table(
        corpus,
        ours.tokenizer,
        lambda text: [token for shown, token in ours.tokens(text) if shown not in ours.stops],
        ours.indexed,
    )


def trigrams(text: str) -> list[str]:
    return [run[at : at + 3] for run in _WORD.findall(text.lower()) for at in range(len(run) - 2)]


def honest(corpus: RecallSet) -> tuple[str, Ranking]:
    """The better baseline of this language, with its name."""
    if corpus.lang == "ja":
        return "FTS5 trigram, one column", trigram(corpus)
    return "FTS5 porter, one column", porter(corpus)


def _table(
    corpus: RecallSet, tokenizer: str, words: Callable[[str], list[str]], indexed: Callable[[str], str] = str
) -> Ranking:
    db = sqlite3.connect(":memory:")
    db.execute(f"CREATE VIRTUAL TABLE note USING fts5(text, tokenize='{tokenizer}')")
    db.executemany("INSERT INTO note VALUES (?)", [(indexed(note.text),) for note in corpus.notes])

    def ranking(question: str) -> list[str]:
        match = " OR ".join(f'"{word}"' for word in dict.fromkeys(words(question)))
        if not match:
            return []
        rows = db.execute("SELECT rowid FROM note WHERE note MATCH ? ORDER BY rank LIMIT ?", (match, TOP))
        return [corpus.notes[row - 1].id for (row,) in rows]

    return ranking
