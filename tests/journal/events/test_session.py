"""The smallest lines of a session's own events."""

from typing import Any

import pytest

from duragent.journal import events as e
from tests.journal.events.smallest import read, written


@pytest.mark.parametrize(
    ("kind", "fields", "event"),
    [
        (
            "session_created",
            {"agent": "a"},
            e.SessionCreated(agent="a", on_disconnect="continue", source="http", door=""),
        ),
        ("owner_claimed", {"epoch": 1, "node": "n"}, e.OwnerClaimed(epoch=1, node="n")),
        ("session_paused", {}, e.SessionPaused(reason="")),
        ("session_resumed", {}, e.SessionResumed(reason="")),
        ("session_renamed", {}, e.SessionRenamed(title=None)),
        ("model_chosen", {}, e.ModelChosen(provider="", model="", base_url="", by="")),
        ("session_closed", {}, e.SessionClosed(reason="")),
        (
            "log_recovered",
            {"offset": 5, "size_bytes": 7, "saved_as": ""},
            e.LogRecovered(offset=5, size_bytes=7, saved_as=""),
        ),
    ],
)
def test_the_smallest_line_is_read_with_its_defaults(kind: str, fields: dict[str, Any], event: e.Event) -> None:
    assert read(kind, **fields) == event


def test_what_is_empty_by_default_is_not_written() -> None:
    assert written(e.SessionPaused()) == {}
    assert written(e.SessionCreated(agent="a")) == {"agent": "a", "on_disconnect": "continue", "source": "http"}
    assert written(e.SessionCreated(agent="a", door="page"))["door"] == "page"
    assert written(e.ModelChosen()) == {}
