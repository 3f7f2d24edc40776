"""Text on its way to the eye, without the blank space that calls leave behind."""

import pytest

from duragent.models.text_tools.shown import VisibleText

CALL = object()


def shown(*pieces: object, called: bool) -> str:
    """The text that is shown of these pieces; `CALL` is a call that stood there."""
    text = VisibleText()
    out = ""
    for piece in pieces:
        if piece is CALL:
            text.cut()
        else:
            text.add(str(piece))
        out += text.take()
    text.end(called=called)
    return out + text.take()


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (("one ", "two", "\n\nthree"), "one two\n\nthree"),
        (("  one", "\n"), "  one"),
        ((CALL,), ""),
        (("one\n\n", CALL, "\n"), "one"),
        (("one\n\n", CALL, "\n\ntwo"), "one\n\ntwo"),
        (("one", "\n", CALL, " ", CALL, "\n  two"), "one\n  two"),
        ((CALL, "\n\n", "two"), "two"),
    ],
)
def test_no_blank_space_is_shown_around_a_call_or_after_the_last(pieces: tuple[object, ...], expected: str) -> None:
    assert shown(*pieces, called=True) == expected


def test_answer_without_a_call_keeps_its_blank_space() -> None:
    assert shown("\n one", " \n", called=False) == "\n one \n"


def test_blank_space_waits_for_what_comes() -> None:
    text = VisibleText()
    text.add("one \n")
    assert text.take() == "one"
    text.add("two")
    assert text.take() == " \ntwo"
