"""Whether a log is still the file that we left: while it is open, and after its descriptor was let go of."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from duragent.errors import LogChanged
from duragent.stores.base import Stream
from duragent.stores.files.disk import Disk
from duragent.system.safe_read import OddFile

_OTHER = "another file has its name now (git checkout, sed -i and most editors do that)"


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A file as fstat(2) described it."""

    device: int
    """Together with `inode`: which file it is, whatever its name."""
    inode: int
    size: int
    """In bytes."""
    written_ns: int
    """The time of the last write, in nanoseconds since 1970."""

    @classmethod
    def of(cls, fd: int) -> "LeftFile":
        return cls.seen(os.fstat(fd))

    @classmethod
    def seen(cls, status: os.stat_result) -> "LeftFile":
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def open(self, disk: Disk, open_file: Callable[[], int], stream: Stream) -> tuple[int, bool]:
        """Its descriptor, and whether it was touched, so that its content must be looked at.

        Raises LogChanged when it is another file, OSError.
        """
        try:
            fd = open_file()
        except FileNotFoundError:
            raise stream.changed("it was removed while it was not open") from None
        except OddFile as odd:
            raise stream.changed(odd.problem) from odd
        try:
            now = LeftFile.of(fd)
            if problem := self.difference(now):
                raise stream.changed(problem)
        except (OSError, LogChanged):
            disk.close(fd)
            raise
        return fd, now != self

    def difference(self, now: "LeftFile") -> str | None:
        """Why `now` is not this file as it was, in words; None when it is."""
        if (now.device, now.inode) != (self.device, self.inode):
            return _OTHER
        return f"it has {now.size} bytes instead of {self.size}" if now.size != self.size else None


def difference(fd: int, path: Path, size: int) -> str | None:
    """Why the open file is not the one at `path` with `size` bytes, in words; None when it is."""
    try:
        named = LeftFile.seen(os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return "it was removed"
    return replace(LeftFile.of(fd), size=size).difference(named)
