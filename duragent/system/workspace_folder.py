"""The folder `.duragent`: only its owner can enter it, whatever the umask says.

A workspace holds conversations in plain text, and its agents decide what commands do. Git keeps no modes of folders, so
a clone of a workspace is as open as the umask made it until a server starts there.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

NAME = ".duragent"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_folders(path: Path) -> None:
    """Make the folder with those that it lies in; only the owner can enter one named `.duragent`. Raises OSError."""
    missing = [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]
    for folder in reversed(missing):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700 if folder.name == NAME else 0o777)
    path.mkdir(exist_ok=True)


def close_to_others(path: Path) -> int | None:
    """Take all rights of the group and of others from a folder of ours. Returns its mode before, None for no change.

    What is not ours, or lies where nothing can be changed, stays as it is.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid != os.geteuid() or not mode & _OTHERS:
            return None
        os.fchmod(descriptor, mode & ~_OTHERS)
        return mode
    except OSError:
        return None
    finally:
        os.close(descriptor)
