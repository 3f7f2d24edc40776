"""A disk that fails, a log that somebody else touches: nothing acknowledged is lost, and what is said is true."""

import asyncio
import errno
import hashlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from duragent.errors import Fenced, SessionExists, SessionNotFound, StoreFull, Unavailable
from duragent.stores.base import Claim, TornTail
from duragent.stores.files.disk import Disk, failed_syncs
from duragent.stores.files.store import FileStore
from tests.support.bounds import LIMIT_SECONDS
from tests.support.logs import SESSION, FaultyDisk, QuickDisk, SlowDisk, conversation, lines_of, message

APPENDS = conversation()


async def test_full_disk_refuses_leaves_no_trace_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    log = tmp_path / SESSION / "events.jsonl"
    disk.fail(1, errno.ENOSPC)
    with pytest.raises(StoreFull, match="No space left"):
        await store.append(claim, APPENDS[1], expect=1)
    assert (log.read_bytes(), claim.head) == (APPENDS[0][0], 1)
    assert await store.read(claim, 0, 10) == APPENDS[0][0]
    await store.append(claim, APPENDS[1], expect=1)
    assert log.read_bytes() == APPENDS[0][0] + b"".join(APPENDS[1])
    store.close()


async def test_failed_fsync_is_not_tried_again_on_the_same_file(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    log = tmp_path / SESSION / "events.jsonl"
    before = log.stat().st_ino
    disk.fail(2, errno.EIO)
    with pytest.raises(StoreFull, match="fsync"):
        await store.append(claim, APPENDS[1], expect=1)
    assert disk.happened == ["write", "sync", "create", "write", "sync", "rename", "sync_folder"]
    assert (log.read_bytes(), log.stat().st_ino == before) == (APPENDS[0][0], False)
    await store.append(claim, APPENDS[1], expect=1)
    assert log.read_bytes() == APPENDS[0][0] + b"".join(APPENDS[1])
    store.close()


async def test_fsync_that_fails_again_and_again_leaves_no_file_open(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        disk.fail(2, errno.EIO)
        with pytest.raises(StoreFull, match="fsync"):
            await store.append(claim, APPENDS[1], expect=1)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    store.close()


async def test_failed_fsync_of_a_log_that_cannot_be_read_back_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    class Losing(FaultyDisk):
        def sync(self, fd: int) -> None:
            if self.nth:
                os.pwrite(fd, b"\0" * 100, 20)
            super().sync(fd)

    disk = Losing()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    log = tmp_path / SESSION / "events.jsonl"
    before = log.stat().st_ino
    disk.fail(2, errno.EIO)
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot be"):
            await store.append(claim, APPENDS[1], expect=1)
    assert log.stat().st_ino == before
    store.close()


async def test_log_that_cannot_be_synced_when_it_is_opened_is_copied_and_never_synced_again(tmp_path: Path) -> None:
    """A dead process left lines in the page cache; the kernel gives them up, and would say yes the second time."""
    synced: list[int] = []
    failing = [True]

    class Full(Disk):
        full = True

        def kernel_sync(self, fd: int) -> None:
            synced.append(os.fstat(fd).st_ino)
            if failing and failing.pop():
                raise OSError(errno.EIO, "lost")

        def create(self, path: Path) -> int:
            if self.full:
                raise OSError(errno.ENOSPC, "full")
            return super().create(path)

    (tmp_path / SESSION).mkdir()
    log = tmp_path / SESSION / "events.jsonl"
    log.write_bytes(APPENDS[0][0])
    old = log.stat().st_ino
    disk = Full()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    for _ in range(2):
        with pytest.raises(Unavailable, match="full"):
            await store.claim(SESSION)
    disk.full = False
    claim = await store.claim(SESSION)
    assert (claim.head, claim.damage, log.read_bytes()) == (1, None, APPENDS[0][0])
    new = log.stat().st_ino
    assert (new != old, synced) == (True, [old, new])
    await store.append(claim, APPENDS[1], expect=1)
    assert synced == [old, new, new]
    store.close()


async def test_a_session_whose_deletion_the_disk_refused_goes_on_under_the_same_claim(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    disk.fail(1, errno.EROFS)
    with pytest.raises(Unavailable, match="mount it read-write"):
        await store.delete(SESSION)
    disk.heal()
    assert claim.over is False
    await store.append(claim, APPENDS[1], expect=1)
    assert (tmp_path / SESSION / "events.jsonl").read_bytes() == APPENDS[0][0] + b"".join(APPENDS[1])
    await store.delete(SESSION)
    assert claim.over
    with pytest.raises(Fenced):
        await store.read(claim, 0, 9)
    store.close()


async def test_deletion_that_could_not_be_synced_is_not_said_to_be_done(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    await store.create(SESSION, APPENDS[0])
    disk.fail(2, errno.EIO, lasting=True)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await store.delete(SESSION)
        # Nothing of it goes before its new name is on the disk: it may come back with the power.
        assert (tmp_path / f".deleted-{SESSION}" / "events.jsonl").read_bytes() == APPENDS[0][0]
    disk.heal()
    await store.delete(SESSION)
    assert list(tmp_path.iterdir()) == []
    store.close()


async def test_blob_that_cannot_be_read_for_now_is_not_said_to_be_damaged(tmp_path: Path) -> None:
    class WithoutDescriptors(QuickDisk):
        left = True

        def read_file(self, path: Path, limit_bytes: int) -> bytes:
            if not self.left:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return super().read_file(path, limit_bytes)

    disk = WithoutDescriptors()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    digest = hashlib.sha256(b"blob").hexdigest()
    await store.put_blob(claim, digest, b"blob")
    disk.left = False
    with pytest.raises(Unavailable, match="Too many open files"):
        await store.get_blob(claim, digest)
    disk.left = True
    assert await store.get_blob(claim, digest) == b"blob"
    store.close()


class RefusingDisk(FaultyDisk):
    """Takes nothing new; what it has can be synced."""

    def sync(self, fd: int) -> None:
        QuickDisk.sync(self, fd)

    def sync_folder(self, path: Path) -> None:
        QuickDisk.sync_folder(self, path)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES, errno.EPERM])
@pytest.mark.parametrize("make_disk", [RefusingDisk, FaultyDisk])
async def test_log_whose_recovery_the_disk_refuses_can_be_read_and_goes_on_later(
    tmp_path: Path, error: int, make_disk: type[FaultyDisk]
) -> None:
    disk = make_disk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    await store.release(await store.create(SESSION, APPENDS[0]))
    log = tmp_path / SESSION / "events.jsonl"
    good, tail = APPENDS[0][0], APPENDS[1][0][:40]
    saved = log.parent / f"events.torn-{len(good)}"
    # Saving the tail (create, write, sync, rename, folder), cutting, and the syncs of the log and of the folders.
    for nth in range(1, 5 if make_disk is RefusingDisk else 10):
        log.write_bytes(good + tail)
        saved.unlink(missing_ok=True)
        disk.fail(nth, error, lasting=True)
        if make_disk is FaultyDisk and error != errno.EROFS:
            # A record that may not be on the disk is not shown.
            with pytest.raises(Unavailable, match="cannot open the log"):
                await store.claim(SESSION)
        else:
            await _read_and_refused(store, good)
        disk.heal()
        failed_syncs.clear()
        assert log.read_bytes() == good + (tail if nth <= (4 if make_disk is RefusingDisk else 6) else b"")
        claim = await store.claim(SESSION)
        assert (claim.head, claim.torn) == (1, TornTail(len(good), len(tail), saved.name))
        assert (log.read_bytes(), saved.read_bytes()) == (good, tail)
        await store.release(claim)
    store.close()


async def _read_and_refused(store: FileStore, good: bytes) -> None:
    claim = await store.claim(SESSION)
    assert (claim.head, claim.torn, claim.damage) == (1, None, None)
    for _ in range(2):
        assert await store.read(claim, 0, 10) == good
        with pytest.raises(StoreFull, match="nothing was stored"):
            await store.append(claim, APPENDS[1], expect=1)


async def test_log_that_is_mended_by_an_append_is_claimed_again_so_that_it_is_recorded(tmp_path: Path) -> None:
    disk = RefusingDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    await store.release(await store.create(SESSION, APPENDS[0]))
    log = tmp_path / SESSION / "events.jsonl"
    log.write_bytes(APPENDS[0][0] + b'{"seq":2,')
    disk.fail(1, errno.ENOSPC, lasting=True)
    claim = await store.claim(SESSION)
    disk.heal()
    with pytest.raises(Unavailable, match="it is opened again"):
        await store.append(claim, APPENDS[1], expect=1)
    claim = await store.claim(SESSION)
    assert claim.torn is not None
    await store.append(claim, APPENDS[1], expect=1)
    store.close()


async def test_log_without_a_torn_tail_goes_on_under_the_same_claim_when_the_disk_takes_something(
    tmp_path: Path,
) -> None:
    class ReadOnly(QuickDisk):
        refuses = True

        def open(self, path: Path, *, scratch: bool = False) -> int:
            if self.refuses:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return super().open(path, scratch=scratch)

    (tmp_path / SESSION).mkdir()
    log = tmp_path / SESSION / "events.jsonl"
    log.write_bytes(APPENDS[0][0])
    for open_logs in (0, 256):
        disk = ReadOnly()
        store = FileStore(tmp_path, disk=disk, open_logs=lambda most=open_logs: most)  # type: ignore[misc]  # a default
        store.open()
        claim = await store.claim(SESSION)
        head = claim.head
        with pytest.raises(StoreFull, match=r"Read-only file system \(mount it read-write\)"):
            await store.append(claim, lines_of(head + 1, [message("no")]), expect=head)
        assert (await store.read(claim, 0, 10)).count(b"\n") == head
        disk.refuses = False
        await store.append(claim, lines_of(head + 1, [message("yes")]), expect=head)
        assert await store.read(claim, head, 10) == lines_of(head + 1, [message("yes")])[0]
        store.close()


async def test_folder_of_sessions_that_cannot_be_made_is_empty_and_made_by_the_first_write(tmp_path: Path) -> None:
    class Full(QuickDisk):
        full = True

        def make_folder(self, path: Path) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().make_folder(path)

    disk = Full()
    store = FileStore(tmp_path / "sessions", disk=disk)
    store.open()
    assert (await store.list_streams(), await store.get_index()) == ([], b"")
    with pytest.raises(SessionNotFound):
        await store.claim(SESSION)
    with pytest.raises(StoreFull, match=r"No space left on device \(make room\)"):
        await store.create(SESSION, APPENDS[0])
    disk.full = False
    await store.create(SESSION, APPENDS[0])
    assert [listed.stream_id for listed in await store.list_streams()] == [SESSION]
    store.close()


async def test_failed_claims_and_creations_leave_no_file_open(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    await store.release(await store.create(SESSION, APPENDS[0]))
    with pytest.raises(SessionNotFound):
        await store.claim("session_none")
    descriptors = len(os.listdir("/proc/self/fd"))
    for nth in range(1, 4):
        disk.fail(nth, errno.EIO, lasting=True)
        with pytest.raises(Unavailable):
            await store.claim(SESSION)
    for nth in range(1, 6):
        disk.fail(nth, errno.EIO)
        with pytest.raises((StoreFull, Unavailable)):
            await store.create("session_new", [lines_of(1, [message("x")], "session_new")[0]])
        assert [listed.stream_id for listed in await store.list_streams()] == [SESSION]
    assert len(os.listdir("/proc/self/fd")) == descriptors
    store.close()


def test_sessions_folder_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("a file")
    with pytest.raises(Unavailable, match="sessions cannot be used: File exists"):
        FileStore(tmp_path / "sessions").open()


# --- left behind by a crash -----------------------------------------------------------------------------------------


async def test_folder_without_a_record_is_no_session_and_its_name_is_free(tmp_path: Path) -> None:
    store = FileStore(tmp_path, disk=QuickDisk())
    store.open()
    for left in (None, b"", APPENDS[0][0][:50]):
        name = f"session_{len(left or b'x')}"
        (tmp_path / name).mkdir()
        if left is not None:
            (tmp_path / name / "events.jsonl").write_bytes(left)
        with pytest.raises(SessionNotFound):
            await store.claim(name)
        assert await store.list_streams() == []
        claim = await store.create(name, lines_of(1, [message("x")], name))
        assert (claim.head, claim.torn) == (1, None)
        await store.delete(name)
    store.close()


async def test_deletion_that_was_cut_short_is_finished_at_the_next_start(tmp_path: Path) -> None:
    store = FileStore(tmp_path, disk=QuickDisk())
    store.open()
    await store.create(SESSION, APPENDS[0])
    store.close()
    os.rename(tmp_path / SESSION, tmp_path / f".deleted-{SESSION}")
    store = FileStore(tmp_path, disk=QuickDisk())
    store.open()
    assert (list(tmp_path.iterdir()), await store.list_streams()) == ([], [])
    store.close()


async def test_log_that_is_damaged_from_its_first_record_on_is_not_taken_over(tmp_path: Path) -> None:
    store = FileStore(tmp_path, disk=QuickDisk())
    store.open()
    (tmp_path / SESSION).mkdir()
    damaged = APPENDS[0][0].replace(b"assistant", b"assistent") + b"".join(APPENDS[1])
    (tmp_path / SESSION / "events.jsonl").write_bytes(damaged)
    claim = await store.claim(SESSION)
    assert (claim.head, claim.damage is not None) == (0, True)
    with pytest.raises(SessionExists):
        await store.create(SESSION, APPENDS[0])
    assert (tmp_path / SESSION / "events.jsonl").read_bytes() == damaged
    assert [listed.stream_id for listed in await store.list_streams()] == [SESSION]
    store.close()


@pytest.mark.parametrize("how", ["claim", "release", "delete", "close"])
async def test_append_under_way_is_finished_before_its_claim_ends(tmp_path: Path, how: str) -> None:
    disk = SlowDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    appending = await disk.holding_up(store.append(claim, APPENDS[1], expect=1))
    ends: dict[str, Callable[[], Awaitable[object]]] = {
        "claim": lambda: store.claim(SESSION),
        "release": lambda: store.release(claim),
        "delete": lambda: store.delete(SESSION),
        "close": lambda: asyncio.to_thread(store.close),
    }
    ending = asyncio.ensure_future(ends[how]())
    done, _ = await asyncio.wait([ending], timeout=0.1)
    assert not done
    disk.go_on.set()
    async with asyncio.timeout(LIMIT_SECONDS):
        await asyncio.gather(appending, ending)
    assert claim.head == 4
    if how == "claim":
        taken = ending.result()
        assert isinstance(taken, Claim)
        assert taken.head == 4
    if how != "delete":
        assert (tmp_path / SESSION / "events.jsonl").read_bytes() == APPENDS[0][0] + b"".join(APPENDS[1])
    if how != "close":
        store.close()


async def test_append_whose_caller_went_away_is_finished_all_the_same(tmp_path: Path) -> None:
    disk = SlowDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    appending = await disk.holding_up(store.append(claim, APPENDS[1], expect=1))
    appending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await appending
    disk.go_on.set()
    assert await store.read(claim, 1, 10) == b"".join(APPENDS[1])
    assert claim.head == 4
    store.close()
