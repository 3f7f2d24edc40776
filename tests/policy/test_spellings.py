"""One spelling for what means the same."""

import pytest

from duragent.policy.spellings import lines_of, spaced, without_harmless


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("ls 2>/dev/null", "ls"),
        ("ls2>/dev/null", "ls2"),
        ("ls > /dev/nullx", "ls > /dev/nullx"),
        ("ls >/dev/null/x", "ls >/dev/null/x"),
        ("ls &>/dev/null && x", "ls && x"),
        ("a >&2; b", "a ; b"),
        ("cat <(ls) 2>&1 | b", "cat <(ls) | b"),
        ("a &> out", "a &> out"),
    ],
)
def test_only_redirections_to_nowhere_are_left_out(text: str, bare: str) -> None:
    assert without_harmless(text) == bare


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("a >b", "a > b"),
        ("a>b", "a > b"),
        ("a 2>b", "a > b"),
        ("a 2>>b", "a >> b"),
        ("*>/dev/*", "*> /dev/*"),
        ("a <b", "a < b"),
        ("a <<E", "a <<E"),
        ("a <(b) >(c)", "a <(b) >(c)"),
        ("a 2>&1", "a 2>&1"),
        ("a <<< b", "a <<< b"),
    ],
)
def test_redirections_have_one_form(text: str, form: str) -> None:
    assert spaced(text) == form
    assert spaced(form) == form
    assert lines_of(text)[0] == form
