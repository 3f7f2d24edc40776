"""Vectors in bits and bytes: nearly the same order as exact ones, and a gate of their own."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.memory.bits import cosine, joined_ranks, least_cosine, nearest_by_bits, nearest_by_bytes, small

CHANCE = Random(7)


def vector(around: list[float] | None = None, noise: float = 1.0) -> list[float]:
    middle = around or [0.0] * 128
    return [value + CHANCE.gauss(0, noise) for value in middle]


def test_near_vectors_are_found_among_many() -> None:
    asked = vector()
    stored = {at: small(vector()) for at in range(500)}
    stored |= {1000 + at: small(vector(asked, 0.3)) for at in range(5)}
    few = nearest_by_bits(small(asked), [(key, int.from_bytes(each.bits)) for key, each in stored.items()])
    assert len(few) == 200
    ranked = nearest_by_bytes(small(asked), [(key, stored[key].scaled) for key in few])
    assert {key for key, _ in ranked[:5]} == {1000, 1001, 1002, 1003, 1004}
    least = least_cosine([each.scaled for each in stored.values()])
    assert [key >= 1000 for key, found in ranked if found >= least][:5] == [True] * 5
    assert sum(found >= least for _, found in ranked) <= 10


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40).filter(lambda values: any(map(abs, values))))
def test_vector_is_nearest_to_itself(values: list[float]) -> None:
    stored = small(values)
    assert cosine(stored.scaled, stored.scaled) == pytest.approx(1.0)
    assert len(stored.scaled) == len(values)
    assert len(stored.bits) == (len(values) + 7) // 8


@pytest.mark.parametrize("values", [[float("nan")], [float("inf"), -float("inf")], [0.0, 0.0], []])
def test_what_is_no_vector_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="no numbers, or only zeros"):
        small(values)


def test_other_lengths_are_left_out() -> None:
    assert nearest_by_bytes(small([1.0, 2.0]), [(1, small([1.0]).scaled), (2, small([1.0, 2.0]).scaled)]) == [(2, 1.0)]
    assert least_cosine([b"\x01", b"\x02"]) == 1.0


def test_ranks_are_joined() -> None:
    joined = joined_ranks([1, 2, 3], [3, 4])
    assert sorted(joined, key=lambda key: -joined[key]) == [3, 1, 2, 4]
