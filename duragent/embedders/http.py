"""Embeddings over HTTP: every provider and server that speaks OpenAI's protocol, and Ollama in its own.

Connections, keys and the words of faults are those of models that are asked directly. Keys come from `environ`, read
at each request.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from duragent.embedders.address import Resolve, check_destination, resolve_by_system
from duragent.embedders.base import TIMEOUT_SECONDS, EmbeddedAs, EmbedderChoice, Vector
from duragent.embedders.protocols import EmbeddingAnswer, EmbeddingProtocol, prefixed
from duragent.embedders.vectors import check_texts, checked_vectors
from duragent.errors import EmbedderError, EmbedderUnavailable, EmbeddingRefused, ModelError, ModelNotConfigured
from duragent.http.library import httpx
from duragent.models.base import ModelChoice
from duragent.models.direct.connections import ProviderConnections
from duragent.models.direct.faults import refused, unreached_or_broken
from duragent.models.providers import find_key
from duragent.text import without_surrogates

MAX_ANSWER_BYTES = 64 << 20
_MAX_REFUSAL_BYTES = 64 << 10
_OF_THE_TEXT = (400, 413, 422)
"""Statuses that may be about one of the texts: the others may pass."""

_NO_KEY = "none"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an embedder asks."""

    url: str
    """The address of the API."""
    is_providers_own: bool
    """Neither the agent nor the environment names another one, so it is not checked."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts that need no check."""


class HttpEmbedder:
    """By the promises of `embedders.base`."""

    def __init__(
        self,
        choice: EmbedderChoice,
        protocol: EmbeddingProtocol,
        destination: Destination,
        environ: Mapping[str, str],
        connections: ProviderConnections,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._choice, self._protocol, self._to = choice, protocol, destination
        self._environ, self._connections, self._timeout_seconds = environ, connections, timeout_seconds
        self._as_model = ModelChoice(choice.provider, choice.name, choice.base_url)
        self._length = choice.dimensions
        self.resolve: Resolve = resolve_by_system
        """From a host's name to its addresses."""

    @property
    def label(self) -> str:
        return self._choice.label

    async def embed(self, texts: Sequence[str], kind: EmbeddedAs) -> list[Vector]:
        check_texts(self.label, texts)
        sent = [without_surrogates(text) for text in prefixed(self._choice.name, texts, kind)]
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await self._answer(sent)
                # Megabytes of numbers would hold up every session.
                vectors = await asyncio.to_thread(self._vectors, answer, len(texts))
        except TimeoutError:
            raise EmbedderUnavailable(f"{self.label}: no answer within {self._timeout_seconds:g} s") from None
        self._length = len(vectors[0])
        return vectors

    async def _answer(self, texts: Sequence[str]) -> bytes:
        key = self._key()
        if not self._to.is_providers_own:
            await check_destination(self.label, self._to.url, self._to.allow_hosts, self.resolve)
        headers = {"Content-Type": "application/json", "User-Agent": "duragent"}
        if key != _NO_KEY:
            headers["Authorization"] = f"Bearer {key}"
        content = json.dumps(self._protocol.body(self._choice, texts), ensure_ascii=False).encode()
        try:
            pool = self._connections.of(self._to.url, key)
            url = self._to.url + self._protocol.path
            async with pool.stream("POST", url, content=content, headers=headers) as response:
                if response.status_code != httpx.codes.OK:
                    body = await _read(response, _MAX_REFUSAL_BYTES)
                    raise self._refusal(refused(self._as_model, key, response, body), response.status_code)
                body = await _read(response, MAX_ANSWER_BYTES)
        except httpx.InvalidURL:
            raise EmbedderUnavailable(f"{self.label}: its base_url is no address") from None
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise _as_ours(unreached_or_broken(self._as_model, key, error)) from None
        if len(body) >= MAX_ANSWER_BYTES:
            raise EmbeddingRefused(f"{self.label}: an answer of more than {MAX_ANSWER_BYTES} bytes")
        return body

    def _key(self) -> str:
        try:
            key = find_key(self._as_model, self._environ) or _NO_KEY
        except ModelNotConfigured as error:
            raise EmbedderUnavailable(str(error)) from None
        if not (key.isascii() and key.isprintable()):
            raise EmbedderUnavailable(f"{self.label}: its key has characters that no key has; copy it again")
        return key

    def _refusal(self, error: ModelError, status: int) -> EmbedderError:
        if status in _OF_THE_TEXT:
            return EmbeddingRefused(str(error), text_is_at_fault=True)
        return _as_ours(error)

    def _vectors(self, body: bytes, count: int) -> list[Vector]:
        try:
            answer: EmbeddingAnswer = self._protocol.read(body)
        except ValueError as error:
            raise EmbeddingRefused(f"{self.label}: the answer is none: {error}") from None
        return checked_vectors(self.label, answer.vectors, count, self._length)


def _as_ours(error: ModelError) -> EmbedderUnavailable:
    return EmbedderUnavailable(str(error), getattr(error, "retry_after_seconds", None))


async def _read(response: httpx.Response, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= most:
            break
    return bytes(body[:most])
