"""A kernel whose n-th call fails, below all that the files store does."""

import errno
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from duragent.stores.files import disk, log_opening, pieces, segments, store
from duragent.system import safe_read

ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EMFILE)
CALLS = "open close pread pwrite ftruncate fdatasync fsync rename unlink mkdir fstat stat listdir scandir".split()
_BY_DESCRIPTOR = ("close", "pread", "pwrite", "ftruncate", "fdatasync", "fsync", "fstat")


@dataclass
class Kernel:
    """Stands for `os` in the rooms of the store. Counts calls from 0; `failing` says which ones fail, with `error`.

    `short`: each write brings a part only, and one that fails has brought a part. Syncs that succeed do nothing: no
    power is cut here.
    """

    error: int = 0
    at: int = -1
    lasting: int = 1
    short: bool = False
    count: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    _names: dict[int, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        if name in CALLS:
            return lambda *args, **kwargs: self._call(name, *args, **kwargs)
        return getattr(os, name)

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        # The names that the real ones have in errors and logs.
        on = self._names.get(args[0], "") if name in _BY_DESCRIPTOR else os.path.basename(args[0])
        number, self.count = self.count, self.count + 1
        if self.at <= number < self.at + self.lasting:
            self.failed.append((name, on))
            return self._fail(name, *args, **kwargs)
        if name in ("fdatasync", "fsync"):
            return None
        if name == "pwrite" and self.short:
            return os.pwrite(args[0], args[1][: max(1, len(args[1]) // 3)], args[2])
        result = getattr(os, name)(*args, **kwargs)
        if name == "open":
            self._names[result] = on
        return result

    def _fail(self, name: str, *args: Any, **_: Any) -> None:
        if name == "close":
            # The kernel lets go of it whatever it says.
            os.close(args[0])
        if name == "pwrite" and self.short:
            os.pwrite(args[0], args[1][: len(args[1]) // 2], args[2])
        raise OSError(self.error, os.strerror(self.error))

    def heal(self) -> None:
        self.at = sys.maxsize

    def rule(self, put: Callable[[object, str, object], None]) -> None:
        """Put this kernel below the store."""
        for room in (safe_read, disk, store, log_opening, pieces, segments):
            put(room, "os", self)
        put(disk, "_sync_data", lambda fd: self._call("fdatasync", fd))
