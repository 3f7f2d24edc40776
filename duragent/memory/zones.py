"""Which records are summarised next.

The law: a zone ends between two turns, and never reaches into the last one. So many records stay behind the boundary
that the boundary stands still for long: each time it moves, a provider reads the whole request again. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from duragent.journal.covered import CHILDREN, Coverage

FULL = 0.8
"""When what is behind the boundary takes more than this part of the history's room, its oldest third is summarised."""

TAKEN = 1 / 3
"""Of what is behind the boundary."""

MOST_RECORDS = 1_000
"""So many records behind the boundary are enough too, however short they are: a request reads all of them."""

LEAST_TOKENS = 1_000
"""Less than this is never worth a look, whatever the room."""

FAR_BEHIND = 2.0
"""With more than so many times the history's room no summary was made for long, as after an import: one zone has
all that does not fit."""


@dataclass(frozen=True, slots=True)
class TurnSize:
    """A turn behind the boundary, or several that cannot be told apart."""

    first_seq: int
    """Its first record. A zone may end before it."""
    tokens: int
    """How long its messages are, as the model is shown them."""


@dataclass(frozen=True, slots=True)
class ZoneBudget:
    """What there is room for."""

    history_tokens: int
    """For the conversation before the running turn."""
    summary_tokens: int
    """The most that a summary takes."""


@dataclass(frozen=True, slots=True)
class Zone:
    """What is summarised next."""

    level: int
    """1: records; a higher one: summaries of the level below."""
    first_seq: int
    """The first record that is covered."""
    last_seq: int
    """The last one."""


UNKNOWN_ROOM = 40_000
"""The room of a history without a cap whose window is not known yet."""

SUMMARY_TOKENS = 600
"""The most that one summary takes, on every level."""

_LEAST_SUMMARY_TOKENS = 60
_SHOWN_AT_MOST = 13
"""How many summaries are shown when three levels are full: four of each, and one of the fourth."""


def budget_of(*, cap: int, window: int, ratio_milli: int, summary_share: float) -> ZoneBudget:
    """The room of a history in estimated tokens: its cap, at most half of the window. 0 is no cap, or no known window.

    A thousand estimated tokens are `ratio_milli` real ones.
    """
    rooms = [room for room in (cap, window // 2) if room]
    room = min(rooms, default=UNKNOWN_ROOM) * 1_000 // max(ratio_milli, 1)
    each = int(summary_share * room) // _SHOWN_AT_MOST
    return ZoneBudget(room, min(SUMMARY_TOKENS, max(_LEAST_SUMMARY_TOKENS, each)))


def is_full(at: Coverage, newest_seq: int, budget: ZoneBudget) -> bool:
    """Whether it is worth a look, by what the state knows: the records need not be read for it."""
    if at.tokens > FULL * budget.history_tokens or newest_seq - at.boundary > MOST_RECORDS:
        return True
    return next_merge(at) is not None


def next_merge(at: Coverage) -> Zone | None:
    """Five neighbours of one level that become one of the next; the oldest first."""
    for start in range(len(at.frontier) - CHILDREN + 1):
        five = at.frontier[start : start + CHILDREN]
        if len({each.level for each in five}) == 1 and not any(each.stays for each in five):
            return Zone(five[0].level + 1, five[0].first, five[-1].last)
    return None


def plan(at: Coverage, newest_seq: int, turns: Sequence[TurnSize], budget: ZoneBudget) -> Zone | None:
    """The next zone; None when all that is behind the boundary is shown. `turns` are those behind it, oldest first."""
    if (merge := next_merge(at)) is not None:
        return merge
    whole = sum(turn.tokens for turn in turns)
    records = newest_seq - at.boundary
    if len(turns) < 2 or (whole <= FULL * budget.history_tokens and records <= MOST_RECORDS):
        return None
    end = _end(turns, whole, records, newest_seq, budget)
    return Zone(1, at.boundary + 1, turns[end].first_seq - 1) if turns[end].first_seq > at.boundary + 1 else None


def _end(turns: Sequence[TurnSize], whole: int, records: int, newest_seq: int, budget: ZoneBudget) -> int:
    """Before which turn the zone ends: after a third, or after all that two thirds of the room cannot hold."""
    kept_tokens, kept_records = whole * (1 - TAKEN), records * (1 - TAKEN)
    if whole > FAR_BEHIND * budget.history_tokens:
        kept_tokens = FULL * (1 - TAKEN) * budget.history_tokens
    if records > FAR_BEHIND * MOST_RECORDS:
        kept_records = MOST_RECORDS * (1 - TAKEN)
    by_tokens, by_records = whole > FULL * budget.history_tokens, records > MOST_RECORDS
    left = whole
    for place, turn in enumerate(turns[:-1]):
        fits = (not by_tokens or left <= kept_tokens) and (
            not by_records or newest_seq - turn.first_seq < max(kept_records, 1)
        )
        if place and fits:
            return place
        left -= turn.tokens
    return len(turns) - 1
