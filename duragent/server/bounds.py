"""How large a request may be, and how many may wait: the same for every server, so they are no settings."""

from dataclasses import dataclass

from duragent.file_types import ATTACHMENT_MAX_BYTES


@dataclass(frozen=True)
class Bounds:
    """What is more is refused before anything of it was done."""

    body_max_bytes: int = 2 << 20
    """Of a request's body, except an archive and an attachment."""

    import_max_bytes: int = 1 << 30
    """Of an archive that is taken in."""

    attachment_max_bytes: int = ATTACHMENT_MAX_BYTES
    """Of a file that is to belong to a message."""

    queue_max: int = 1024
    """Requests of one kind (see `in_flight.py`) that may wait; one more is refused at once."""


USUAL_BOUNDS = Bounds()
