"""Events that only sessions of duragent-rust v0.5 have. See `events.py`, whose union they are part of."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from duragent.text import Brief, Text


class _Shape(BaseModel):
    # Unknown fields of a later version are left out here; the stored line keeps them.
    model_config = ConfigDict(frozen=True, extra="ignore")


class HistoryAdopted(_Shape):
    """The records before this one were read from the files of duragent-rust v0.5, each once and in order.

    `lines` counts those of its log, `archived` those of `events.archive.jsonl`, `messages` those that only `state.json`
    had. `notes` say what could not be read. `kept_as` names the file that holds the old log as it was.
    """

    type: Literal["history_adopted"] = "history_adopted"
    lines: int = 0
    archived: int = 0
    messages: int = 0
    notes: tuple[Brief, ...] = ()
    kept_as: str = ""


class ToolsSkipped(_Shape):
    """Only in logs of duragent-rust v0.5: several calls settled at once, without having run."""

    type: Literal["tools_skipped"] = "tools_skipped"
    calls: tuple[Text, ...]
    reason: Brief = ""
