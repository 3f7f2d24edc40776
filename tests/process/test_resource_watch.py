"""How much memory a tree of processes uses, as the watch counts it."""

import mmap
import os
from pathlib import Path

import pytest

from duragent.process import process_table, resource_watch


def _tells_sorts_of_memory() -> bool:
    try:
        return "Pss_Anon:" in Path("/proc/self/smaps_rollup").read_text()
    except OSError:
        return False


@pytest.mark.skipif(not _tells_sorts_of_memory(), reason="the kernel does not say which pages are of files")
@pytest.mark.parametrize("copied", [False, True], ids=["read", "copied"])
def test_pages_of_a_file_that_is_mapped_are_no_memory_unless_they_are_copied(tmp_path: Path, copied: bool) -> None:
    # As ripgrep, git and databases read large files: the kernel takes these pages back whenever it wants.
    size, path = 64 << 20, tmp_path / "data"
    path.write_bytes(b"x" * size)
    if f"{os.major(path.stat().st_dev)}:{os.minor(path.stat().st_dev)}" in dict(resource_watch.memory_mounts("self")):
        pytest.skip("the file would lie in memory")
    before = resource_watch.memory_bytes(process_of_test())
    most = before + size // 2
    watch = resource_watch.ResourceWatch(resource_watch.ResourceLimits(memory_bytes=most), os.getpid())
    access = mmap.ACCESS_COPY if copied else mmap.ACCESS_READ
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, access=access) as pages:
        for at in range(0, size, mmap.PAGESIZE):
            if copied:
                pages[at] = 1
            assert pages[at]
        found = process_of_test()
        assert found.resident_pages * mmap.PAGESIZE > most
        assert watch.memory_is_over([found], most) is copied


def process_of_test() -> process_table.Process:
    found = process_table.process(os.getpid())
    assert found is not None
    return found


def test_memory_counts_one_file_system_when_its_path_leads_elsewhere_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A sandbox that is being built changes what a path leads to between two system calls.
    path, fstat = tmp_path / "place", os.fstat
    path.symlink_to("/dev/shm")
    number, here, elsewhere = os.stat(path).st_dev, _used(path), _used(Path("/"))

    def fstat_and_turn(folder: int) -> os.stat_result:
        status = fstat(folder)
        path.unlink()
        path.symlink_to("/")
        return status

    monkeypatch.setattr(os, "fstat", fstat_and_turn)
    monkeypatch.setattr(os, "stat", lambda _: fstat_and_turn(os.open(path, os.O_PATH)))
    counted = resource_watch.used_bytes(str(path), f"{os.major(number)}:{os.minor(number)}")
    assert abs(counted - here) < abs(counted - elsewhere)


def _used(path: Path) -> int:
    found = os.statvfs(path)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def test_without_limits_nothing_is_counted() -> None:
    watch = resource_watch.ResourceWatch(resource_watch.ResourceLimits(open_files=5), os.getpid())
    assert (watch.next_seconds(), watch.exceeded()) == (float("inf"), "")


def test_first_look_comes_after_a_moment() -> None:
    watch = resource_watch.ResourceWatch(resource_watch.ResourceLimits(processes=0), os.getpid())
    assert 0 < watch.next_seconds() <= resource_watch.GLANCE_SECONDS
