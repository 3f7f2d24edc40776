"""An embedder that fails again and again is left alone, for longer and longer, and its end is noticed."""

from array import array
from collections.abc import Sequence

import pytest

from duragent.embedders.base import EmbeddedAs, Vector
from duragent.embedders.breaker import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, MOST_FAILURES, Guarded
from duragent.errors import EmbedderUnavailable, EmbeddingRefused
from duragent.testing import FakeClock


class Wayward:
    """An embedder that does what its list says: raise, or answer where the list is over."""

    label = "test/model"

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.asked = list(errors), 0

    async def embed(self, texts: Sequence[str], kind: EmbeddedAs) -> list[Vector]:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return [array("f", [1.0]) for _ in texts]


DOWN = EmbedderUnavailable("it is down")
BAD_TEXT = EmbeddingRefused("too long", text_is_at_fault=True)


async def fail(embedder: Guarded, *texts: str) -> str:
    with pytest.raises((EmbedderUnavailable, EmbeddingRefused)) as caught:
        await embedder.embed(texts or ("a", "b"), "note")
    return str(caught.value)


async def test_it_is_left_alone_after_three_failures_and_asked_again_later() -> None:
    clock, inner = FakeClock(), Wayward(*[DOWN] * 5)
    embedder = Guarded(inner, clock)
    for _ in range(MOST_FAILURES):
        assert embedder.trouble == ""
        await fail(embedder)
    assert "asked again in 30 s: it is down" in await fail(embedder)
    assert inner.asked == MOST_FAILURES
    await clock.advance(FIRST_PAUSE_SECONDS)
    assert await fail(embedder) == "it is down"
    await clock.advance(FIRST_PAUSE_SECONDS)
    assert "asked again in 30 s" in await fail(embedder)
    await clock.advance(FIRST_PAUSE_SECONDS)
    await fail(embedder)
    await clock.advance(4 * FIRST_PAUSE_SECONDS)
    assert len(await embedder.embed(["a"], "query")) == 1
    assert embedder.trouble == ""
    # It begins to count anew.
    inner.errors.append(DOWN)
    assert await fail(embedder) == "it is down"
    assert embedder.trouble == ""


async def test_pause_has_an_end() -> None:
    clock = FakeClock()
    embedder = Guarded(Wayward(*[DOWN] * 40), clock)
    for _ in range(40):
        await fail(embedder)
        await clock.advance(LONGEST_PAUSE_SECONDS)
    assert len(await embedder.embed(["a"], "note")) == 1


async def test_provider_that_names_a_pause_gets_it() -> None:
    inner = Wayward(EmbedderUnavailable("slow down", 7.0))
    embedder = Guarded(inner, FakeClock())
    await fail(embedder)
    assert "asked again in 7 s" in await fail(embedder)
    assert inner.asked == 1


async def test_text_that_is_refused_is_no_failure_of_the_embedder_unless_it_is_alone() -> None:
    embedder = Guarded(Wayward(*[BAD_TEXT] * 20), FakeClock())
    for _ in range(MOST_FAILURES + 1):
        assert await fail(embedder, "a", "b") == "too long"
    for _ in range(MOST_FAILURES):
        assert await fail(embedder, "a") == "too long"
    assert "asked again" in await fail(embedder, "a")


async def test_foreign_error_is_one_of_ours_without_its_words() -> None:
    said = await fail(Guarded(Wayward(RuntimeError("the key sk-1 and the text")), FakeClock()))
    assert said == "test/model: failed in an unexpected way (RuntimeError)"
