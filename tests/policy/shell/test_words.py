"""One word of a shell command, read as bash reads it."""

import pytest

from duragent.policy.shell.words import GLOB, HOLE, NUMBER, NotAWord, Word, literal, read_word, unknown


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("ls", "ls"), ("'a b'", "a b"), ('"a b"', "a b"), ("a'b'\"c\"", "abc"), ("\\$X", "$X"), ("a\\ b", "a b"),
        ("a\\\nb", "ab"), ('"\\$\\a"', "$\\a"), ("$", "$"), ("a#b", "a#b"), ("''", ""), ("{}", "{}"), ("{a}", "{a}"),
    ],
)  # fmt: skip
def test_quotes_are_removed_from_a_word_that_is_known(source: str, text: str) -> None:
    word = read_word(source, {})
    assert (word.text, word.literal, word.template) == (text, True, text)


@pytest.mark.parametrize(
    ("source", "dynamic", "glob", "braces", "template"),
    [
        ("$X", True, False, False, HOLE),
        ("a$Xb", True, False, False, HOLE),
        ('"$X"', True, False, False, HOLE),
        ("$'\\n'", True, False, False, HOLE),
        ('$"hi"', True, False, False, HOLE),
        ("$?", True, False, False, NUMBER),
        ("v$#", True, False, False, f"v{NUMBER}"),
        ("*.py", False, True, False, f"{GLOB}.py"),
        ("a**b", False, True, False, f"a{GLOB}b"),
        ("[ab]x/c", False, True, False, f"{GLOB}/c"),
        ("{a,b}", False, False, True, HOLE),
        ("{1..3}", False, False, True, HOLE),
    ],
)
def test_what_bash_would_expand_is_marked(source: str, dynamic: bool, glob: bool, braces: bool, template: str) -> None:
    word = read_word(source, {})
    assert (word.dynamic, word.glob, word.braces, word.template) == (dynamic, glob, braces, template)
    assert not word.literal


@pytest.mark.parametrize("source", ["", "#x", "a b", "a;b", "a>b", "'a", '"a', "a\\", "$(a)", "`a`", "${a}", "$'a"])
def test_source_that_is_not_one_word_is_refused(source: str) -> None:
    with pytest.raises(NotAWord):
        read_word(source, {})


def test_span_of_an_expansion_is_taken_from_the_parser() -> None:
    word = read_word("a$(b c)d", {1: 7})
    assert (word.text, word.dynamic, word.open_start) == ("a$(b c)d", True, False)
    assert read_word("$(b)", {0: 4}).open_start


@pytest.mark.parametrize(
    ("source", "canonical"),
    [("'ls'", "ls"), ('"a b"', "'a b'"), ("'it'\\''s'", "'it'\\''s'"), ("~/x", "~/x"), ("$X", "$X"), ("''", "''")],
)
def test_canonical_form_has_the_quotes_that_are_needed(source: str, canonical: str) -> None:
    assert read_word(source, {}).canonical == canonical


@pytest.mark.parametrize(
    ("source", "may"), [("-x", False), ("$X", True), ("*", True), ("a*", False), ("-*", True), ("{a,b}", True)]
)
def test_word_that_may_become_an_option(source: str, may: bool) -> None:
    assert read_word(source, {}).may_be_option is may


def test_words_that_are_made_here() -> None:
    assert literal("a b") == Word("a b", "a b")
    assert (unknown().literal, unknown().template, unknown().may_be_option) == (False, HOLE, True)
