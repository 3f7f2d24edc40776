"""What is plain in a shell text: it runs nothing, whatever the values are."""

import pytest

from duragent.policy.shell.grammar import COUNTING, PLAIN_ARITHMETIC, PLAIN_EXPANSION, PLAIN_TEST


@pytest.mark.parametrize(
    ("text", "plain"),
    [("${a}", True), ("${#a}", True), ("${1}", True), ("${@}", True), ("${a:-b}", False), ("${a[1]}", False),
     ("${!a}", False), ("${a/b/c}", False)],
)  # fmt: skip
def test_plain_expansion_only_takes_the_value(text: str, plain: bool) -> None:
    assert (PLAIN_EXPANSION.fullmatch(text) is not None) is plain


@pytest.mark.parametrize(
    ("text", "plain"), [("$((1 + 2))", True), ("$[3*4]", True), ("$((a))", False), ("$((a[$(ls)]))", False)]
)
def test_plain_arithmetic_has_numbers_alone(text: str, plain: bool) -> None:
    assert (PLAIN_ARITHMETIC.fullmatch(text) is not None) is plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("[ -f a/b.txt ]", True), ('[ -n "$a" ]', True), ("[ a = b ]", True), ('[ ! -d "$a" ]', True),
        ("[[ $a == b ]]", True), ("[[ -f a ]]", True), ("[ $a = b ]", False), ("[ -v a[1] ]", False),
        ('[ "$a" -eq 1 ]', False), ("[[ $(ls) ]]", False), ("[ a ]", False),
    ],
)  # fmt: skip
def test_plain_test_has_its_operators_where_no_value_can_be_one(text: str, plain: bool) -> None:
    assert (PLAIN_TEST.fullmatch(text) is not None) is plain


def test_counting_tests_evaluate_their_values() -> None:
    assert COUNTING.search("[[ a -eq b ]]")
    assert not COUNTING.search("[[ a == b ]]")
