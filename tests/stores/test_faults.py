"""A disk that fails, a log that somebody else touches: nothing acknowledged is lost, and what is said is true."""

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from duragent.errors import DuragentError, LogChanged, SessionNotFound, StoreFull, Unavailable
from duragent.stores.base import Claim, TornTail
from duragent.stores.files import FileStore
from duragent.stores.log_file import Rotation
from tests.stores.logs import SESSION, FaultyDisk, QuickDisk, conversation, lines_of, message

APPENDS = conversation()
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS)
BLOB = b"b" * 1000
DIGEST = hashlib.sha256(BLOB).hexdigest()


async def whole(store: FileStore, claim: Claim) -> bytes:
    found, after = b"", 0
    while block := await store.read(claim, after, 1000):
        found, after = found + block, after + block.count(b"\n")
    return found


class Writer:
    """Does all that a session does with its store, and keeps count of what was acknowledged."""

    def __init__(self, store: FileStore) -> None:
        self.store = store
        self.acknowledged = b""
        self.blob = False
        self.refusals: list[DuragentError] = []

    async def write(self) -> None:
        """Goes on after StoreFull with the same claim, after Unavailable with a new one; each append is tried twice."""
        claim = None
        for number, lines in enumerate(APPENDS):
            for _ in range(2):
                try:
                    if claim is None:
                        claim = await (self.store.claim(SESSION) if self.acknowledged else self._create())
                    if number > 0:
                        await self.store.append(claim, lines, expect=claim.head)
                        self.acknowledged += b"".join(lines)
                    break
                except StoreFull as error:
                    self.refusals.append(error)
                except Unavailable as error:
                    self.refusals.append(error)
                    claim = None
            if number == 5 and claim is not None:
                await self._beside(claim)

    async def _create(self) -> Claim:
        claim = await self.store.create(SESSION, APPENDS[0])
        self.acknowledged += b"".join(APPENDS[0])
        return claim

    async def _beside(self, claim: Claim) -> None:
        try:
            await self.store.put_blob(claim, DIGEST, BLOB)
            self.blob = True
            await self.store.put_snapshot(claim, b"x: 1\n")
            await self.store.put_index(b"x")
        except (StoreFull, Unavailable) as error:
            self.refusals.append(error)


async def count_operations(tmp_path: Path) -> int:
    disk = FaultyDisk()
    store = FileStore(tmp_path / "counted", disk=disk, rotation=Rotation(events=6))
    store.open()
    writer = Writer(store)
    await writer.write()
    store.close()
    assert (writer.acknowledged, writer.refusals) == (b"".join(line for lines in APPENDS for line in lines), [])
    return len(disk.happened)


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
async def test_any_operation_may_fail_once(tmp_path: Path, error: int) -> None:
    count = await count_operations(tmp_path)
    assert count > 40
    for nth in range(1, count + 1):
        disk = FaultyDisk()
        store = FileStore(tmp_path / str(nth), disk=disk, rotation=Rotation(events=6))
        store.open()
        disk.fail(nth, error)
        writer = Writer(store)
        await writer.write()
        assert writer.refusals, f"operation {nth} failed and nobody was told"
        await store.verify(SESSION)
        claim = await store.claim(SESSION)
        assert claim.damage is None
        # The cause went away at once, so the second attempt of each append came through.
        assert await whole(store, claim) == b"".join(line for lines in APPENDS for line in lines), nth
        store.close()


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
async def test_disk_that_fails_for_good_keeps_what_was_acknowledged(tmp_path: Path, error: int) -> None:
    count = await count_operations(tmp_path)
    for nth in range(1, count + 1):
        disk = FaultyDisk()
        store = FileStore(tmp_path / str(nth), disk=disk, rotation=Rotation(events=6))
        store.open()
        disk.fail(nth, error, lasting=True)
        writer = Writer(store)
        await writer.write()
        assert writer.refusals
        disk.heal()
        store.close()
        store = FileStore(tmp_path / str(nth), disk=disk, rotation=Rotation(events=6))
        store.open()
        try:
            claim = await store.claim(SESSION)
        except SessionNotFound:
            assert not writer.acknowledged
            await store.create(SESSION, APPENDS[0])
        else:
            found = await whole(store, claim)
            assert found.startswith(writer.acknowledged), nth
            assert claim.damage is None
            assert not writer.blob or await store.get_blob(claim, DIGEST) == BLOB
            await store.append(claim, lines_of(claim.head + 1, [message("on")]), expect=claim.head)
        await store.verify(SESSION)
        store.close()


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


