"""An edit as a pure function of a text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from duragent.tools.files.edit import Change, Edited, NotEdited, edit


@example("b\r\nb\n", "b\n", "a", False)
@given(
    st.text("ab\r\n", max_size=12), st.text("ab\n", min_size=1, max_size=3), st.text("abc\n", max_size=3), st.booleans()
)
def test_an_edit_that_settles_is_the_same_when_done_twice(text: str, old: str, new: str, everywhere: bool) -> None:
    change = Change(old, new, everywhere)
    first = edit(text, change)

    if change.settles and isinstance(first, Edited):
        assert isinstance(edit(first.text, change), NotEdited)


@pytest.mark.parametrize(
    ("text", "old", "new", "edited"),
    [
        ("a\r\nb\r\n", "a\nb\n", "c\nd\n", "c\r\nd\r\n"),
        ("a\r\nb\r\n", "a", "c\nd", "c\r\nd\r\nb\r\n"),
        ("a\nb\r\n", "a\n", "c\n", "c\nb\r\n"),
        ("a\nb\r\n", "b\n", "c\n", "a\nc\r\n"),
        ("a\nb\r\n", "a", "c\nd", "c\nd\nb\r\n"),
        ("a\na\r\n", "a\n", "c\n", None),
    ],
)
def test_line_ends_of_an_edit_are_those_of_the_place(text: str, old: str, new: str, edited: str | None) -> None:
    found = edit(text, Change(old, new))
    assert (found.text if isinstance(found, Edited) else None) == edited


def test_edit_everywhere_keeps_the_line_end_of_each_place() -> None:
    assert edit("a\na\r\na\n", Change("a\n", "b\n", everywhere=True)) == Edited("b\nb\r\nb\n", 3)
