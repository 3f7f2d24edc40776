"""What of a log is covered by summaries, and what is pinned and aimed at. Its folds.

The law: the summaries of the frontier cover the records up to the boundary without gaps, each record exactly once.
Behind the boundary every record is shown whole. A summary that would break this is stale: it changes nothing. Pure.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from duragent.journal.events.base import Call
from duragent.journal.events.call import ToolFinished
from duragent.journal.events.command import CommandFinished
from duragent.journal.events.message import MessageReceived
from duragent.journal.events.turn import ModelCalled, ModelReplied
from duragent.journal.events.viewport import (
    GoalEnded,
    GoalSet,
    HistorySummarised,
    RecordPinned,
    RecordUnpinned,
    SummaryExpanded,
)
from duragent.text import Text

CHILDREN = 5
"""So many summaries of a level become one of the next."""

MAX_GOALS = 64
"""How many goals of a session may be under way at once."""

MAX_PINS = 64
"""How many records of a session may be pinned at once."""

GOAL_CHARS = 200
"""A goal is one sentence; the state keeps it."""

PIN_CHARS = 200
"""How much of a pinned record stays in sight."""

MOST_OF_A_TEXT = 32_000
"""Bytes of one text that count: longer results are shortened when they are shown."""

_BYTES_PER_TOKEN = 4
_MESSAGE_TOKENS = 4
_MEASURABLE_TOKENS = 500
"""Below this what a provider adds of its own weighs more than what we sent."""

_MOVED_NOTE = " bytes in blob "


@dataclass(frozen=True, slots=True)
class Covered:
    """A range of records that is shown as one summary."""

    level: int
    """As in `history_summarised`."""
    first: int
    """The first record that it covers."""
    last: int
    """The last one."""
    seq: int
    """The record with the summary."""
    tokens: int
    """Of its text and facts, by our estimate."""
    stays: bool = False
    """A person wanted it shown: it does not become a part of another one."""


@dataclass(frozen=True, slots=True)
class PinnedRecord:
    """A pinned record."""

    seq: int
    """The record."""
    since: int
    """The record that pinned it."""
    goals: tuple[str, ...] = ()
    """It goes with the last of these goals; none: it stays until it is taken away."""
    until: int = 0
    """The record that took it away; 0 while it is pinned."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal, and how it stands."""

    goal: str
    """Its id."""
    parent: str
    """The goal that it is a part of; "" for one of its own."""
    text: Text
    """What is to be reached, at most `GOAL_CHARS` characters."""
    since: int
    """The record that set it."""
    until: int = 0
    """The record that ended it; 0 while it is under way."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What stands in the place of the records up to the boundary."""

    boundary: int = 0
    """Summaries stand for the records up to this one; 0: all are shown."""
    frontier: tuple[Covered, ...] = ()
    """The summaries that are shown, in the order of their records."""
    tokens: int = 0
    """About how long the records behind the boundary are; see `size_of`."""
    pins: tuple[PinnedRecord, ...] = ()
    """What is pinned, and what was when the boundary moved last."""
    goals: tuple[Goal, ...] = ()
    """What is aimed at, and what was when the boundary moved last."""
    goals_set: int = 0
    """How many goals were ever set; it names the next one."""
    window_tokens: int = 0
    """How much the model can read; 0 before it was asked."""
    estimated: int = 0
    """How long the newest request was by our estimate; 0 when it has its answer, or cannot tell anything."""
    ratio_milli: int = 1_000
    """How many real tokens 1,000 estimated ones are, by what providers reported."""
    guessed: bool = False
    """A file was said or shown. What files cost is a guess, which must not change how text is counted."""

    @property
    def active_goals(self) -> tuple[Goal, ...]:
        """Those under way."""
        return tuple(goal for goal in self.goals if not goal.until)

    @property
    def active_pins(self) -> tuple[PinnedRecord, ...]:
        """What is pinned now."""
        return tuple(pin for pin in self.pins if not pin.until)

    @property
    def shown_goals(self) -> tuple[Goal, ...]:
        """Those that stood so when the boundary moved last; what happened behind it stands in the conversation."""
        return tuple(goal for goal in self.goals if goal.since <= self.boundary)

    @property
    def shown_pins(self) -> tuple[PinnedRecord, ...]:
        """See `shown_goals`."""
        return tuple(pin for pin in self.pins if pin.since <= self.boundary)


ALL_SHOWN = Coverage()
"""Before the first summary."""

CoverageEvent = HistorySummarised | SummaryExpanded | RecordPinned | RecordUnpinned | GoalSet | GoalEnded


# --- how long records are -------------------------------------------------------------------------------------------


def size_of(event: object) -> int:
    """About how many tokens the model sees of the event, by its bytes: the same for a text that is in a blob."""
    match event:
        case MessageReceived():
            return _MESSAGE_TOKENS + _size(event.text)
        case ModelReplied():
            return _MESSAGE_TOKENS + _size(event.text) + sum(map(_call_size, event.calls))
        case ToolFinished() | CommandFinished():
            return _MESSAGE_TOKENS + _size(event.content)
        case _:
            return 0


def _call_size(call: Call) -> int:
    return _MESSAGE_TOKENS + _size(call.arguments)


def _size(text: str) -> int:
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if text.startswith("[") and _MOVED_NOTE in text[:40]:
        # A text that was not fetched; see `record.decode`.
        count = text[1:].partition(_MOVED_NOTE)[0]
        size = int(count) if count.isascii() and count.isdigit() else size
    return min(size, MOST_OF_A_TEXT) // _BYTES_PER_TOKEN


