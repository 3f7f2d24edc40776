"""A disk that writes down what is done to it, fails for a while, or has its process killed."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from duragent.stores.files.disk import Disk
from tests.campaigns.platter import (
    ROOT,
    Cut,
    Named,
    Operation,
    Platter,
    Sync,
    SyncFolder,
    Unnamed,
    Write,
    named,
    write_image,
)


class Killed(BaseException):
    """The process is gone: nothing of it goes on."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """From attempt `at` on (from 0), `lasting` changing operations fail; or the process is killed there.

    Of a write that does not come through, the first half has arrived.
    """

    at: int
    lasting: int = 1
    kill: bool = False
    error: int = 0


class Recorder(Disk):
    """Does the file operations below `root`, and records them as operations behind `history`, the disk as it was."""

    def __init__(self, root: Path, history: Sequence[Operation] = (), trouble: Trouble | None = None) -> None:
        self.root, self.operations, self.trouble = root, list(history), trouble
        self.attempts = 0
        self._base = str(root)
        self._files: dict[int, int] = {}
        self._folders: dict[int, dict[str, int]] = {ROOT: {}}
        for operation in self.operations:
            self._follow(operation)
        write_image(root, Platter(history).seen())

    def _follow(self, operation: Operation) -> None:
        if isinstance(operation, Named | Unnamed):
            named(self._folders, operation)
            if isinstance(operation, Named) and operation.new_folder:
                self._folders[operation.inode] = {}

    def note(self, operation: Operation) -> None:
        self.operations.append(operation)
        self._follow(operation)

    def _place(self, path: Path) -> tuple[int, str]:
        *above, name = str(path)[len(self._base) + 1 :].split("/")
        folder = ROOT
        for part in above:
            folder = self._folders[folder][part]
        return folder, name

    def _inode(self, path: Path) -> int:
        if str(path) == self._base:
            return ROOT
        folder, name = self._place(path)
        return self._folders[folder][name]

    def _new(self) -> int:
        return len(self.operations) + 1_000

    def _fails(self) -> bool:
        number, trouble = self.attempts, self.trouble
        self.attempts += 1
        if trouble is None or number < trouble.at:
            return False
        if trouble.kill:
            raise Killed
        return number < trouble.at + trouble.lasting

    def _raise(self, error: int = 0) -> None:
        assert self.trouble is not None
        number = error or self.trouble.error
        raise OSError(number, os.strerror(number))

    def _begin(self) -> None:
        if self._fails():
            self._raise()

    def make_folder(self, path: Path) -> None:
        self._begin()
        super().make_folder(path)
        self.note(Named(*self._place(path), self._new(), new_folder=True))

    def create(self, path: Path) -> int:
        self._begin()
        fd = super().create(path)
        self._files[fd] = self._new()
        self.note(Named(*self._place(path), self._files[fd]))
        return fd

    def open(self, path: Path, *, scratch: bool = False) -> int:
        fresh = not path.exists()
        if fresh and scratch:
            self._begin()
        fd = super().open(path, scratch=scratch)
        if fresh:
            self.note(Named(*self._place(path), self._new()))
        self._files[fd] = self._inode(path)
        return fd

    def close(self, fd: int) -> None:
        self._files.pop(fd, None)
        super().close(fd)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        try:
            self._begin()
        except (OSError, Killed):
            if self.trouble and (not self.trouble.kill or self.attempts == self.trouble.at + 1):
                self._write(fd, data[: len(data) // 2], offset)
            raise
        self._write(fd, data, offset)

    def _write(self, fd: int, data: bytes, offset: int) -> None:
        super().write(fd, data, offset)
        if data:
            self.note(Write(self._files[fd], offset, bytes(data)))

    def truncate(self, fd: int, size: int) -> None:
        self._begin()
        super().truncate(fd, size)
        self.note(Cut(self._files[fd], size))

    def kernel_sync(self, fd: int) -> None:
        failed = self._fails()
        self.note(Sync(self._files[fd], good=not failed))
        if failed:
            self._raise()

    def sync_folder(self, path: Path) -> None:
        self._begin()
        self.note(SyncFolder(self._inode(path)))

    def rename(self, old: Path, new: Path) -> None:
        self._begin()
        super().rename(old, new)
        inode, (folder, name) = self._inode(old), self._place(new)
        assert self._place(old)[0] == folder
        self.note(Named(folder, name, inode, old=old.name))

    def exchange(self, one: Path, other: Path) -> bool:
        self._begin()
        done = super().exchange(one, other)
        if done:
            # Two changes, which reach the platter each for itself: harder than what file systems do.
            first, second = self._inode(one), self._inode(other)
            self.note(Named(*self._place(other), first))
            self.note(Named(*self._place(one), second))
        return done

    def link(self, old: Path, new: Path) -> None:
        self._begin()
        super().link(old, new)
        self.note(Named(*self._place(new), self._inode(old)))

    def unlink(self, path: Path) -> None:
        if path.exists():
            self._begin()
        super().unlink(path)
        self.note(Unnamed(*self._place(path)))

    def remove_tree(self, path: Path, ignore_errors: bool = False) -> None:
        """What `shutil.rmtree` does, which the store calls past its disk."""
        assert ignore_errors
        with contextlib.suppress(OSError):
            for inner in sorted(path.iterdir()):
                if inner.is_dir():
                    self.remove_tree(inner, ignore_errors)
                else:
                    self.unlink(inner)
            os.rmdir(path)
            self.note(Unnamed(*self._place(path)))
