"""Which words of a question stand in a text, found without cutting the whole text into words.

The law: it finds what FTS5 would find. Where a look at a word's beginning cannot promise that, all words are cut.
"""

from collections.abc import Sequence

from duragent.memory.languages import WORD, Language, wholes
from duragent.memory.terms import Terms
from duragent.memory.words import WeighedWord


class WordFinder:
    """The words of one question, to be found in many texts."""

    def __init__(self, words: Sequence[WeighedWord], language: Language, terms: Terms) -> None:
        self._language, self._terms = language, terms
        # What is written in one piece stands in a text as a whole or not at all.
        self._wholes = [word for word in words if not word.shown.isalnum()]
        self._asked = frozenset(word.term for word in words if word.shown.isalnum())
        self._beginnings = [(beginning(term, language.ending or 0), term) for term in self._asked]
        # German takes the `oe` of a name for an umlaut, so that such a term begins with other letters than its words.
        self._by_beginning = language.ending is not None and all(
            word.shown.startswith(beginning(word.term, language.ending)) and word.term.isascii()
            for word in words
            if word.shown.isalnum()
        )
        self._term_of_word: dict[str, str] = {}

    def of(self, text: str) -> frozenset[str]:
        """The terms of those that stand in it."""
        low = text.lower()
        found = self._wholes_in(text, low) if self._wholes else set[str]()
        if self._by_beginning and text.isascii():
            found.update(term for begins, term in self._beginnings if begins in low and self._stands(low, begins, term))
        else:
            tokens = {token for _, token in self._language.tokens(text)}
            found |= self._asked.intersection(self._terms.of(tokens).values())
        return frozenset(found)

    def _wholes_in(self, text: str, low: str) -> set[str]:
        likely = [word for word in self._wholes if word.shown in low]
        tokens = {token for _, token in wholes(text)} if likely else set[str]()
        return {word.term for word in likely if word.token in tokens}

    def _stands(self, low: str, begins: str, term: str) -> bool:
        at = low.find(begins)
        while at >= 0:
            word = WORD.match(low, at)
            if word and (at == 0 or not low[at - 1].isalnum()) and self._term_of(word[0]) == term:
                return True
            at = low.find(begins, at + 1)
        return False

    def _term_of(self, word: str) -> str:
        term = self._term_of_word.get(word)
        if term is None:
            [(_, token)] = self._language.tokens(word)
            term = self._term_of_word[word] = self._terms.one(token)
        return term


def beginning(term: str, ending: int) -> str:
    """What every word of this term begins with."""
    return term[: max(2, len(term) - ending)]
