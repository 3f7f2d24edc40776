"""The smallest lines of what a question was made of, and of what was forgotten."""

from typing import Any

import pytest

from duragent.journal import events as e
from tests.journal.events.smallest import read, written

MODEL = {"provider": "openai", "name": "m"}


@pytest.mark.parametrize(
    ("kind", "fields", "event"),
    [
        (
            "prompt_set",
            {"frame_sha256": "f", "model": MODEL, "window_tokens": 9},
            e.PromptSet(
                frame_sha256="f", sections=(), tools="", tail="", model=e.PromptModel(**MODEL), window_tokens=9
            ),
        ),
        ("memory_recalled", {"turn": "t", "upto_seq": 3}, e.MemoryRecalled(turn="t", upto_seq=3, text="", silent="")),
        ("text_forgotten", {}, e.TextForgotten(fields=(), by="", reason="")),
    ],
)
def test_the_smallest_line_is_read_with_its_defaults(kind: str, fields: dict[str, Any], event: e.Event) -> None:
    assert read(kind, **fields) == event


def test_a_frame_of_settings_that_are_not_set_is_short() -> None:
    """Every session has one: what is empty takes no bytes."""
    frame = e.PromptSet(frame_sha256="f", model=e.PromptModel(**MODEL), window_tokens=9)
    assert list(written(frame)) == ["frame_sha256", "model", "window_tokens", "tells_time"]
