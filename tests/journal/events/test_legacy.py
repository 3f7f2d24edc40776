"""The smallest lines of events that only sessions of v0.5 have."""

from duragent.journal import events as e
from tests.journal.events.smallest import read, written


def test_the_smallest_line_is_read_with_its_defaults() -> None:
    assert read("tools_skipped", calls=["c1", "c2"]) == e.ToolsSkipped(calls=("c1", "c2"), reason="")
    assert read("history_adopted") == e.HistoryAdopted(lines=0, archived=0, messages=0, notes=(), kept_as="")
    assert read("history_adopted", **written(e.HistoryAdopted(notes=("a note",)))) == e.HistoryAdopted(
        notes=("a note",)
    )
