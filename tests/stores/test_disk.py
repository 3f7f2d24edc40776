"""The operations on files: what is really synced, and in which order."""

import errno
import os
from pathlib import Path

import pytest

from duragent.stores.files.disk import Disk


class Ordered(Disk):
    """Does what it is told, and remembers it: (operation, name of the file)."""

    def __init__(self) -> None:
        self.happened: list[tuple[str, str]] = []

    def took(self) -> list[tuple[str, str]]:
        """What happened since this was asked the last time."""
        happened, self.happened = self.happened, []
        return happened

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self.happened.append(("make_folder", path.name))

    def create(self, path: Path) -> int:
        self.happened.append(("create", path.name))
        return super().create(path)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        super().write(fd, data, offset)
        self.happened.append(("write", self._name(fd)))

    def truncate(self, fd: int, size: int) -> None:
        super().truncate(fd, size)
        self.happened.append(("truncate", self._name(fd)))

    def sync(self, fd: int) -> None:
        self.happened.append(("sync", self._name(fd)))

    def sync_folder(self, path: Path) -> None:
        self.happened.append(("sync_folder", path.name))

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self.happened.append(("rename", new.name))

    def _name(self, fd: int) -> str:
        return os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))


def test_disk_really_syncs_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A pipe cannot be synced: the kernel says so when it is asked to.
    reading, writing = os.pipe()
    with pytest.raises(OSError, match="Invalid argument"):
        Disk().sync(writing)
    os.close(reading)
    os.close(writing)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_ino))
    Disk().sync_folder(tmp_path)
    assert synced == [tmp_path.stat().st_ino]


def test_sync_that_failed_never_succeeds_later(tmp_path: Path) -> None:
    class Failing(Disk):
        def kernel_sync(self, fd: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

    fd = Disk().create(tmp_path / "log")
    with pytest.raises(OSError, match="Input/output error"):
        Failing().sync(fd)
    # The kernel says yes now, and has forgotten the pages. Also through another descriptor.
    again = Disk().open(tmp_path / "log")
    for each in (fd, again):
        with pytest.raises(OSError, match="earlier sync"):
            Disk().sync(each)
        os.close(each)


def test_disk_finishes_writes_that_the_kernel_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, bytes(data)[:7], offset))
    fd = Disk().create(tmp_path / "log")
    Disk().write(fd, b"a line of more than seven bytes\n", 3)
    os.close(fd)
    assert (tmp_path / "log").read_bytes() == b"\0\0\0a line of more than seven bytes\n"


def test_replaced_file_is_synced_before_it_gets_its_name_and_its_folder_after(tmp_path: Path) -> None:
    disk = Ordered()
    for _ in range(2):
        disk.replace(tmp_path / "state.yaml", b"x: 1\n")
        new = ".state.yaml.new"
        steps = [("create", new), ("write", new), ("sync", new), ("rename", "state.yaml")]
        assert disk.took() == [*steps, ("sync_folder", tmp_path.name)]
    assert (tmp_path / "state.yaml").read_bytes() == b"x: 1\n"
