"""Embeddings of providers that only litellm knows. It is loaded at the first use, in the thread where it lives."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from duragent.embedders.base import TIMEOUT_SECONDS, EmbeddedAs, EmbedderChoice, Vector
from duragent.embedders.vectors import check_texts, checked_vectors
from duragent.errors import BadModelRequest, EmbedderUnavailable, EmbeddingRefused, ModelNotConfigured
from duragent.models.base import ModelChoice
from duragent.models.litellm.errors import model_error
from duragent.models.litellm.thread import shared
from duragent.models.providers import find_key
from duragent.text import without_surrogates


class LitellmEmbedder:
    """By the promises of `embedders.base`, less two: the first `embed` also waits for the import of litellm, and the
    library of a provider may make more than one attempt within the time.
    """

    def __init__(self, choice: EmbedderChoice, environ: Mapping[str, str]) -> None:
        self._choice, self._environ = choice, environ
        self._as_model = ModelChoice(choice.provider, choice.name, choice.base_url)
        self._length = choice.dimensions

    @property
    def label(self) -> str:
        return self._choice.label

    async def embed(self, texts: Sequence[str], kind: EmbeddedAs) -> list[Vector]:
        check_texts(self.label, texts)
        key = self._key()
        arguments = self._arguments([without_surrogates(text) for text in texts], key)
        try:
            await shared.loaded()
            async with asyncio.timeout(TIMEOUT_SECONDS):
                found = await shared.call(lambda litellm: _ask(litellm, arguments))
        except TimeoutError:
            raise EmbedderUnavailable(f"{self.label}: no answer within {TIMEOUT_SECONDS:g} s") from None
        except ImportError as error:
            raise EmbedderUnavailable(f"litellm cannot be loaded: {error}") from error
        except Exception as error:
            told = model_error(error, self._as_model, key)
            if isinstance(told, BadModelRequest):
                raise EmbeddingRefused(str(told), text_is_at_fault=True) from None
            raise EmbedderUnavailable(str(told), getattr(told, "retry_after_seconds", None)) from None
        vectors = checked_vectors(self.label, found, len(texts), self._length)
        self._length = len(vectors[0])
        return vectors

    def _key(self) -> str | None:
        try:
            return find_key(self._as_model, self._environ)
        except ModelNotConfigured as error:
            raise EmbedderUnavailable(str(error)) from None

    def _arguments(self, texts: Sequence[str], key: str | None) -> dict[str, Any]:
        choice = self._choice
        optional = {"api_key": key, "api_base": choice.base_url, "dimensions": choice.dimensions}
        given = {name: value for name, value in optional.items() if value is not None}
        return {
            "model": f"{choice.provider}/{choice.name}",
            "input": [*texts],
            "timeout": TIMEOUT_SECONDS,
            "num_retries": 0,
            "max_retries": 0,
            **given,
        }


async def _ask(litellm: Any, arguments: Mapping[str, Any]) -> object:
    """In the thread: the vectors in the order of the texts, not checked yet."""
    answer = await litellm.aembedding(**arguments)
    data = sorted(answer.data, key=lambda each: each["index"])
    return [each["embedding"] for each in data]
