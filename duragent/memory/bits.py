"""Vectors of notes, small: one bit and one byte for each dimension, in Python's own integers. Pure.

The law: bits find the few that may be near, bytes put these in order. Vectors of different labels are never compared.
"""

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul
from random import Random

FIRST, FIRST_OF_MANY, MANY = 200, 1_000, 50_000
"""How many that bits find are compared by their bytes; of `MANY` vectors more are, because bits tell less of them."""
SIGMAS = 3.0
_PAIRS = 1_000


@dataclass(frozen=True, slots=True)
class SmallVector:
    """A vector as it is stored."""

    bits: bytes
    """One bit for each dimension: whether it is above zero."""
    scaled: bytes
    """A signed byte for each dimension; the largest value of the vector is 127."""


def small(vector: Sequence[float]) -> SmallVector:
    """A vector as it is stored. Raises ValueError for one with values that are no numbers, or only zeros."""
    largest = max((abs(value) for value in vector), default=0.0)
    if not math.isfinite(math.fsum(map(abs, vector))) or not largest:
        raise ValueError("the vector has values that are no numbers, or only zeros")
    number = int("".join("1" if value > 0 else "0" for value in vector), 2)
    scaled = array("b", [round(value / largest * 127) for value in vector])
    return SmallVector(number.to_bytes((len(vector) + 7) // 8), scaled.tobytes())


def nearest_by_bits(asked: SmallVector, stored: Sequence[tuple[int, int]]) -> list[int]:
    """The keys of those whose bits, as integers, differ least from the question's."""
    number, most = int.from_bytes(asked.bits), FIRST_OF_MANY if len(stored) >= MANY else FIRST
    return [key for _, key in sorted([((number ^ bits).bit_count(), key) for key, bits in stored])[:most]]


def nearest_by_bytes(asked: SmallVector, stored: Iterable[tuple[int, bytes]]) -> list[tuple[int, float]]:
    """The keys with their cosines, the nearest first. Vectors of another length are left out."""
    found = [(key, cosine(asked.scaled, scaled)) for key, scaled in stored if len(scaled) == len(asked.scaled)]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def cosine(one: bytes, other: bytes) -> float:
    """Of two vectors in bytes; 0 for one that has only zeros."""
    a, b = array("b", one), array("b", other)
    length = math.sqrt(sum(map(mul, a, a)) * sum(map(mul, b, b)))
    return sum(map(mul, a, b)) / length if length else 0.0


def least_cosine(stored: Sequence[bytes], seed: int = 1) -> float:
    """From which cosine on two texts have to do with each other: mean and three deviations of random pairs.

    Cosines of two models cannot be compared, so each model is measured on the notes themselves. 1 for fewer than three.
    """
    if len(stored) < 3:
        return 1.0
    chance = Random(seed)
    found = [cosine(*chance.sample(stored, 2)) for _ in range(_PAIRS)]
    mean = math.fsum(found) / len(found)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in found) / len(found))
    return min(1.0, mean + SIGMAS * deviation)


def joined_ranks(*rankings: Iterable[int], constant: int = 60) -> dict[int, float]:
    """Reciprocal rank fusion: what stands high in several lists comes first."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + 1 / (constant + rank)
    return scores
