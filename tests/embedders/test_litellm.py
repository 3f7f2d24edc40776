"""Embeddings through litellm, in its thread, against the stub."""

import asyncio

import pytest

from duragent.embedders.base import EmbedderChoice
from duragent.embedders.litellm import LitellmEmbedder
from duragent.errors import EmbedderUnavailable, EmbeddingRefused
from duragent.testing import check_embedder
from duragent.testing.stub_llm import Failure, StubLlm, VectorAnswer
from tests.support.bounds import LIMIT_SECONDS


async def test_its_promises_hold_and_its_faults_are_ours() -> None:
    with StubLlm() as stub:
        choice = EmbedderChoice("openai", "text-embedding-3-small", stub.openai_url)
        embedder = LitellmEmbedder(choice, {"OPENAI_API_KEY": "sk-very-secret"})
        async with asyncio.timeout(LIMIT_SECONDS):
            await check_embedder(embedder)
            stub.script_vectors(VectorAnswer(dimensions=8), Failure(400, "too long"))
            with pytest.raises(EmbeddingRefused, match="8 dimensions in place of 64"):
                await embedder.embed(["one"], "note")
            with pytest.raises(EmbeddingRefused, match="too long"):
                await embedder.embed(["one"], "note")
            stub.script_vectors(*[Failure(503, "sk-very-secret")] * 8)
            with pytest.raises(EmbedderUnavailable) as caught:
                await embedder.embed(["one"], "note")
    assert "sk-very-secret" not in str(caught.value)
