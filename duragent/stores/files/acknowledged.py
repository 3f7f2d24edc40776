"""The acknowledged part of the file that is written, and how it is saved when the file itself cannot be relied on."""

import contextlib
import errno
from dataclasses import dataclass
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.journal.scan import scan
from duragent.stores.files.disk import Disk


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """How far the file goes that is written, as far as its appends have returned."""

    first: int
    """The seq of its first record."""
    head: int
    """The seq of its last record; `first` - 1 when it has none."""
    end: int
    """Its size in bytes."""
    seed: int
    """Of the checksums of its lines."""

    def is_in(self, data: bytes) -> bool:
        """Whether these bytes are good and go exactly so far."""
        found = scan(data, self.seed, after=self.first - 1)
        return found.verdict == "clean" and (found.end, found.seq) == (self.end, self.head)


def copy_over(disk: Disk, path: Path, fd: int, part: Acknowledged) -> int:
    """Put the acknowledged part of the open file `fd` into a new file that takes the name; its descriptor.

    `fd` is closed then. Raises OSError, and leaves all as it was.
    """
    kept = disk.read(fd, part.end, 0)
    if not part.is_in(kept):
        raise OSError(errno.EIO, "what was acknowledged cannot be read back")
    crashpoint("log.sync_failed")
    disk.replace(path, kept)
    crashpoint("log.started_over")
    new = disk.open(path)
    disk.drop(fd)
    return new


def keep_conflict(disk: Disk, folder: Path, fd: int, part: Acknowledged) -> str:
    """Save what the open file `fd` holds, which has lost its name, beside the log; "" or words that say where."""
    saved = folder / f"events.conflict-{part.head}"
    with contextlib.suppress(OSError):
        kept = disk.read(fd, part.end, 0)
        disk.replace(saved, kept)
        crashpoint("log.conflict_saved")
        what = "the log as acknowledged" if part.is_in(kept) else "what is left of the log"
        return f"; {what} is kept in {saved.name}"
    return ""