def grown(at: Coverage, event: object) -> Coverage:
    """With one more record behind the boundary."""
    if size := size_of(event):
        at = replace(at, tokens=at.tokens + size)
    match event:
        case MessageReceived(attachments=(_, *_)) | ToolFinished(attachments=(_, *_)):
            return replace(at, guessed=True)
        case ModelCalled():
            # Logs of earlier versions do not tell the estimate.
            window = event.window_tokens or at.window_tokens
            return replace(at, estimated=0 if at.guessed else event.estimated_tokens, window_tokens=window)
        case ModelReplied() if at.estimated:
            return replace(at, estimated=0, ratio_milli=_calibrated(at, event.usage.input))
        case _:
            return at


def _calibrated(at: Coverage, reported: int) -> int:
    if at.estimated < _MEASURABLE_TOKENS or reported <= 0:
        return at.ratio_milli
    return (at.ratio_milli + min(max(1_000 * reported // at.estimated, 500), 3_000)) // 2


# --- summaries ------------------------------------------------------------------------------------------------------


def children_of(at: Coverage, level: int, first: int, last: int) -> tuple[Covered, ...]:
    """The summaries of the frontier that one of this level and range would take the place of; () when it does not fit.

    They are exactly five neighbours of the level below, of which none was asked for by a person.
    """
    inside = tuple(each for each in at.frontier if first <= each.last and each.first <= last)
    fits = len(inside) == CHILDREN and (inside[0].first, inside[-1].last) == (first, last)
    return inside if fits and all(each.level == level - 1 and not each.stays for each in inside) else ()


def may_cover(at: Coverage, seq: int, level: int, first: int, last: int) -> bool:
    """Whether a summary of this level and range is the next one; `seq` is the newest record."""
    if level == 1:
        return first == at.boundary + 1 <= last <= seq
    return level > 1 and bool(children_of(at, level, first, last))


def covered(at: Coverage, seq: int, event: CoverageEvent) -> Coverage:
    """The same after record `seq`. What does not fit changes nothing."""
    match event:
        case HistorySummarised():
            return _summarised(at, seq, event)
        case SummaryExpanded():
            return _expanded(at, event)
        case RecordPinned():
            before = _unpinned(at, seq, lambda pin: pin.seq == event.record)
            return replace(at, pins=(*before, PinnedRecord(event.record, seq, event.goals)))
        case RecordUnpinned():
            return replace(at, pins=_unpinned(at, seq, lambda pin: pin.seq == event.record))
        case GoalSet():
            goal = Goal(event.goal, event.parent, event.text[:GOAL_CHARS], seq)
            return replace(at, goals=(*at.goals, goal), goals_set=at.goals_set + 1)
        case GoalEnded():
            return _goal_ended(at, seq, event)


def _summarised(at: Coverage, seq: int, event: HistorySummarised) -> Coverage:
    if not may_cover(at, seq, event.level, event.first_seq, event.last_seq):
        return at
    made = Covered(event.level, event.first_seq, event.last_seq, seq, event.tokens)
    if event.level > 1:
        first = next(place for place, each in enumerate(at.frontier) if each.first == made.first)
        return replace(at, frontier=(*at.frontier[:first], made, *at.frontier[first + CHILDREN :]))
    boundary = made.last
    return replace(
        at,
        boundary=boundary,
        frontier=(*at.frontier, made),
        tokens=max(at.tokens - event.covered_tokens, 0),
        pins=tuple(pin for pin in at.pins if not 0 < pin.until <= boundary),
        goals=tuple(goal for goal in at.goals if not 0 < goal.until <= boundary),
    )


def _expanded(at: Coverage, event: SummaryExpanded) -> Coverage:
    place = next((place for place, each in enumerate(at.frontier) if each.seq == event.summary), None)
    parts = tuple(
        Covered(part.level, part.first_seq, part.last_seq, part.seq, part.tokens, stays=True) for part in event.children
    )
    if place is None or not _tiles(at.frontier[place], parts):
        return at
    return replace(at, frontier=(*at.frontier[:place], *parts, *at.frontier[place + 1 :]))


def _tiles(whole: Covered, parts: Sequence[Covered]) -> bool:
    """Whether the parts cover the same records, each once."""
    if not parts or (parts[0].first, parts[-1].last) != (whole.first, whole.last):
        return False
    neighbours = pairwise(parts)
    return all(one.first <= one.last for one in parts) and all(one.last + 1 == two.first for one, two in neighbours)


# --- pins and goals -------------------------------------------------------------------------------------------------


def _without(at: Coverage, pins: Iterable[PinnedRecord]) -> tuple[PinnedRecord, ...]:
    """What must be remembered of pins that ended: those that the conversation before the boundary showed."""
    return tuple(pin for pin in pins if not pin.until or pin.since <= at.boundary)


def _unpinned(at: Coverage, seq: int, ends: Callable[[PinnedRecord], bool]) -> tuple[PinnedRecord, ...]:
    return _without(at, (replace(pin, until=seq) if not pin.until and ends(pin) else pin for pin in at.pins))


def family(goals: Iterable[Goal], goal: str) -> frozenset[str]:
    """The goal and all that are parts of it, under way or not."""
    found, before = {goal}, 0
    known = tuple(goals)
    while len(found) > before:
        before = len(found)
        found |= {each.goal for each in known if each.parent in found}
    return frozenset(found)


def _goal_ended(at: Coverage, seq: int, event: GoalEnded) -> Coverage:
    ended = family(at.goals, event.goal)
    goals = tuple(replace(goal, until=seq) if goal.goal in ended and not goal.until else goal for goal in at.goals)
    active = {goal.goal for goal in goals if not goal.until}
    pins = _unpinned(at, seq, lambda pin: bool(ended & set(pin.goals)) and not active & set(pin.goals))
    return replace(at, goals=tuple(goal for goal in goals if not goal.until or goal.since <= at.boundary), pins=pins)
