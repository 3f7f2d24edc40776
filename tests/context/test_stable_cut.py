"""A cut that stays where it is while the range of good places slides on."""

from collections.abc import Sequence

import pytest

from duragent.context.stable_cut import LEAST_KEPT, roundest, steady_start


@pytest.mark.parametrize(
    ("seqs", "low", "high", "at"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], 0, 8, 7),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], 0, 6, 3),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], 4, 6, 5),
        ([5, 9, 12, 20, 40], 1, 4, 4),
        ([5, 9, 12, 20, 40], 1, 3, 3),
        ([3], 0, 0, 0),
    ],
)
def test_roundest_is_the_place_before_the_roundest_record(seqs: Sequence[int], low: int, high: int, at: int) -> None:
    assert roundest(seqs, low, high) == at


@pytest.mark.parametrize(
    ("sizes", "limit", "whole", "start"),
    [
        ([], 10, True, 0),
        ([5, 5], 10, True, 0),
        ([5, 5], 10, False, 0),
        ([5, 5], 9, True, 1),
        ([5, 5], 4, True, 2),
        ([5, 5], -1, True, 2),
    ],
)
def test_start_keeps_at_most_the_limit(sizes: Sequence[int], limit: int, whole: bool, start: int) -> None:
    assert steady_start(range(1, len(sizes) + 1), sizes, limit, whole=whole) == start


def test_start_moves_seldom_and_always_keeps_most_of_what_would_fit() -> None:
    starts, limit = [], 40
    for count in range(1, 400):
        start = steady_start(range(1, count + 1), [1] * count, limit, whole=True)
        kept = count - start
        assert kept <= limit
        assert kept >= min(count, LEAST_KEPT * limit)
        starts.append(start)
    assert starts == sorted(starts)
    assert len(set(starts)) < 400 / 6
