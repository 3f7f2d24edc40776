"""The file operations of the files store, behind one small object, so that tests can record them or make them fail."""

import contextlib
import os
from pathlib import Path

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_EDIT = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_SCRATCH = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


# macOS has no fdatasync.
_sync_data = getattr(os, "fdatasync", os.fsync)


class Disk:
    """Thin calls to the kernel; each raises OSError as the kernel says."""

    def make_folder(self, path: Path) -> None:
        os.mkdir(path, 0o700)

    def create(self, path: Path) -> int:
        """A new file, opened for reading and writing; fails if anything has the name."""
        return os.open(path, _CREATE, 0o600)

    def open(self, path: Path, *, scratch: bool = False) -> int:
        return os.open(path, _SCRATCH if scratch else _EDIT, 0o600)

    def close(self, fd: int) -> None:
        os.close(fd)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """All of `data` at `offset`, over short writes."""
        view = memoryview(data)
        while view:
            written = os.pwrite(fd, view, offset)
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
        _sync_data(fd)

    def sync_folder(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def replace(self, path: Path, data: bytes, *, durable: bool = True) -> None:
        """The file has exactly `data`, or what it had before, whatever happens in between."""
        temporary = path.with_name(f".{path.name}.new")
        with contextlib.suppress(FileNotFoundError):
            self.unlink(temporary)
        fd = self.create(temporary)
        try:
            self.write(fd, data, 0)
            if durable:
                self.sync(fd)
        finally:
            self.close(fd)
        self.rename(temporary, path)
        if durable:
            self.sync_folder(path.parent)
