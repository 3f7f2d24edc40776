"""A log whose descriptor was let go of: what its file was then, so that it is known again."""

import os
from dataclasses import dataclass
from pathlib import Path

from duragent.errors import LogChanged
from duragent.safe_read import OddFile
from duragent.stores.disk import Disk


@dataclass(frozen=True, slots=True)
class LeftFile:
    """As fstat(2) told it. `written_ns` is the time of the last write."""

    device: int
    inode: int
    size: int
    written_ns: int

    @classmethod
    def of(cls, fd: int) -> "LeftFile":
        status = os.fstat(fd)
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def open(self, disk: Disk, path: Path, session_id: str) -> tuple[int, bool]:
        """Its descriptor, and whether it was touched, so that its content must be looked at.

        Raises LogChanged when it is another file, OSError.
        """
        try:
            fd = disk.open(path)
        except FileNotFoundError:
            raise LogChanged(session_id, "it was removed while it was not open") from None
        except OddFile as odd:
            raise LogChanged(session_id, odd.problem) from odd
        try:
            now = LeftFile.of(fd)
            if problem := self._difference(now):
                raise LogChanged(session_id, problem)
        except (OSError, LogChanged):
            disk.close(fd)
            raise
        return fd, now != self

    def _difference(self, now: "LeftFile") -> str | None:
        if (now.device, now.inode) != (self.device, self.inode):
            return "another file has its name now (git checkout, sed -i and most editors do that)"
        return f"it has {now.size} bytes instead of {self.size}" if now.size != self.size else None
