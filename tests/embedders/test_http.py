"""Embeddings over real HTTP: both protocols of the stub, and each way in which they can fail."""

import asyncio
import json
from array import array
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from duragent.agent.memory_spec import EmbeddingSpec
from duragent.embedders.base import MAX_TEXT_BYTES, MAX_TEXTS
from duragent.embedders.breaker import Guarded
from duragent.embedders.choose import EmbedderChooser
from duragent.errors import EmbedderError, EmbedderUnavailable, EmbeddingRefused
from duragent.testing import FakeClock, check_embedder
from duragent.testing.stub_llm import Failure, Silence, StubLlm
from duragent.testing.stub_vectors import VectorAnswer, vector_of
from tests.support.bounds import LIMIT_SECONDS

KEY = "sk-very-secret"


@pytest.fixture
def stub() -> Iterator[StubLlm]:
    with StubLlm() as running:
        yield running


@asynccontextmanager
async def embedder_at(
    stub: StubLlm, provider: str, dimensions: int | None = None, seconds: float = LIMIT_SECONDS
) -> AsyncIterator[Guarded]:
    url = stub.ollama_url if provider == "ollama" else stub.openai_url
    chooser = EmbedderChooser(FakeClock(), {"OPENAI_API_KEY": KEY}, timeout_seconds=seconds)
    spec = EmbeddingSpec(provider=provider, model="small", base_url=url, dimensions=dimensions)
    async with asyncio.timeout(LIMIT_SECONDS):
        yield chooser.embedder_for(spec)
        await chooser.close()


@pytest.mark.parametrize("provider", ["openai", "ollama", "mistral", "whatever"])
async def test_every_promise_holds_over_http(stub: StubLlm, provider: str) -> None:
    async with embedder_at(stub, provider) as embedder:
        await check_embedder(embedder)


@pytest.mark.parametrize(("provider", "path"), [("openai", "/v1/embeddings"), ("ollama", "/api/embed")])
async def test_request_is_what_the_provider_wants(stub: StubLlm, provider: str, path: str) -> None:
    async with embedder_at(stub, provider, 16) as embedder:
        assert await embedder.embed(["one", "two \ud800"], "note") == [
            array("f", vector_of("one", 16)),
            array("f", vector_of("two \ufffd", 16)),
        ]
        assert embedder.label == f"{provider}/small@16"
    [asked] = stub.vector_requests
    assert (asked.path, asked.body["model"], asked.body["dimensions"]) == (path, "small", 16)
    assert asked.headers.get("authorization") == (f"Bearer {KEY}" if provider == "openai" else None)


async def test_vectors_are_those_of_their_texts_in_whatever_order_they_come(stub: StubLlm) -> None:
    stub.script_vectors(VectorAnswer(fault="order"))
    async with embedder_at(stub, "openai") as embedder:
        assert await embedder.embed(["one", "two"], "note") == [array("f", vector_of(text)) for text in ("one", "two")]


@pytest.mark.parametrize("provider", ["openai", "ollama"])
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (VectorAnswer(fault="nan"), "vector 2 has a NaN"),
        (VectorAnswer(fault="inf"), "vector 2 has a NaN or an infinity"),
        (VectorAnswer(fault="text"), "vector 2 has something in it that is no number"),
        (VectorAnswer(fault="missing"), "1 vectors came for 2 texts"),
        (VectorAnswer(fault="other_length"), "vector 2 has 15 dimensions in place of 16"),
        (VectorAnswer(dimensions=8), "vector 1 has 8 dimensions in place of 16"),
        (VectorAnswer(fault="no_json"), "the answer is none"),
    ],
    ids=lambda value: value.fault if isinstance(value, VectorAnswer) else "",
)
async def test_batch_with_a_fault_is_refused_whole(
    stub: StubLlm, provider: str, answer: VectorAnswer, sentence: str
) -> None:
    stub.script_vectors(answer)
    async with embedder_at(stub, provider, 16) as embedder:
        with pytest.raises(EmbeddingRefused, match=sentence):
            await embedder.embed(["one", "two"], "note")
        assert len(await embedder.embed(["one", "two"], "note")) == 2


async def test_model_that_changes_its_dimension_is_refused(stub: StubLlm) -> None:
    stub.script_vectors(VectorAnswer(), VectorAnswer(dimensions=32))
    async with embedder_at(stub, "ollama") as embedder:
        await embedder.embed(["one"], "note")
        with pytest.raises(EmbeddingRefused, match="32 dimensions in place of 64"):
            await embedder.embed(["one"], "note")


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (Failure(429, "slow down", {"retry-after": "7"}), EmbedderUnavailable, "slow down"),
        (Failure(500, "oh no"), EmbedderUnavailable, "oh no"),
        (Failure(401, f"wrong key {KEY}"), EmbedderUnavailable, "wrong key \u2026"),
        (Failure(400, "the input is too long"), EmbeddingRefused, "too long"),
        (Failure(302, headers={"location": "http://169.254.169.254/"}), EmbedderError, "redirected"),
        (VectorAnswer(cut=True), EmbedderUnavailable, "the connection broke"),
    ],
    ids=["429", "500", "401", "400", "302", "cut"],
)
async def test_what_fails_is_one_sentence_without_the_key(
    stub: StubLlm, answer: Failure | VectorAnswer, kind: type[EmbedderError], sentence: str
) -> None:
    stub.script_vectors(answer)
    async with embedder_at(stub, "openai") as embedder:
        with pytest.raises(kind, match=sentence) as caught:
            await embedder.embed(["a secret note"], "note")
    said = str(caught.value)
    assert KEY not in said
    assert "secret note" not in said
    assert "\n" not in said


async def test_server_that_is_down_is_said_to_be(stub: StubLlm) -> None:
    async with embedder_at(stub, "ollama") as embedder:
        stub.__exit__(None, None, None)
        with pytest.raises(EmbedderUnavailable, match="cannot reach Ollama"):
            await embedder.embed(["one"], "note")


async def test_silent_server_is_given_up(stub: StubLlm) -> None:
    stub.script_vectors(Silence())
    async with embedder_at(stub, "openai", seconds=0.1) as embedder:
        with pytest.raises(EmbedderUnavailable, match=r"no answer within 0\.1 s"):
            await embedder.embed(["one"], "note")


@pytest.mark.parametrize("texts", [[], ["x"] * (MAX_TEXTS + 1), ["x" * (MAX_TEXT_BYTES + 1)], ["one", "\n"]])
async def test_what_no_embedder_takes_is_not_sent(stub: StubLlm, texts: list[str]) -> None:
    async with embedder_at(stub, "openai") as embedder:
        with pytest.raises(EmbeddingRefused):
            await embedder.embed(texts, "note")
    assert stub.vector_requests == []


async def test_missing_key_is_told_with_what_to_do() -> None:
    embedder = EmbedderChooser(FakeClock(), {}).embedder_for(EmbeddingSpec(provider="openai", model="small"))
    with pytest.raises(EmbedderUnavailable, match="duragent keys set openai"):
        await embedder.embed(["one"], "note")


async def test_the_largest_batch_fits(stub: StubLlm) -> None:
    async with embedder_at(stub, "ollama", 2048) as embedder:
        vectors = await embedder.embed(["x" * MAX_TEXT_BYTES] * MAX_TEXTS, "note")
        assert (len(vectors), len(vectors[0])) == (MAX_TEXTS, 2048)
    assert len(json.dumps(stub.vector_requests[0].body)) > MAX_TEXTS * MAX_TEXT_BYTES
