"""An index with an embedder: the outbox catches up whatever the provider does, and questions wait only a moment."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from duragent.agent.memory_spec import EmbeddingSpec
from duragent.embedders.base import EmbeddedAs, Vector
from duragent.embedders.breaker import Guarded
from duragent.embedders.choose import EmbedderChooser
from duragent.errors import EmbeddingRefused
from duragent.memory.base import OWNER
from duragent.memory.embedded import EmbeddedQuestions, IndexedTexts
from duragent.memory.index import MemoryIndex
from duragent.memory.languages import language
from duragent.memory.outbox import Computed, Outbox
from duragent.testing import FakeClock
from duragent.testing.stub_llm import Failure, Silence, StubLlm, VectorAnswer
from tests.memory.indexed import Places, noted
from tests.memory.test_outbox import Purse
from tests.support.bounds import LIMIT_SECONDS

NOTES = [noted("units", "The user prefers metric units."), noted("tea", "Tea is at four.")]
MANY = [noted(f"n{at}", f"Entry {at} is about number {at * at}.") for at in range(80)]


@pytest.fixture
def stub() -> Iterator[StubLlm]:
    with StubLlm() as running:
        yield running


@pytest.fixture
def index(tmp_path: Path) -> MemoryIndex:
    made = MemoryIndex(tmp_path / "index.sqlite", language("en"))
    made.update([Places(day=NOTES, other=MANY)])
    return made


@asynccontextmanager
async def embedder_at(stub: StubLlm, clock: FakeClock, model: str = "small") -> AsyncIterator[Guarded]:
    chooser = EmbedderChooser(clock, {})
    async with asyncio.timeout(LIMIT_SECONDS):
        yield chooser.embedder_for(EmbeddingSpec(provider="ollama", model=model, base_url=stub.ollama_url))
        await chooser.close()


@pytest.mark.parametrize(
    "faults",
    [
        [Failure(503, "down")],
        [Failure(429, "slow down", {"retry-after": "20"})],
        [VectorAnswer(), VectorAnswer(dimensions=8)],
        [VectorAnswer(fault="nan")],
        [VectorAnswer(cut=True)],
    ],
    ids=["down", "429", "other dimension", "nan", "cut"],
)
async def test_outbox_catches_up_when_the_provider_is_well_again(
    stub: StubLlm, index: MemoryIndex, faults: list[VectorAnswer | Failure]
) -> None:
    clock = FakeClock()
    stub.script_vectors(*faults)
    async with embedder_at(stub, clock) as embedder:
        outbox = Outbox(embedder, IndexedTexts(lambda: index), Purse())
        assert (await outbox.run()).why_stopped
        await clock.advance(60)
        assert (await outbox.run()).why_stopped == ""
        assert index.without_vectors(embedder.label, 99) == []
        asked = len(stub.vector_requests)
        assert await outbox.run() == Computed(0)
        assert len(stub.vector_requests) == asked


async def test_note_is_found_by_the_vector_of_a_question(stub: StubLlm, index: MemoryIndex) -> None:
    async with embedder_at(stub, FakeClock()) as embedder:
        await Outbox(embedder, IndexedTexts(lambda: index), Purse()).run()
        questions = EmbeddedQuestions(embedder, LIMIT_SECONDS)
        vector = await questions.of_question("the user prefers metric units")
        assert vector is not None
        found = index.search("zzz", [OWNER], meaning=(questions.label, vector))
        assert found.hits[0].note.text == NOTES[0].text
        asked = len(stub.vector_requests)
        assert await questions.of_question("the user prefers metric units") == vector
        assert len(stub.vector_requests) == asked


async def test_question_does_not_wait_for_a_slow_provider_and_has_its_vector_later(stub: StubLlm) -> None:
    stub.script_vectors(VectorAnswer(delay_seconds=0.3))
    async with embedder_at(stub, FakeClock()) as embedder:
        questions = EmbeddedQuestions(embedder, 0.01)
        assert await questions.of_question("hello") is None
        while await questions.of_question("hello") is None:
            pass
        assert len(stub.vector_requests) == 1


async def test_question_without_a_vector_is_no_fault(stub: StubLlm) -> None:
    stub.script_vectors(Failure(500, "oh no"), Silence())
    async with embedder_at(stub, FakeClock()) as embedder:
        questions = EmbeddedQuestions(embedder, 0.2)
        assert await questions.of_question("hello") is None
        assert await questions.of_question("hello") is None
        assert await questions.of_question(" ") is None
        await questions.close()


async def test_one_text_that_is_refused_keeps_no_vectors_of_an_earlier_model(stub: StubLlm, index: MemoryIndex) -> None:
    async with embedder_at(stub, FakeClock(), "old") as old:
        await Outbox(old, IndexedTexts(lambda: index), Purse()).run()
        assert index.without_vectors(old.label, 99) == []
    async with embedder_at(stub, FakeClock(), "new") as new:
        await Outbox(RefusingOne(new, NOTES[1].text), IndexedTexts(lambda: index), Purse()).run()
        assert [text for _, text in index.without_vectors(new.label, 99)] == [NOTES[1].text]
        assert len(index.without_vectors(old.label, 99)) == len(NOTES) + len(MANY)


class RefusingOne:
    """An embedder that does not take one text."""

    def __init__(self, embedder: Guarded, refused: str) -> None:
        self.label, self._embedder, self._refused = embedder.label, embedder, refused

    async def embed(self, texts: Sequence[str], kind: EmbeddedAs) -> list[Vector]:
        if self._refused in texts:
            raise EmbeddingRefused("too long", text_is_at_fault=True)
        return await self._embedder.embed(texts, kind)
