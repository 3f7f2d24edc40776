"""One writer: the lock of a workspace, tried with real processes."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.errors import SessionsLocked, Unavailable, UnsafeFileSystem, WorkspaceLocked
from duragent.stores.files.locks import SessionsLock, WorkspaceLock, refuse_network_file_system
from duragent.stores.files.store import FileStore
from tests.support.bounds import LIMIT_SECONDS
from tests.support.logs import SESSION, FaultyDisk, QuickDisk, lines_of, message

HOLDER = """
import subprocess, sys
from pathlib import Path
from duragent.stores.files.locks import WorkspaceLock
lock = WorkspaceLock(Path(sys.argv[1]))
lock.acquire("process of the test")
child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, close_fds=False)
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds the lock, and the id of its child."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / ".lock")], stdin=-1, stdout=-1, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    yield process, child
    os.kill(child, signal.SIGKILL)
    process.kill()
    process.communicate()


def test_second_process_is_refused_and_told_who_holds_it(
    tmp_path: Path, holder: tuple[subprocess.Popen[str], int]
) -> None:
    for _ in range(2):
        with pytest.raises(WorkspaceLocked) as refused:
            WorkspaceLock(tmp_path / ".lock").acquire("me")
        assert (refused.value.workspace, refused.value.holder) == (str(tmp_path), "process of the test")


def test_lock_is_free_after_kill_9_though_a_child_lives_on(
    tmp_path: Path, holder: tuple[subprocess.Popen[str], int]
) -> None:
    process, child = holder
    process.kill()
    process.wait(LIMIT_SECONDS)
    os.kill(child, 0)
    lock = WorkspaceLock(tmp_path / ".lock")
    lock.acquire("me")
    assert (tmp_path / ".lock").read_text() == "me\n"
    lock.release()


def test_lock_is_exclusive_within_a_process_until_it_is_released(tmp_path: Path) -> None:
    first, second = WorkspaceLock(tmp_path / ".lock"), WorkspaceLock(tmp_path / ".lock")
    first.acquire("a longer note than the second")
    first.describe("first, on 127.0.0.1:8080")
    with pytest.raises(WorkspaceLocked, match=r"held by first, on 127\.0\.0\.1:8080"):
        second.acquire("second")
    # POSIX locks would be gone now: any other descriptor of the file was closed.
    with pytest.raises(WorkspaceLocked):
        second.acquire("second")
    first.release()
    first.release()
    second.acquire("second")
    assert (tmp_path / ".lock").read_text() == "second\n"
    second.release()
    assert (tmp_path / ".lock").read_text() == ""


def mountinfo(**kinds: str) -> str:
    return "".join(
        f"36 35 98:0 /root {point} rw,noatime master:1 - {kind} server:/export rw,errors=continue\n"
        for point, kind in kinds.items()
    )


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", None),
        ("/home/ann/work", None),
        ("/net", "nfs4"),
        ("/net/deep/inside", "nfs4"),
        ("/network", None),
        ("/net/local/x", None),
        ("/with space/x", "cifs"),
        ("/größe/x", "fuse.sshfs"),
        ("/twice/x", "nfs"),
        ("/back\\slash/x", "9p"),
    ],
)
def test_network_file_systems_are_told_by_the_mount_that_is_nearest(path: str, kind: str | None) -> None:
    table = {
        "/": "ext4",
        "/net": "nfs4",
        "/net/local": "xfs",
        "/with\\040space": "cifs",
        "/größe": "fuse.sshfs",
        "/back\\134slash": "9p",
    }
    text = mountinfo(**table) + mountinfo(**{"/twice": "ext4"}) + mountinfo(**{"/twice": "nfs"}) + "\nodd line\n"
    if kind is None:
        refuse_network_file_system(Path(path), text)
        return
    with pytest.raises(UnsafeFileSystem) as refused:
        refuse_network_file_system(Path(path), text)
    assert (refused.value.path, refused.value.kind) == (path, kind)


def test_this_machine_is_looked_at_when_nothing_is_handed_in(tmp_path: Path) -> None:
    refuse_network_file_system(tmp_path)


def test_the_lock_holds_also_when_somebody_removes_its_file(tmp_path: Path) -> None:
    first, second = WorkspaceLock(tmp_path / ".lock"), WorkspaceLock(tmp_path / ".lock")
    first.acquire("first")
    (tmp_path / ".lock").unlink()
    with pytest.raises(WorkspaceLocked):
        second.acquire("second")
    first.release()
    second.acquire("second")
    second.release()


async def test_nothing_is_acknowledged_when_the_folder_was_replaced_during_the_write(tmp_path: Path) -> None:
    root, moved = tmp_path / "sessions", tmp_path / "moved"
    lock = SessionsLock(root, tmp_path, "first")

    class Meddled(QuickDisk):
        swaps = False

        def sync(self, fd: int) -> None:
            if self.swaps:
                root.rename(moved)
                # The same files under another folder, which another server may hold.
                shutil.copytree(moved, root, copy_function=os.link)

    disk = Meddled()
    store = FileStore(root, disk=disk, lock=lock)
    store.open()
    claim = await store.create(SESSION, lines_of(1, [message("one")]))
    disk.swaps = True
    with pytest.raises(Unavailable, match="another folder has its name now"):
        await store.append(claim, lines_of(2, [message("two")]), expect=1)
    disk.swaps = False
    for work in (store.read(claim, 0, 9), store.claim(SESSION), store.list_streams(), store.delete(SESSION)):
        with pytest.raises(Unavailable, match="put the old one back"):
            await work
    shutil.rmtree(root)
    with pytest.raises(Unavailable, match="it was removed or moved away"):
        await store.create("session_02", lines_of(1, [message("one")], "session_02"))
    moved.rename(root)
    assert (await store.claim(SESSION)).head == 2
    store.close()
    lock.release()


async def test_a_folder_that_another_server_made_meanwhile_is_not_touched_without_its_lock(tmp_path: Path) -> None:
    root = tmp_path / "sessions"
    locks = [SessionsLock(root, tmp_path, name) for name in ("first", "second")]
    full = FaultyDisk()
    full.fail(1, errno.ENOSPC, lasting=True)
    first = FileStore(root, disk=full, lock=locks[0])
    first.open()
    assert await first.list_streams() == []
    second = FileStore(root, disk=QuickDisk(), lock=locks[1])
    second.open()
    await second.create(SESSION, lines_of(1, [message("one")]))
    log = root / SESSION / "events.jsonl"
    # As if the second server were just writing it.
    log.write_bytes(log.read_bytes() + b'{"seq":2,')
    full.heal()
    before = log.read_bytes()
    with pytest.raises(SessionsLocked):
        await first.claim(SESSION)
    assert log.read_bytes() == before
    second.close()
    locks[1].release()
    assert (await first.claim(SESSION)).torn is not None
    first.close()
    locks[0].release()


def test_odd_lock_file_does_not_matter(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    first, second = WorkspaceLock(tmp_path / ".lock"), WorkspaceLock(tmp_path / ".lock")
    first.acquire("first")
    with pytest.raises(WorkspaceLocked):
        second.acquire("second")
    first.release()
