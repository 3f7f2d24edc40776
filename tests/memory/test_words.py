"""Words of a question: which are searched for, and that nothing a person types is syntax."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.memory.languages import language
from duragent.memory.words import AskedWord, WeighedWord, asked_words, coverage, idf, match_of, weighed

EN = language("en")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Which units does the trip report need?", ["units", "trip", "report"]),
        ("What is it?", []),
        ("use C++ not C#", ["c++", "c#"]),
        ("see src/a/b.py.", ["see", "src", "py", "src/a/b.py"]),
        ("port 8080 of 10.0.0.1, v1.2", ["port", "8080", "10", "0", "1", "v1", "2", "10.0.0.1", "v1.2"]),
        ("well-known names don't count", ["well", "known", "names", "don", "count"]),
        ("AND the OR: NOT near", ["near"]),
    ],
)
def test_words_of_a_question(text: str, words: list[str]) -> None:
    shown = [word.shown for word in asked_words(text, EN)]
    assert shown == [word for word in words if word not in EN.stops]


def test_only_the_beginning_of_a_long_message_is_looked_at() -> None:
    assert [word.shown for word in asked_words("harbour " * 300 + "lighthouse", EN)] == ["harbour"]


def test_rarest_words_are_searched_and_unknown_ones_weigh_too() -> None:
    counts = {"a1": 40, "b1": 1, "c1": 90, "d1": 0, "e1": 3}
    words = [AskedWord(token, token) for token in counts]
    found = weighed(words, {}, counts.__getitem__, 100, most_searched=2)
    assert [(word.shown, word.searched) for word in found] == [("b1", True), ("d1", False), ("e1", True)]
    assert match_of(found) == '"b1" OR "e1"'
    assert coverage(found, frozenset({"b1"})) == pytest.approx(idf(1, 100) / (idf(0, 100) + idf(1, 100) + idf(3, 100)))


def test_words_with_one_stem_count_once() -> None:
    words = [AskedWord("units", "units"), AskedWord("unit", "unit")]
    assert len(weighed(words, {"units": "unit", "unit": "unit"}, lambda term: 1, 9, 5)) == 1


def test_nothing_is_covered_by_a_question_without_words() -> None:
    assert coverage((), frozenset({"x"})) == 0.0
    assert match_of(()) == ""


@given(st.text(max_size=200))
def test_no_question_is_a_fault_of_syntax(text: str) -> None:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE words USING fts5(own)")
    words = [WeighedWord(word.shown, word.token, word.token, 1, searched=True) for word in asked_words(text, EN)]
    words += [WeighedWord(text, text, text, 1, searched=True)] if text.isprintable() else []
    if words:
        db.execute("SELECT * FROM words WHERE words MATCH ?", (match_of(words),)).fetchall()
    db.close()


def test_one_word_of_three_is_enough_in_a_memory_of_one_note_and_not_in_a_large_one() -> None:
    words = [AskedWord(word, word) for word in ("units", "trip", "report")]
    shares = [
        coverage(weighed(words, {}, lambda term: int(term == "units"), notes, 5), frozenset({"units"}))
        for notes in (1, 50, 200, 10_000)
    ]
    assert shares[0] == pytest.approx(1 / 3, rel=0.01)
    assert shares[1] > 0.3 > shares[2]
