"""Which records are summarised next."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.journal.covered import Coverage, Covered
from duragent.memory.zones import MOST_RECORDS, TurnSize, Zone, ZoneBudget, budget_of, is_full, next_merge, plan

BUDGET = ZoneBudget(1_000, 60)


def turns(*sizes: int, records: int = 4, after: int = 0) -> list[TurnSize]:
    """Turns of so many tokens, each of so many records."""
    return [TurnSize(after + 1 + at * records, size) for at, size in enumerate(sizes)]


def newest(found: Sequence[TurnSize], records: int = 4) -> int:
    return found[-1].first_seq + records - 1


@pytest.mark.parametrize(
    ("sizes", "zone"),
    [
        ([100] * 8, None),
        ([100] * 9, Zone(1, 1, 12)),
        ([801], None),
        ([801, 10], Zone(1, 1, 4)),
        ([10, 801], Zone(1, 1, 4)),
        ([100] * 100, Zone(1, 1, 380)),
    ],
)
def test_the_oldest_third_is_taken_when_more_than_four_fifths_are_full(sizes: list[int], zone: Zone | None) -> None:
    found = turns(*sizes)
    assert plan(Coverage(), newest(found), found, BUDGET) == zone


def test_a_zone_begins_behind_the_boundary() -> None:
    found = turns(*[100] * 9, after=500)
    at = Coverage(boundary=500, frontier=(Covered(1, 1, 500, 501, 10),))
    assert plan(at, newest(found), found, BUDGET) == Zone(1, 501, 512)


def test_very_many_short_records_are_enough_too() -> None:
    found = turns(*[1] * 251)
    assert plan(Coverage(), newest(found), found, BUDGET) == Zone(1, 1, 336)
    assert plan(Coverage(), MOST_RECORDS, found[:250], BUDGET) is None


def chain(*levels: int, stays: Sequence[int] = ()) -> Coverage:
    frontier = tuple(
        Covered(level, 10 * at + 1, 10 * at + 10, 1_000 + at, 50, stays=at in stays) for at, level in enumerate(levels)
    )
    return Coverage(boundary=10 * len(levels), frontier=frontier)


@pytest.mark.parametrize(
    ("at", "zone"),
    [
        (chain(1, 1, 1, 1), None),
        (chain(1, 1, 1, 1, 1), Zone(2, 1, 50)),
        (chain(2, 1, 1, 1, 1, 1), Zone(2, 11, 60)),
        (chain(2, 2, 2, 2, 2, 1), Zone(3, 1, 50)),
        (chain(2, 1, 1, 1, 1), None),
        (chain(1, 1, 1, 1, 1, stays=[2]), None),
    ],
)
def test_five_of_a_level_become_one_of_the_next(at: Coverage, zone: Zone | None) -> None:
    assert next_merge(at) == zone
    assert is_full(at, at.boundary, BUDGET) == (zone is not None)


@pytest.mark.parametrize(
    ("cap", "window", "ratio_milli", "budget"),
    [
        (40_000, 128_000, 1_000, ZoneBudget(40_000, 600)),
        (40_000, 8_192, 1_000, ZoneBudget(4_096, 63)),
        (40_000, 128_000, 2_000, ZoneBudget(20_000, 307)),
        (0, 128_000, 1_000, ZoneBudget(64_000, 600)),
        (0, 0, 1_000, ZoneBudget(40_000, 600)),
        (2_000, 0, 1_000, ZoneBudget(2_000, 60)),
    ],
)
def test_the_room_is_the_cap_or_half_of_the_window(cap: int, window: int, ratio_milli: int, budget: ZoneBudget) -> None:
    assert budget_of(cap=cap, window=window, ratio_milli=ratio_milli, summary_share=0.2) == budget


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60), st.integers(0, 9))
def test_a_zone_ends_between_turns_and_leaves_the_last_one(sizes: list[int], boundary: int) -> None:
    found = turns(*sizes, after=boundary)
    zone = plan(Coverage(boundary=boundary), newest(found), found, BUDGET)
    if zone is None:
        assert sum(sizes) <= 800 or len(sizes) == 1
        return
    assert (zone.level, zone.first_seq) == (1, boundary + 1)
    assert zone.last_seq + 1 in [turn.first_seq for turn in found[1:]]
