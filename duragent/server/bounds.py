"""How large a request may be, and how many may wait: the same for every server, so they are no settings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """What is more is refused before anything of it was done."""

    body_max_bytes: int = 2 << 20
    """Of a request's body, except an archive."""

    import_max_bytes: int = 1 << 30
    """Of an archive that is taken in."""

    queue_max: int = 1024
    """Requests of one kind (see `in_flight.py`) that may wait; one more is refused at once."""


USUAL_BOUNDS = Bounds()
