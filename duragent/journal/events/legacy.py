"""Events that only sessions of duragent-rust v0.5 have."""

from typing import Literal

from duragent.journal.events.base import EventModel
from duragent.text import Brief, Text


class HistoryAdopted(EventModel):
    """The records before this one were read from the files of duragent-rust v0.5, each once and in order."""

    type: Literal["history_adopted"] = "history_adopted"
    lines: int = 0
    """Records that came from its `events.jsonl`."""
    archived: int = 0
    """Records that came from its `events.archive.jsonl`."""
    messages: int = 0
    """Messages that only its `state.json` had."""
    notes: tuple[Brief, ...] = ()
    """What could not be read, a sentence each."""
    kept_as: str = ""
    """The file that holds the old log as it was."""


class ToolsSkipped(EventModel):
    """Only in logs of duragent-rust v0.5: several calls settled at once, without having run."""

    type: Literal["tools_skipped"] = "tools_skipped"
    calls: tuple[Text, ...]
    """Their ids."""
    reason: Brief = ""
    """A sentence for people."""
