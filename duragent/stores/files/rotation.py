"""When a log gets another file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rotation:
    """A log is sealed and a new file begun at the first append behind either of these, of the active file."""

    size_bytes: int = 64 << 20
    events: int = 100_000
