"""Files that calls change. Their bytes are blobs of the session."""

from duragent.journal.events.base import EventModel
from duragent.text import Text


class FileBefore(EventModel):
    """What a call found where it is about to write."""

    path: Text
    """Relative to the agent's working directory."""
    sha256: str | None = None
    """The blob with what was there; None where nothing was, "" where it was too long or not to be read."""
    mode: int | None = None
    """Its permissions; None where nothing was."""
    after: str = ""
    """The blob with what the call makes of it, if it does; "" when that is not known."""


class FileChange(EventModel):
    """What became of a file."""

    path: Text
    """Relative to the agent's working directory."""
    before: str | None = None
    """The SHA-256 of what was there; None where nothing was, "" where it is not kept."""
    after: str | None = None
    """The SHA-256 of what is there now; None where nothing is."""
