"""The contract of an embedder: it turns texts into vectors, so that texts that mean the same are near each other.

Promises of every embedder on this shelf, and of those that other packages bring (entry point `duragent.embedders`):
- `embed` gives one vector for each text, in their order, all of one length, without NaN and infinities; or it raises an
  `EmbedderError` from `duragent.errors`, never a provider's own exception. It never gives a part of a batch.
- It takes 1 to `MAX_TEXTS` texts, not blank and of at most `MAX_TEXT_BYTES` bytes, and ends within `TIMEOUT_SECONDS`.
- It makes one attempt, cuts no text silently, and keeps no text and no key in an error.
- Two vectors may be compared when they have the same `label` and the same length, and only then.
- Nothing is read from disk or network, and nothing heavy is imported, before the first `embed`.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    Vector = array[float]
else:
    Vector = array

EmbeddedAs = Literal["note", "query"]
"""What a text is: something to be found, or what is searched for. Some models want to be told."""

MAX_TEXTS = 64
MAX_TEXT_BYTES = 8 << 10
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class EmbedderChoice:
    """Which embedder, as `spec.memory.embedding` chooses it."""

    provider: str
    """As for models, such as `openai` or `ollama`."""
    name: str
    """The provider's name of the embedding model."""
    base_url: str | None = None
    """Another address of the API; None for the provider's own."""
    dimensions: int | None = None
    """The length that vectors must have; None for the model's own."""

    @property
    def label(self) -> str:
        """`provider/model@dimensions`; without the last where the model decides."""
        return f"{self.provider}/{self.name}" + (f"@{self.dimensions}" if self.dimensions else "")


class Embedder(Protocol):
    """See the module docstring for the promises."""

    @property
    def label(self) -> str:
        """`provider/model@dimensions`: part of the key of every stored vector."""
        ...

    async def embed(self, texts: Sequence[str], kind: EmbeddedAs) -> list[Vector]:
        """A vector of 32-bit floats (`array("f")`) for each text. Raises EmbedderUnavailable, EmbeddingRefused."""
        ...
