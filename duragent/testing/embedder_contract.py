"""The promises of `embedders.base`, checked on any embedder: `await check_embedder(embedder)`.

It asks the embedder three times, with short texts in several scripts.
"""

import math
from array import array

from duragent.embedders.base import MAX_TEXT_BYTES, MAX_TEXTS, Embedder, Vector
from duragent.errors import EmbedderError

_TEXTS = (
    "The user prefers metric units.",
    "Metric units are what the user prefers.",
    "\u0420\u0435\u0437\u0435\u0440\u0432\u043d\u0430\u044f \u043a\u043e\u043f\u0438\u044f \U0001f600",
)


async def check_embedder(embedder: Embedder) -> None:
    """Raises AssertionError that names the promise which does not hold."""
    assert embedder.label, "an embedder has a label"
    label = embedder.label
    notes = await embedder.embed(_TEXTS, "note")
    _check_vectors(notes, len(_TEXTS))
    [query] = await embedder.embed(_TEXTS[:1], "query")
    _check_vectors([query], 1)
    assert len(query) == len(notes[0]), "a query and a note have vectors of one length"
    again = await embedder.embed(tuple(reversed(_TEXTS)), "note")
    nearest = [max(range(len(notes)), key=lambda at, vector=vector: _cosine(vector, notes[at])) for vector in again]  # type: ignore[misc]  # the default binds the loop's value
    assert nearest == [2, 1, 0], "vectors come in the order of their texts, and the same text gets nearly the same"
    assert embedder.label == label, "the label stays as it is"
    for texts, what in (
        ((), "no text"),
        (("x",) * (MAX_TEXTS + 1), "too many texts"),
        (("x" * (MAX_TEXT_BYTES + 1),), "a text that is too long"),
        ((" ",), "a blank text"),
    ):
        try:
            await embedder.embed(texts, "note")
        except EmbedderError:
            continue
        raise AssertionError(f"{what} is refused with an EmbedderError")


def _check_vectors(vectors: list[Vector], count: int) -> None:
    assert len(vectors) == count, "there is one vector for each text"
    for vector in vectors:
        assert isinstance(vector, array), "a vector is an array"
        assert vector.typecode == "f", "a vector has 32-bit floats"
        assert len(vector) == len(vectors[0]) > 0, "all vectors have one length"
        assert all(map(math.isfinite, vector)), "no vector has a NaN or an infinity"


def _cosine(one: Vector, other: Vector) -> float:
    lengths = math.sqrt(sum(x * x for x in one)) * math.sqrt(sum(y * y for y in other))
    return sum(x * y for x, y in zip(one, other, strict=True)) / lengths if lengths else 0.0