async def test_recovery_on_a_full_disk_says_so_and_succeeds_later(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    await store.release(await store.create(SESSION, APPENDS[0]))
    log = tmp_path / SESSION / "events.jsonl"
    good, tail = APPENDS[0][0], APPENDS[1][0][:40]
    saved = log.parent / f"events.torn-{len(good)}"
    # Saving the tail (create, write, sync, rename, folder), cutting, and the syncs of log and folders.
    for nth in range(1, 10):
        log.write_bytes(good + tail)
        saved.unlink(missing_ok=True)
        disk.fail(nth, errno.ENOSPC)
        with pytest.raises(Unavailable):
            await store.claim(SESSION)
        disk.heal()
        assert log.read_bytes() == good + (tail if nth <= 6 else b"")
        claim = await store.claim(SESSION)
        assert (claim.head, claim.torn) == (1, TornTail(len(good), len(tail), saved.name))
        assert (log.read_bytes(), saved.read_bytes()) == (good, tail)
        await store.release(claim)
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
        disk.fail(nth, errno.EIO)
        with pytest.raises(Unavailable):
            await store.claim(SESSION)
    for nth in range(1, 6):
        disk.fail(nth, errno.EIO)
        with pytest.raises((StoreFull, Unavailable)):
            await store.create("session_new", [lines_of(1, [message("x")], "session_new")[0]])
        assert [listed.session_id for listed in await store.list_sessions()] == [SESSION]
    assert len(os.listdir("/proc/self/fd")) == descriptors
    store.close()


# --- somebody else ----------------------------------------------------------------------------------------------------


def replace_by_rename(log: Path) -> None:
    log.with_suffix(".other").write_bytes(log.read_bytes())
    os.rename(log.with_suffix(".other"), log)


def remove(log: Path) -> None:
    log.unlink()


def append(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b"{}\n")


def remove_folder(log: Path) -> None:
    os.rename(log.parent, log.parent.with_name("elsewhere"))


@pytest.mark.parametrize("change", [replace_by_rename, remove, append])
async def test_log_that_somebody_else_changed_is_not_acknowledged_and_the_good_copy_kept(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    store = FileStore(tmp_path, disk=QuickDisk())
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    await store.append(claim, APPENDS[1], expect=1)
    log = tmp_path / SESSION / "events.jsonl"
    good = log.read_bytes()
    change(log)
    changed = log.read_bytes() if log.exists() else None
    for _ in range(2):
        with pytest.raises(LogChanged, match="the log as acknowledged is kept in events.conflict-4"):
            await store.append(claim, APPENDS[2], expect=4)
    assert (log.parent / "events.conflict-4").read_bytes() == good
    assert (log.read_bytes() if log.exists() else None) == changed
    assert await store.read(claim, 0, 100) == good
    store.close()


async def test_log_that_was_cut_while_it_was_open_is_not_called_complete(tmp_path: Path) -> None:
    store = FileStore(tmp_path, disk=QuickDisk())
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    await store.append(claim, APPENDS[1], expect=1)
    os.truncate(tmp_path / SESSION / "events.jsonl", 300)
    with pytest.raises(LogChanged, match="300 bytes instead of .* what is left of the log is kept in"):
        await store.append(claim, APPENDS[2], expect=4)
    store.close()


async def test_folder_that_was_moved_away_is_noticed(tmp_path: Path) -> None:
    store = FileStore(tmp_path, disk=QuickDisk())
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    remove_folder(tmp_path / SESSION / "events.jsonl")
    with pytest.raises(LogChanged):
        await store.append(claim, APPENDS[1], expect=1)
    store.close()


class _Meddler(QuickDisk):
    """Somebody acts between the write and the acknowledgement."""

    def __init__(self) -> None:
        self.meddle: Callable[[], None] = lambda: None

    def sync(self, fd: int) -> None:
        self.meddle()


@pytest.mark.parametrize("change", [replace_by_rename, remove, append])
async def test_change_during_an_append_is_noticed_before_the_acknowledgement(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    disk = _Meddler()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    log = tmp_path / SESSION / "events.jsonl"

    def meddle() -> None:
        disk.meddle = lambda: None
        change(log)

    disk.meddle = meddle
    with pytest.raises(LogChanged):
        await store.append(claim, APPENDS[1], expect=1)
    assert claim.head == 1
    assert (log.parent / "events.conflict-1").read_bytes() == APPENDS[0][0]
    store.close()


async def test_symbolic_link_in_place_of_a_log_is_refused(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "sessions", disk=QuickDisk())
    store.open()
    (tmp_path / "sessions" / SESSION).mkdir()
    (tmp_path / "secret").write_bytes(APPENDS[0][0])
    (tmp_path / "sessions" / SESSION / "events.jsonl").symlink_to(tmp_path / "secret")
    with pytest.raises(Unavailable):
        await store.claim(SESSION)
    assert (tmp_path / "secret").read_bytes() == APPENDS[0][0]
    store.close()


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
        assert await store.list_sessions() == []
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
    assert (list(tmp_path.iterdir()), await store.list_sessions()) == ([], [])
    store.close()
