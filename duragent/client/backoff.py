"""How long to wait before the next attempt: doubling up to a limit; jittered, so that clients do not march in step."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """The pauses between the attempts of one client."""

    first_seconds: float = 0.2
    """The whole pause after the first attempt."""

    limit_seconds: float = 3.0
    """No pause is longer."""

    def pause_seconds(self, attempt: int) -> float:
        """The pause after attempt 1, 2, …: between half and the whole of the doubled pause."""
        whole: float = min(self.limit_seconds, self.first_seconds * 2 ** min(attempt - 1, 16))
        return whole * (0.5 + random.random() / 2)


USUAL_BACKOFF = Backoff()
