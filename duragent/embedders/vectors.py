"""What goes in and what comes out of an embedder, checked. Pure.

The law: a batch is whole or refused. A vector that is wrong in one place spoils every comparison with it, silently.
"""

import math
from array import array
from collections.abc import Sequence

from duragent.embedders.base import MAX_TEXT_BYTES, MAX_TEXTS, Vector
from duragent.errors import EmbeddingRefused

MAX_DIMENSIONS = 65_536


def check_texts(label: str, texts: Sequence[str]) -> None:
    """Raises EmbeddingRefused for what no embedder takes."""
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise EmbeddingRefused(f"{label}: {len(texts)} texts at once; 1 to {MAX_TEXTS} are taken")
    for number, text in enumerate(texts, 1):
        size = len(text.encode("utf-8", "surrogatepass"))
        if not text.strip():
            raise EmbeddingRefused(f"{label}: text {number} is blank", text_is_at_fault=True)
        if size > MAX_TEXT_BYTES:
            sentence = f"{label}: text {number} has {size} bytes; {MAX_TEXT_BYTES} at most are taken"
            raise EmbeddingRefused(sentence, text_is_at_fault=True)


def checked_vectors(label: str, found: object, count: int, dimensions: int | None) -> list[Vector]:
    """The vectors, when they are `count` lists of numbers of this length; None: of any one length.

    Raises EmbeddingRefused.
    """
    if not isinstance(found, list) or len(found) != count:
        came = len(found) if isinstance(found, list) else "no"
        raise EmbeddingRefused(f"{label}: {came} vectors came for {count} texts")
    vectors = [_vector(label, number, values) for number, values in enumerate(found, 1)]
    wanted = dimensions or len(vectors[0])
    for number, vector in enumerate(vectors, 1):
        if len(vector) != wanted:
            raise EmbeddingRefused(f"{label}: vector {number} has {len(vector)} dimensions in place of {wanted}")
    return vectors


def _vector(label: str, number: int, values: object) -> Vector:
    if not isinstance(values, (list, array)) or not 0 < len(values) <= MAX_DIMENSIONS:
        raise EmbeddingRefused(f"{label}: vector {number} is no list of numbers")
    try:
        vector = Vector("f", values)
    except (TypeError, ValueError, OverflowError):
        raise EmbeddingRefused(f"{label}: vector {number} has something in it that is no number") from None
    if not all(map(math.isfinite, vector)):
        raise EmbeddingRefused(f"{label}: vector {number} has a NaN or an infinity in it")
    return vector
