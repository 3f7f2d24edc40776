"""A look at the beginnings of words finds exactly what cutting the whole text into words finds."""

from contextlib import closing

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duragent.errors import BadInput
from duragent.memory.languages import Language, language
from duragent.memory.terms import Terms
from duragent.memory.word_finder import WordFinder
from duragent.memory.words import WeighedWord, asked_words, tokens_of
from tests.corpus.load import LANGUAGES, recall_set

WRITTEN = "units unit uniting a_b C++ src/a.py. 8080 v1.2 hop hopping hoping sensible sensibility Straße's naïve über"
PIECES = [*WRITTEN.split(), *"The the, (trip) need-not x HOPED tripped don't 漢字 Ünit unit\nunits".split()]


def words_of(question: str, lang: Language, terms: Terms) -> list[WeighedWord]:
    asked = asked_words(question, lang)
    known = terms.of([word.token for word in asked])
    return [WeighedWord(word.shown, word.token, known[word.token], 1.0, True) for word in asked]


def cut(words: list[WeighedWord], text: str, lang: Language, terms: Terms) -> frozenset[str]:
    """By all words of the text."""
    return frozenset(word.term for word in words).intersection(terms.of(tokens_of(text, lang)).values())


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=6), st.lists(st.sampled_from(PIECES), max_size=12))
@example(["C++"], ["C++,", "C#"])
@example(["hopping"], ["xhop", "hop"])
def test_it_finds_what_all_words_of_a_text_tell(question: list[str], text: list[str]) -> None:
    for name in ("en", "none", "cjk"):
        lang = language(name)
        with closing(Terms(lang.tokenizer)) as terms:
            words = words_of(" ".join(question), lang, terms)
            finder = WordFinder(words, lang, terms)
            assert finder.of(" ".join(text)) == cut(words, " ".join(text), lang, terms)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_finds_what_all_words_of_the_notes_of_the_corpus_tell(lang: str) -> None:
    corpus = recall_set(lang)
    try:
        spoken = language("cjk" if lang == "ja" else lang)
    except BadInput:
        pytest.skip("its stemmer is not installed")
    with closing(Terms(spoken.tokenizer)) as terms:
        notes = [note.text for note in corpus.notes]
        # Every word of the notes is asked for, so that no ending is missed.
        for at, note in enumerate(notes):
            words = words_of(note, spoken, terms)
            finder = WordFinder(words, spoken, terms)
            for text in notes[at % 7 :: 7]:
                assert finder.of(text) == cut(words, text, spoken, terms)
