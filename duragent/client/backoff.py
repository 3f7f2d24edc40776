"""How long to wait before the next attempt: doubling up to a limit; jittered, so that clients do not march in step."""

import random

FIRST_SECONDS = 0.2
LIMIT_SECONDS = 3.0


def pause_seconds(attempt: int) -> float:
    """For attempt 1, 2, …: between half and the whole of the doubled pause."""
    whole: float = min(LIMIT_SECONDS, FIRST_SECONDS * 2 ** min(attempt - 1, 16))
    return whole * (0.5 + random.random() / 2)
