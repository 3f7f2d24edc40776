"""What a list shows of a session that has no title."""

import pytest

from duragent.journal.apply import reduce
from duragent.journal.events import MessageReceived
from duragent.journal.record import Record
from duragent.journal.state import SessionState


def topic_of(*texts: str) -> str:
    records = [Record(seq, "t", MessageReceived(message_id=f"m{seq}", text=text)) for seq, text in enumerate(texts, 1)]
    return reduce(SessionState("s"), records).topic


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
    assert topic_of(*texts) == topic
