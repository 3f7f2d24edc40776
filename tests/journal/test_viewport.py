"""What the state keeps of what the model was shown last."""

from duragent.journal import events as e
from duragent.journal.viewport import Viewport, viewed

MODEL = e.PromptModel(provider="openai", name="m")


def test_the_newest_frame_is_kept() -> None:
    at = viewed(Viewport(), 4, e.PromptSet(frame_sha256="a", model=MODEL, window_tokens=9))
    assert viewed(at, 9, e.PromptSet(frame_sha256="b", model=MODEL, window_tokens=9)).frame_sha256 == "b"


def test_a_search_for_older_messages_takes_nothing_back() -> None:
    at = viewed(Viewport(), 4, e.MemoryRecalled(turn="t", upto_seq=7))
    assert viewed(at, 9, e.MemoryRecalled(turn="t", upto_seq=3)).recalled_upto == 7


def test_records_that_name_forgotten_texts_are_remembered() -> None:
    at = viewed(viewed(Viewport(), 4, e.TextForgotten()), 9, e.TextForgotten())
    assert at.forgotten == (4, 9)
