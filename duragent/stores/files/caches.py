"""Files beside the logs that may be absent, old or torn: losing them loses nothing that counts. Blocking."""

import os
from pathlib import Path

from duragent.stores.files.disk import Disk
from duragent.system.os_errors import is_shortage

PARTIAL_MAX_BYTES = 64 << 20
INDEX_MAX_BYTES = 1 << 30


def read_or_none(disk: Disk, path: Path, limit_bytes: int, *, may_lack: bool = True) -> bytes | None:
    """What cannot be read, or is not a file, counts as absent.

    Without `may_lack` raises OSError when that says nothing of the file.
    """
    try:
        return disk.read_file(path, limit_bytes)
    except OSError as error:
        if is_shortage(error) and not may_lack:
            raise
        return None


class Scratch:
    """A file that need not survive the machine."""

    def __init__(self, disk: Disk, path: Path) -> None:
        """Raises OSError."""
        self._disk, self._fd = disk, disk.open(path, scratch=True)

    def put(self, data: bytes, append: bool) -> None:
        if not append:
            self._disk.truncate(self._fd, 0)
        self._disk.write(self._fd, data, os.fstat(self._fd).st_size)

    def close(self) -> None:
        self._disk.close(self._fd)
