"""Which term FTS5 keeps for a word, learned from FTS5 itself, so that no stemmer has to be written a second time.

The law: a small table in memory with the same tokenizer is asked once for each word, and its answer is kept.
"""

import sqlite3
from collections.abc import Collection

from duragent.text import without_surrogates

_KEPT = 100_000
"""How many words are known at most; after that all are learned again."""


class Terms:
    """Token to term for one tokenizer. For one thread at a time."""

    def __init__(self, tokenizer: str) -> None:
        self._db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._db.execute(f"CREATE VIRTUAL TABLE word USING fts5(token, tokenize='{tokenizer}')")
        self._db.execute("CREATE VIRTUAL TABLE term USING fts5vocab(word, 'instance')")
        self._known: dict[str, str] = {}

    def of(self, tokens: Collection[str]) -> dict[str, str]:
        """Each token with its term; a token of several terms has its first, one without any stays as it is."""
        if len(self._known) + len(tokens) > _KEPT:
            self._known.clear()
        known = self._known
        if unknown := sorted({token for token in tokens if token not in known}):
            self._learn(unknown)
        return {token: known[token] for token in tokens}

    def one(self, token: str) -> str:
        """The term of one token."""
        return self._known.get(token) or self.of((token,))[token]

    def _learn(self, tokens: list[str]) -> None:
        db = self._db
        rows = [(at, without_surrogates(token)) for at, token in enumerate(tokens)]
        db.execute("BEGIN")
        db.executemany("INSERT INTO word(rowid, token) VALUES (?, ?)", rows)
        firsts = dict(db.execute('SELECT doc, term FROM term WHERE "offset" = 0'))
        db.execute("ROLLBACK")
        self._known.update((token, firsts.get(at, token)) for at, token in enumerate(tokens))

    def close(self) -> None:
        self._db.close()
