"""An embedder that is left alone for a while when it has failed again and again, so that nothing waits for it."""

from collections.abc import Sequence

from duragent.clock import Clock
from duragent.embedders.base import EmbeddedAs, Embedder, Vector
from duragent.errors import EmbedderError, EmbedderUnavailable, EmbeddingRefused
from duragent.text import cut_to

MOST_FAILURES = 3
FIRST_PAUSE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 3_600.0


class Guarded:
    """`embedder`, by the same promises. After `MOST_FAILURES` in a row it is asked again only after a pause, which
    doubles with each failure more; until then `embed` raises EmbedderUnavailable at once.

    A batch that is refused for one of its texts is no failure of the embedder, unless it is of that text alone.
    """

    def __init__(self, embedder: Embedder, clock: Clock) -> None:
        self._embedder, self._clock = embedder, clock
        self._failures = 0
        self._not_before = float("-inf")
        self._last = ""

    @property
    def label(self) -> str:
        return self._embedder.label

    @property
    def trouble(self) -> str:
        """For people: why it is left alone; "" when it is not."""
        seconds = self._not_before - self._clock.monotonic()
        if seconds <= 0:
            return ""
        return f"failed {self._failures} times, and is asked again in {seconds:.0f} s: {self._last}"

    async def embed(self, texts: Sequence[str], kind: EmbeddedAs) -> list[Vector]:
        if trouble := self.trouble:
            raise EmbedderUnavailable(f"{self.label} {trouble}", self._not_before - self._clock.monotonic())
        try:
            vectors = await self._embedder.embed(texts, kind)
        except EmbedderError as error:
            self._count(error, alone=len(texts) == 1)
            raise
        except Exception as error:
            # An embedder may be foreign code. What it says may quote a text or a key.
            ours = EmbedderUnavailable(f"{self.label}: failed in an unexpected way ({type(error).__name__})")
            self._count(ours, alone=False)
            raise ours from None
        self._failures, self._last = 0, ""
        return vectors

    def _count(self, error: EmbedderError, *, alone: bool) -> None:
        if isinstance(error, EmbeddingRefused) and error.text_is_at_fault and not alone:
            return
        self._failures, self._last = self._failures + 1, cut_to(str(error), 300)
        wanted = getattr(error, "retry_after_seconds", None) or 0.0
        pause = 0.0
        if self._failures >= MOST_FAILURES:
            pause = FIRST_PAUSE_SECONDS * 2 ** min(self._failures - MOST_FAILURES, 20)
        pause = min(max(pause, wanted), LONGEST_PAUSE_SECONDS)
        if pause:
            self._not_before = self._clock.monotonic() + pause
