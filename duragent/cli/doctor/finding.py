"""What `duragent doctor` says: one line, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line. `hint` is what to do, "" when there is nothing to do."""

    section: str
    status: Status
    text: str
    hint: str = ""
