"""Vectors that are missing, computed batch by batch: an outbox without a queue.

Before each batch the table says which texts have no vector of the current label. So nothing is lost or done twice after
a crash, another model begins from the beginning by itself, and no turn waits for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from duragent.embedders.base import MAX_TEXTS, Embedder, Vector
from duragent.errors import EmbedderError, EmbeddingRefused

_BYTES_PER_TOKEN = 3
"""Of texts in most languages less than there really are, so that an estimate is rather too high."""


@dataclass(frozen=True, slots=True)
class TextWithoutVector:
    """A text that is to be found by its meaning."""

    key: str
    """By which its vector is kept."""
    text: str
    """At most `embedders.base.MAX_TEXT_BYTES` bytes."""


class VectorTable(Protocol):
    """Where vectors are kept."""

    async def without_vector(self, label: str, limit: int, skipped: frozenset[str]) -> Sequence[TextWithoutVector]:
        """Texts that have no vector of this label; none of the skipped keys."""
        ...

    async def keep(self, label: str, vectors: Mapping[str, Vector]) -> None:
        """Keep them, by key; those whose text is gone meanwhile are left out."""
        ...

    async def drop_other_labels(self, label: str) -> None:
        """Every text has its vector of this label: those of earlier models are of no use."""
        ...


class EmbeddingBudget(Protocol):
    """What work in the background may use in a day."""

    async def begin(self, estimate_tokens: int) -> str | None:
        """Record the intent, and give its id; None when there is no room for it today."""
        ...

    async def end(self, job: str, outcome: str, tokens: int) -> None:
        """Record how it ended: `done`, `failed`."""
        ...


@dataclass(frozen=True, slots=True)
class Computed:
    """What one run of the outbox did."""

    vectors: int
    """How many were kept."""
    refused: int = 0
    """How many texts the embedder does not take, since the start."""
    why_stopped: str = ""
    """`budget`, or the sentence of an error; "" when nothing is left to do."""


class Outbox:
    """The missing vectors of one agent. Texts that the embedder refuses are left out until the next start."""

    def __init__(self, embedder: Embedder, table: VectorTable, budget: EmbeddingBudget) -> None:
        self._embedder, self._table, self._budget = embedder, table, budget
        self._refused: set[str] = set()

    async def run(self) -> Computed:
        """Compute until nothing is missing, the day's budget is used, or the embedder fails."""
        label, kept = self._embedder.label, set[str]()
        while batch := await self._table.without_vector(label, MAX_TEXTS, frozenset(self._refused | kept)):
            tokens = sum(len(each.text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN + 1 for each in batch)
            job = await self._budget.begin(tokens)
            if job is None:
                return Computed(len(kept), len(self._refused), "budget")
            vectors: dict[str, Vector] = {}
            try:
                await self._embed(batch, vectors)
            except EmbedderError as error:
                await self._budget.end(job, "failed", tokens)
                return Computed(len(kept), len(self._refused), str(error))
            finally:
                # What was computed is paid for, also when the rest fails.
                await self._table.keep(label, vectors)
                kept |= vectors.keys()
            await self._budget.end(job, "done", tokens)
        await self._table.drop_other_labels(label)
        return Computed(len(kept), len(self._refused))

    async def _embed(self, batch: Sequence[TextWithoutVector], into: dict[str, Vector]) -> None:
        """The vectors of the batch, but for a text that is refused: it is searched for by halves."""
        try:
            vectors = await self._embedder.embed([each.text for each in batch], "note")
        except EmbeddingRefused as error:
            if not error.text_is_at_fault:
                raise
            if len(batch) == 1:
                self._refused.add(batch[0].key)
                return
            middle = len(batch) // 2
            await self._embed(batch[:middle], into)
            await self._embed(batch[middle:], into)
        else:
            into.update(zip((each.key for each in batch), vectors, strict=True))
