"""Files that go with a message: chosen at the terminal, and sent to the session before the message."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.errors import InvalidRequest
from duragent.file_types import ATTACHMENT_MAX_BYTES, MAX_ATTACHMENTS, size_in_words
from duragent.system.os_errors import in_words
from duragent.system.safe_read import OddFile, open_file, read_file, refuse_long

if TYPE_CHECKING:
    from duragent.client.client import Client
    from duragent.wire import SentAttachment

TOO_MANY = f"a message takes at most {MAX_ATTACHMENTS} files"


@dataclass(frozen=True)
class Upload:
    """A file that goes with a message."""

    name: str
    """As the agent gets it, without folders."""

    source: Path | bytes
    """Where it is, or its bytes."""

    size_bytes: int
    """Its size when it was chosen."""

    @property
    def shown(self) -> str:
        """For people."""
        return f"{view.one_line(self.name)} (a file of {size_in_words(self.size_bytes)})"


def upload_of(path: Path) -> Upload:
    """The file at the path as one that goes with a message. Raises OSError for what cannot be one."""
    # A link is followed: the person has named it.
    real = Path(os.path.realpath(path))
    descriptor = open_file(real)
    try:
        size = os.fstat(descriptor).st_size
        refuse_long(size, ATTACHMENT_MAX_BYTES)
        # One that is read now and cannot be read later is refused when it is sent.
        os.pread(descriptor, 1, 0)
    finally:
        os.close(descriptor)
    return Upload(path.name, real, size)


async def sent(client: "Client", session_id: str, uploads: Sequence[Upload]) -> "list[SentAttachment]":
    """Send the files to the session; what the message says of them. Raises DuragentError."""
    if len(uploads) > MAX_ATTACHMENTS:
        raise InvalidRequest(f"{TOO_MANY}, and this one has {len(uploads)}")
    return [
        await client.attach(session_id, await asyncio.to_thread(_content, upload), name=upload.name)
        for upload in uploads
    ]


def _content(upload: Upload) -> bytes:
    if isinstance(upload.source, bytes):
        return upload.source
    try:
        return read_file(upload.source, ATTACHMENT_MAX_BYTES)
    except OSError as error:
        raise InvalidRequest(f"{view.one_line(upload.name)} cannot be sent: {why(error)}") from None


def why(error: OSError) -> str:
    """A clause for people."""
    return error.problem if isinstance(error, OddFile) else in_words(error)
