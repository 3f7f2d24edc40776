"""Which streams there are in a folder. Blocking."""

import os
import stat
from pathlib import Path

from duragent.stores.base import STREAM_ID, Listed
from duragent.stores.files.disk import Disk
from duragent.stores.files.legacy import legacy_mark
from duragent.stores.files.segments import ACTIVE, SNAPSHOT, has_sealed


def listed(disk: Disk, root: Path) -> list[Listed]:
    """See `LogStore.list_streams`. Raises OSError."""
    found: list[Listed] = []
    if not root.is_dir():
        # It could not be made yet.
        return found
    with os.scandir(root) as entries:
        for entry in entries:
            if STREAM_ID.match(entry.name) and (stream := _stream(disk, entry)):
                found.append(stream)
    return found


def _stream(disk: Disk, folder: os.DirEntry[str]) -> Listed | None:
    """The stream in this folder; None when there is no record in it."""
    # Without `Path`, which keeps its parts for as long as the process runs: there may be very many of them.
    try:
        status = os.stat(os.path.join(folder, ACTIVE), follow_symlinks=False)
    except FileNotFoundError:
        status = None
    except NotADirectoryError:
        return None
    except OSError:
        # It is there; opening it says what is wrong.
        return Listed(folder.name, "unreadable")
    legacy = legacy_mark(folder.path)
    if status and (status.st_size or not stat.S_ISREG(status.st_mode)):
        mark = f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}{legacy}"
        return Listed(folder.name, mark, status.st_mtime)
    # A summary without the log that it sums up is a log that was lost.
    is_there = legacy or os.path.lexists(os.path.join(folder, SNAPSHOT)) or has_sealed(disk, Path(folder.path))
    return Listed(folder.name, f"sealed{legacy}") if is_there else None
