"""What `duragent doctor` says: one line, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the result."""

    section: str
    """The heading that it stands under."""

    status: Status

    text: str
    """The fact, in one sentence."""

    hint: str = ""
    """What to do about it; "" when there is nothing to do."""
