"""What stands in the place of records that the model is no longer shown: summaries, pinned records, goals.

The law of this file: these events hide nothing for good. All that a summary covers stays in the log.
"""

from typing import Literal

from duragent.journal.events.base import EventModel, Forgettable, TokenCounts
from duragent.text import Brief, Text


class HistorySummarised(EventModel):
    """A summary takes the place of a range of records, or of five summaries of the level below."""

    type: Literal["history_summarised"] = "history_summarised"
    level: int
    """1: it takes the place of records; a higher one of five summaries of the level below."""
    first_seq: int
    """The first record that it covers."""
    last_seq: int
    """The last one. Records behind it are shown whole, when the level is 1."""
    children: tuple[int, ...] = ()
    """The records with the summaries that it takes the place of; none on level 1."""
    text: Forgettable = ""
    """What was said, in short."""
    facts: Forgettable = ""
    """Paths, commands, errors, addresses, ids and figures, as they stand in the records."""
    by: Text = "extract"
    """`extract`: made by code. Otherwise the model that wrote the text."""
    source_sha256: str = ""
    """Over what it was made from."""
    tokens: int = 0
    """Of its text and facts, by our estimate."""
    covered_tokens: int = 0
    """How much of the records behind the boundary it takes away, as `viewport.size_of` counts; 0 above level 1."""
    job: str = ""
    """The work in the background that made it; "" where none was begun for it."""
    usage: TokenCounts | None = None
    """What the model used; None when no model was asked."""
    cost_usd: float | None = None
    """The price of that; None when it is not known."""


class SummaryPart(EventModel):
    """A summary that is shown again."""

    level: int
    """As in `history_summarised`."""
    first_seq: int
    """The first record that it covers."""
    last_seq: int
    """The last one."""
    seq: int
    """The record with the summary."""
    tokens: int = 0
    """Of its text and facts, by our estimate."""


class SummaryExpanded(EventModel):
    """A person wants the summaries of which another one was made shown in its place. They stay."""

    type: Literal["summary_expanded"] = "summary_expanded"
    summary: int
    """The record with the summary that is not shown any more."""
    children: tuple[SummaryPart, ...]
    """Those that are shown in its place; they cover the same records."""
    by: Brief = ""
    """Who asked; "" when the client did not say."""


class RecordPinned(EventModel):
    """The beginning of a record stays in sight, also when the record is covered by a summary."""

    type: Literal["record_pinned"] = "record_pinned"
    record: int
    """The record."""
    text: Forgettable = ""
    """What of it stays in sight."""
    goals: tuple[str, ...] = ()
    """When the last of these goals is finished the pin goes; none: it stays until it is taken away."""
    by: Brief = ""
    """Who pinned it; "" when the client did not say."""
    reason: Brief = ""
    """Why, as a sentence; "" when none was given."""


class RecordUnpinned(EventModel):
    """A pin is taken away."""

    type: Literal["record_unpinned"] = "record_unpinned"
    record: int
    """The record that was pinned."""
    by: Brief = ""
    """Who takes it away; "" when the client did not say."""
    reason: Brief = ""
    """Why, as a sentence; "" when none was given."""


class GoalSet(EventModel):
    """A goal that the model keeps in sight."""

    type: Literal["goal_set"] = "goal_set"
    goal: str
    """Its id, unique in the session, such as `g3`."""
    parent: str = ""
    """The goal that it is a part of; "" for one of its own."""
    text: Text
    """What is to be reached."""
    by: Brief = ""
    """Who set it; "" when the client did not say."""
    call: Text = ""
    """The tool call that set it; "" for a person's goal."""


class GoalEnded(EventModel):
    """A goal is reached, or given up. So are the goals that are parts of it."""

    type: Literal["goal_ended"] = "goal_ended"
    goal: str
    """The goal."""
    outcome: Literal["done", "dropped"]
    """Whether it was reached."""
    by: Brief = ""
    """Who says so; "" when the client did not say."""
    call: Text = ""
    """The tool call that ended it; "" when a person did."""
