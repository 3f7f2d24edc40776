"""What comes out of an embedder is whole, or refused."""

import math
from array import array

import pytest

from duragent.embedders.vectors import checked_vectors
from duragent.errors import EmbeddingRefused


def test_good_vectors_are_arrays_of_floats() -> None:
    assert checked_vectors("m", [[1, 0.5], [0, -1.0]], 2, None) == [array("f", [1, 0.5]), array("f", [0, -1])]


@pytest.mark.parametrize(
    ("found", "count", "dimensions"),
    [
        (None, 1, None),
        ([], 1, None),
        ([[1.0]], 2, None),
        ([[1.0], [1.0, 2.0]], 2, None),
        ([[1.0]], 1, 2),
        ([[]], 1, None),
        (["ab"], 1, None),
        ([{"a": 1}], 1, None),
        ([[None]], 1, None),
        ([["1"]], 1, None),
        ([[[1.0]]], 1, None),
        ([[math.nan]], 1, None),
        ([[math.inf]], 1, None),
        ([[1e300]], 1, None),
        ([[10**400]], 1, None),
    ],
)
def test_other_things_are_refused(found: object, count: int, dimensions: int | None) -> None:
    with pytest.raises(EmbeddingRefused):
        checked_vectors("m", found, count, dimensions)
