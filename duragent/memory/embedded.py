"""Meaning for an index: its texts without a vector for the outbox, and the vectors of questions, soon or not at all.

The law: a question waits for an embedder only a moment. Without a vector it is searched for by its words.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from duragent.embedders.base import MAX_TEXT_BYTES, Embedder, Vector
from duragent.errors import EmbedderError
from duragent.memory.bits import small
from duragent.memory.index import MemoryIndex, SearchTooLate
from duragent.memory.outbox import TextWithoutVector

QUESTION_SECONDS = 0.2
"""How long a question waits for its vector."""

MAX_QUESTIONS = 256
"""Vectors of questions that are remembered."""


class IndexedTexts:
    """The `VectorTable` of an index. `index` is called in a thread."""

    def __init__(self, index: Callable[[], MemoryIndex]) -> None:
        self._index = index

    async def without_vector(self, label: str, limit: int, skipped: frozenset[str]) -> Sequence[TextWithoutVector]:
        """None while there is no index."""
        return await asyncio.to_thread(self._missing, label, limit, skipped)

    async def keep(self, label: str, vectors: Mapping[str, Vector]) -> None:
        if vectors:
            await asyncio.to_thread(self._keep, label, vectors)

    async def drop_other_labels(self, label: str) -> None:
        await asyncio.to_thread(self._drop, label)

    def _missing(self, label: str, limit: int, skipped: frozenset[str]) -> list[TextWithoutVector]:
        try:
            rows = self._index().without_vectors(label, limit + len(skipped))
        except SearchTooLate:
            return []
        texts = [TextWithoutVector(sha.hex(), text) for sha, text in rows]
        return [each for each in texts if each.key not in skipped][:limit]

    def _drop(self, label: str) -> None:
        with suppress(SearchTooLate):
            self._index().drop_other_vectors(label)

    def _keep(self, label: str, vectors: Mapping[str, Vector]) -> None:
        self._index().add_vectors(label, {bytes.fromhex(key): small(vector) for key, vector in vectors.items()})


class EmbeddedQuestions:
    """The `QuestionVectors` of an embedder."""

    def __init__(self, embedder: Embedder, seconds: float = QUESTION_SECONDS) -> None:
        self._embedder, self._seconds = embedder, seconds
        self.label = embedder.label
        self._known: OrderedDict[bytes, Vector] = OrderedDict()
        self._running: dict[bytes, asyncio.Task[None]] = {}

    async def of_question(self, text: str) -> Vector | None:
        """Its vector; None when it does not come in time. It is not given up then: the next question may have it."""
        cut = text.encode("utf-8", "replace")[:MAX_TEXT_BYTES].decode("utf-8", "ignore")
        if not cut.strip():
            return None
        key = hashlib.sha256(cut.encode()).digest()
        if key not in self._known:
            task = self._running.get(key)
            if task is None:
                task = self._running[key] = asyncio.create_task(self._ask(key, cut))
            await asyncio.wait({task}, timeout=self._seconds)
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in (running := list(self._running.values())):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _ask(self, key: bytes, text: str) -> None:
        try:
            [self._known[key]] = await self._embedder.embed([text], "query")
            while len(self._known) > MAX_QUESTIONS:
                self._known.popitem(last=False)
        except EmbedderError:
            # Its breaker keeps the reason, which `doctor` shows; words find notes without it.
            pass
        finally:
            del self._running[key]
