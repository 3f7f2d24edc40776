"""The smallest lines of a turn's events; those without a turn are of duragent-rust."""

from typing import Any

import pytest

from duragent.journal import events as e
from tests.journal.events.smallest import read, written

PLACE = {"turn": "t", "step": 1, "attempt": 1}


@pytest.mark.parametrize(
    ("kind", "fields", "event"),
    [
        ("turn_started", {"turn": "t", "trigger": 3}, e.TurnStarted(turn="t", trigger=3, agent_fingerprint="")),
        (
            "model_called",
            {**PLACE, "epoch": 1, "model": "m", "input_seq": 3},
            e.ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="m", input_seq=3, reserved_tokens=None),
        ),
        ("model_replied", {"message_id": "m"}, e.ModelReplied(message_id="m", turn="", finish_reason="stop")),
        (
            "model_failed",
            {**PLACE, "error": "interrupted"},
            e.ModelFailed(turn="t", step=1, attempt=1, error="interrupted", retry=False, possible_tokens=None),
        ),
        ("cancel_requested", {"turn": "t"}, e.CancelRequested(turn="t", by="")),
        ("turn_ended", {"turn": "t", "outcome": "completed"}, e.TurnEnded(turn="t", outcome="completed", code="")),
    ],
)
def test_the_smallest_line_is_read_with_its_defaults(kind: str, fields: dict[str, Any], event: e.Event) -> None:
    assert read(kind, **fields) == event


def test_an_attempt_that_may_have_used_nothing_says_so() -> None:
    """0 is not the same as unknown, which is left out."""
    failed = e.ModelFailed(turn="t", step=1, attempt=1, error="interrupted", possible_tokens=0, possible_usd=0.0)
    assert written(failed)["possible_tokens"] == 0
    assert written(failed)["possible_usd"] == 0.0
    assert read("model_failed", **written(failed)) == failed
