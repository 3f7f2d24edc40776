"""Opening a file where anything may stand by now: a named pipe, a device, a link, a folder.

The law: opening never blocks, follows no link and sets nothing off, and reading ends at a bound. `read_beginning` alone
follows links.
"""

import errno
import os
import stat
from pathlib import Path

_READ_BYTES = 1 << 20
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class OddFile(OSError):
    """What has the name is not a regular file, or is too long. `problem` is a clause: "it is a socket, not a file"."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(number, problem)
        self.problem = problem


def open_file(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of the regular file at `path`. Raises OddFile, and OSError as the kernel says."""
    try:
        # Before it is opened, because opening a device may set something off.
        _refuse_odd(os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OddFile(errno.ELOOP, _problem(stat.S_IFLNK)) from error
        raise
    try:
        _refuse_odd(os.fstat(fd))
    except OSError:
        os.close(fd)
        raise
    return fd


def read_file(path: Path, limit_bytes: int) -> bytes:
    """All bytes of the regular file at `path`. Raises OddFile also when they are more than `limit_bytes`."""
    fd = open_file(path)
    try:
        return read_all(fd, limit_bytes)
    finally:
        os.close(fd)


def read_beginning(path: Path, limit_bytes: int) -> bytes:
    """At most `limit_bytes` from the beginning of what `path` leads to; b"" when it cannot be read.

    For hints in files of other programs: unlike the others, it follows links and takes what a pipe or a device has now.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return file.read(limit_bytes) or b""
    except (OSError, ValueError):
        return b""


def read_all(fd: int, limit_bytes: int) -> bytes:
    """All bytes of an open file, from its beginning. Raises OddFile when they are more than `limit_bytes`."""
    refuse_long(os.fstat(fd).st_size, limit_bytes)
    pieces: list[bytes] = []
    size = 0
    # It may grow meanwhile, so that its size is no bound.
    while piece := os.pread(fd, _READ_BYTES, size):
        pieces.append(piece)
        size += len(piece)
        refuse_long(size, limit_bytes)
    return b"".join(pieces)


def refuse_long(size_bytes: int, limit_bytes: int) -> None:
    """Raises OddFile for a file that is longer than any that was written here."""
    if size_bytes > limit_bytes:
        raise OddFile(errno.EFBIG, f"it has {size_bytes:,} bytes, more than the {limit_bytes:,} that it may have")


def _refuse_odd(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OddFile(errno.EINVAL, _problem(stat.S_IFMT(status.st_mode)))


def _problem(kind: int) -> str:
    return f"it is {_KINDS.get(kind, 'no regular file')}, not a file"
