"""What a list shows of a session that has no title."""

import pytest

from duragent.journal.record import BLOB_MIN_BYTES
from duragent.journal.topic import TOPIC_MAX, topic_of
from tests.journal.histories import folded, message


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("", ""),
        (" \n\t\n", ""),
        ("one line", "one line"),
        ("\r\n  indented\r\nmore", "indented"),
        ("x" * TOPIC_MAX, "x" * TOPIC_MAX),
        ("x" * (TOPIC_MAX + 1), "x" * (TOPIC_MAX - 1) + "…"),
        ("x" * (BLOB_MIN_BYTES // 4 + 1), ""),
        ("one\n" + "x" * (BLOB_MIN_BYTES // 4 - 4), "one"),
        (f"[5 bytes in blob {'a' * 64}]", ""),
        (f"see [5 bytes in blob {'a' * 64}]", f"see [5 bytes in blob {'a' * 58}…"),
    ],
)
def test_the_topic_of_a_text(text: str, topic: str) -> None:
    assert topic_of(text) == topic


def topic_after(*texts: str) -> str:
    return folded(message(text=text) for text in texts).topic


@pytest.mark.parametrize(
    ("texts", "topic"),
    [
        (("tidy the repo", "and now?"), "tidy the repo"),
        (("\n\n  first line \nsecond",), "first line"),
        (("   ", "words at last"), "words at last"),
        (("x" * 80,), "x" * 80),
        (("x" * 81,), "x" * 79 + "…"),
        (("a text too long for a line" * 1000, "a short one"), "a short one"),
        ((f"[1100007 bytes in blob {'a1' * 32}]", "a short one"), "a short one"),
        ((), ""),
    ],
)
def test_a_session_is_about_the_first_line_that_was_said(texts: tuple[str, ...], topic: str) -> None:
    assert topic_after(*texts) == topic
