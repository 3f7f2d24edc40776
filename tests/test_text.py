"""Text that may hold anything, made fit for where it goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from duragent.text import BRIEF_MAX, Brief, Text, cut_to, part_around, printable, without_surrogates

TEXT: TypeAdapter[str] = TypeAdapter(Text)


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [("a", "a"), ("\ud83d", "\ud83d"), ("\ud83d\ude00", "\N{GRINNING FACE}"), ("\ude00\ud83d", "\ude00\ud83d")],
)
def test_every_string_is_a_text_and_two_halves_become_one_character(given_text: str, kept: str) -> None:
    assert TEXT.validate_python(given_text) == kept


@pytest.mark.parametrize("value", [None, 5, b"a", ["a"]])
def test_what_is_no_string_is_no_text(value: object) -> None:
    with pytest.raises(ValidationError, match="must be a string"):
        TEXT.validate_python(value)


def test_brief_text_is_cut_without_a_word() -> None:
    assert len(TypeAdapter(Brief).validate_python("x" * (BRIEF_MAX + 1))) == BRIEF_MAX


@pytest.mark.parametrize(("text", "most", "cut"), [("abc", 3, "abc"), ("abcd", 3, "abc…"), ("", 0, ""), ("a", 0, "…")])
def test_cut_text_says_so(text: str, most: int, cut: str) -> None:
    assert cut_to(text, most) == cut


@pytest.mark.parametrize(
    ("at", "part"),
    [(0, "012345…"), (2, "012345…"), (5, "…345678…"), (9, "…456789"), (99, "…456789")],
)
def test_part_around_a_position_has_a_third_before_it(at: int, part: str) -> None:
    assert part_around("0123456789", at, 6) == part
    assert part_around("012345", at, 6) == "012345"


@pytest.mark.parametrize(
    ("text", "fit"),
    [("a\nb\tc", "a\nb\tc"), ("\x1b[31m", "\ufffd[31m"), ("\x85\x00\ud800", "\ufffd" * 3)],
)  # fmt: skip
def test_printable_text_drives_no_terminal(text: str, fit: str) -> None:
    assert printable(text) == fit


@given(st.text(st.characters()))
def test_text_without_surrogates_can_be_encoded(text: str) -> None:
    assert without_surrogates(text).encode().decode() == without_surrogates(text)
    assert len(without_surrogates(text)) == len(text)
