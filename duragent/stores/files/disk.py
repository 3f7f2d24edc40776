"""The file operations of the files store, behind one small object, so that tests can record them or make them fail."""

import contextlib
import errno
import os
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.system.safe_read import open_file, read_file

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


# macOS has no fdatasync.
_sync_data = getattr(os, "fdatasync", os.fsync)


failed_syncs: set[tuple[int, int]] = set()
"""The files (device, inode) of which a sync failed, in this process: see `Disk.sync`."""


class Disk:
    """Thin calls to the kernel; each raises OSError as the kernel says."""

    def make_folder(self, path: Path) -> None:
        os.mkdir(path, 0o700)

    def create(self, path: Path) -> int:
        """A new file, opened for reading and writing; fails if anything has the name."""
        fd = os.open(path, _CREATE, 0o600)
        try:
            # An inode's number is used again.
            if failed_syncs:
                failed_syncs.discard(_file(fd))
        except OSError:
            os.close(fd)
            raise
        return fd

    def open(self, path: Path, *, scratch: bool = False) -> int:
        """A regular file, for reading and writing; `scratch` makes it when it is absent. Raises OddFile."""
        return open_file(path, os.O_RDWR | os.O_CREAT if scratch else os.O_RDWR)

    def open_to_read(self, path: Path) -> int:
        """Raises OddFile for what is not a regular file."""
        return open_file(path)

    def read_file(self, path: Path, limit_bytes: int) -> bytes:
        """All of a regular file. Raises OddFile."""
        return read_file(path, limit_bytes)

    def names(self, folder: Path) -> list[str]:
        # Not glob, which in newer Pythons takes a folder that cannot be read for an empty one.
        return os.listdir(folder)

    def close(self, fd: int) -> None:
        os.close(fd)

    def drop(self, fd: int) -> None:
        """Close it, unless it is -1. The kernel closes it also where it reports an error."""
        if fd >= 0:
            with contextlib.suppress(OSError):
                self.close(fd)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """All of `data` at `offset`, over short writes."""
        view = memoryview(data)
        while view:
            written = os.pwrite(fd, view, offset)
            if written == 0:
                raise OSError(errno.EIO, "nothing was written")
            view, offset = view[written:], offset + written

    def read(self, fd: int, size: int, offset: int) -> bytes:
        """`size` bytes, fewer only at the end of the file."""
        pieces = []
        while size > 0 and (piece := os.pread(fd, size, offset)):
            pieces.append(piece)
            size, offset = size - len(piece), offset + len(piece)
        return b"".join(pieces)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def sync(self, fd: int) -> None:
        """Never succeeds on a file where it failed once: the kernel took the lost pages for clean, and would say so."""
        if failed_syncs and _file(fd) in failed_syncs:
            raise OSError(errno.EIO, "an earlier sync of this file failed")
        try:
            self.kernel_sync(fd)
        except OSError:
            failed_syncs.add(_file(fd))
            raise

    def kernel_sync(self, fd: int) -> None:
        """The call that `sync` makes, without its memory of earlier failures."""
        _sync_data(fd)

    def sync_folder(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)

    def exchange(self, one: Path, other: Path) -> bool:
        """Whether they have each other's names now; False where that cannot be done in one step."""
        from duragent.system.exchange import exchange

        return exchange(one, other)

    def link(self, old: Path, new: Path) -> None:
        """A second name for a file; fails if anything has that name."""
        os.link(old, new, follow_symlinks=False)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def replace(self, path: Path, data: bytes, *, durable: bool = True) -> None:
        """The file has exactly `data`, or what it had before, whatever happens in between."""
        temporary = path.with_name(f".{path.name}.new")
        try:
            fd = self.create(temporary)
        except FileExistsError:
            # A process that died has left it.
            self.unlink(temporary)
            fd = self.create(temporary)
        try:
            self.write(fd, data, 0)
            crashpoint("disk.temporary_written")
            if durable:
                self.sync(fd)
        finally:
            self.close(fd)
        self.rename(temporary, path)
        crashpoint("disk.replaced")
        if durable:
            self.sync_folder(path.parent)


class InMemory(Disk):
    """Reads these bytes, whatever the file is."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, fd: int, size: int, offset: int) -> bytes:
        return self._data[offset : offset + size]


def _file(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino
