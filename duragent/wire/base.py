"""What all shapes have in common, and the words that several of them use."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["active", "running", "paused", "completed"]
"""`active`: idle; `running`: in a turn; `paused`: waits for a person; `completed`: closed.

The list is closed: a client of v0.5 cannot read an answer with any other word in it.
"""

StatusFilter = Literal["active", "running", "paused", "completed", "damaged"]
"""`damaged`: sessions with damage, whatever their status."""

IDEMPOTENCY_KEY_MAX = 255

SEQ_MAX = (1 << 53) - 1
"""The highest number of a record: JSON has no larger integers that every language reads."""


class WireModel(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True)


class Asked(WireModel):
    """A request body: unknown fields are a 422, so that a misspelt one is never lost in silence."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=True)
