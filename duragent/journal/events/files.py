"""Files of messages and results, files that calls change, and events of taking that back.

Their bytes are blobs of the session.
"""

from typing import Literal

from duragent.journal.events.base import EventModel
from duragent.text import Brief, Text


class Attachment(EventModel):
    """A file that belongs to a message or to a result. Its blob is durable before the record."""

    name: Text
    """The file's name, without folders."""
    media_type: str = "application/octet-stream"
    """Judged by its bytes, such as `image/png`; `application/octet-stream` where nothing better is known."""
    sha256: str
    """The blob with its bytes."""
    size_bytes: int = 0
    """The size of that blob."""


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


class FileUndo(EventModel):
    """What an undo is to do with one file."""

    path: Text
    """Relative to the agent's working directory."""
    now: str | None = None
    """The SHA-256 of what was there when the undo was asked for; None where nothing was. Only that is replaced."""
    then: str | None = None
    """The blob that is put back; None: the file is removed, because there was none."""
    mode: int | None = None
    """The permissions of a file that is made again; one that is there keeps its own."""
    refused: Brief = ""
    """Why it stays as it is; "" when it does not."""


class FileRefused(EventModel):
    """A file that an undo left as it was."""

    path: Text
    """Relative to the agent's working directory."""
    why: Brief = ""
    """A sentence for people."""


class UndoRequested(EventModel):
    """A person takes back what a turn did to files. Durable before the first file is touched."""

    type: Literal["undo_requested"] = "undo_requested"
    turn: str
    """The turn that is undone."""
    by: Brief = ""
    """Who asked; "" when the client did not say."""
    files: tuple[FileUndo, ...] = ()
    """What is to be done, file by file."""
    idempotency_key: Text | None = None
    """The key of the request; a second request with it gets this record's seq."""
    fingerprint: str | None = None
    """Of what was sent under the key."""


class UndoFinished(EventModel):
    """The undo is over: each of its files is back, or stays for a reason."""

    type: Literal["undo_finished"] = "undo_finished"
    turn: str
    """The turn that was undone."""
    restored: tuple[FileChange, ...] = ()
    """The files that are as they were before the turn."""
    refused: tuple[FileRefused, ...] = ()
    """Those that are not, and why."""
