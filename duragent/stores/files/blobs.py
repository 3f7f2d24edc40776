"""Texts too long for a line: one file each, named for the SHA-256 of its bytes. Blocking."""

import contextlib
import hashlib
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.stores.base import Stream
from duragent.stores.files.disk import Disk
from duragent.system.safe_read import OddFile

BLOB_MAX_BYTES = 256 << 20
"""As `session.archive` takes in."""

Good = tuple[Stream, int]
"""A stream, and the last record up to which its log is known to be good."""


def write_blob(disk: Disk, folder: Path, sha256: str, data: bytes) -> None:
    """Durable on return. Raises OSError."""
    path = folder / "blobs" / sha256
    # All of it also when it is there already: a process that died may have left it in the page cache only.
    with contextlib.suppress(FileExistsError):
        disk.make_folder(path.parent)
    disk.sync_folder(folder)
    disk.replace(path, data)
    crashpoint("blob.stored")


def drop_blob(disk: Disk, folder: Path, sha256: str) -> None:
    """Gone for good on return. Raises OSError."""
    path = folder / "blobs" / sha256
    with contextlib.suppress(FileNotFoundError):
        disk.unlink(path)
        disk.sync_folder(path.parent)


def read_blob(disk: Disk, folder: Path, sha256: str, good: Good) -> bytes:
    """The bytes of a blob, checked. Raises Damaged, OSError."""
    problem = "is not what its name says"
    try:
        data = disk.read_file(folder / "blobs" / sha256, BLOB_MAX_BYTES)
        if hashlib.sha256(data).hexdigest() == sha256:
            return data
    except FileNotFoundError:
        problem = "is absent"
    except OddFile as odd:
        problem = f"cannot be read: {odd.problem}"
    stream, good_seq = good
    raise stream.damaged(f"blobs/{sha256}", 1, f"the blob {problem}", good_seq)
