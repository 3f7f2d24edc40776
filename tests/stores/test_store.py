"""The order of things on the disk: what is synced, when, and what may be said only behind it.

The power-cut campaign finds the same by searching; here each safeguard has a test of its own that says what is missing.
"""

import asyncio
import errno
import hashlib
import stat
from pathlib import Path

import pytest

from duragent.errors import Damaged, Fenced, SessionNotFound, Unavailable
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from tests.stores.test_disk import Ordered
from tests.support.logs import SESSION, FaultyDisk, SlowDisk, conversation, lines_of, message

APPENDS = conversation()
BLOB = b"b" * 1000
DIGEST = hashlib.sha256(BLOB).hexdigest()


@pytest.fixture
def disk() -> Ordered:
    return Ordered()


@pytest.fixture
def store(tmp_path: Path, disk: Ordered) -> FileStore:
    store = FileStore(tmp_path / "sessions", disk=disk, rotation=Rotation(events=4))
    store.open()
    disk.took()
    return store


# --- the folder ---------------------------------------------------------------------------------------------------


def test_sessions_folder_is_durable_with_its_name_and_tombstones_before_they_go(tmp_path: Path) -> None:
    for happened in (
        [("make_folder", "sessions"), ("sync_folder", tmp_path.name)],
        [("sync_folder", tmp_path.name)],
        [("sync_folder", tmp_path.name), ("sync_folder", "sessions")],
    ):
        disk = Ordered()
        store = FileStore(tmp_path / "sessions", disk=disk)
        store.open()
        assert disk.took() == happened
        assert list((tmp_path / "sessions").iterdir()) == []
        if len(happened) == 1:
            (tmp_path / "sessions" / ".deleted-session_x").mkdir()
        store.close()


# --- the log --------------------------------------------------------------------------------------------------------


async def test_new_session_is_durable_with_its_names(store: FileStore, disk: Ordered) -> None:
    await store.create(SESSION, APPENDS[0])
    assert disk.took() == [
        ("make_folder", SESSION),
        ("sync_folder", "sessions"),
        ("create", "events.jsonl"),
        ("write", "events.jsonl"),
        ("sync", "events.jsonl"),
        ("sync_folder", SESSION),
    ]
    store.close()


async def test_append_is_written_then_synced_then_acknowledged(store: FileStore, disk: Ordered) -> None:
    claim = await store.create(SESSION, APPENDS[0])
    disk.took()
    await store.append(claim, APPENDS[1], expect=1)
    assert disk.took() == [("write", "events.jsonl"), ("sync", "events.jsonl")]
    store.close()


async def test_sealing_is_durable_before_anything_is_written_behind_it(store: FileStore, disk: Ordered) -> None:
    claim = await store.create(SESSION, APPENDS[0])
    await store.append(claim, APPENDS[1], expect=1)
    disk.took()
    await store.append(claim, APPENDS[2], expect=4)
    assert disk.took() == [
        ("rename", "events-1.jsonl"),
        ("sync_folder", SESSION),
        ("create", "events.jsonl"),
        ("sync_folder", SESSION),
        ("write", "events.jsonl"),
        ("sync", "events.jsonl"),
    ]
    store.close()


async def test_opening_syncs_what_a_dead_process_may_have_left_unsynced(store: FileStore, disk: Ordered) -> None:
    await store.release(await store.create(SESSION, APPENDS[0]))
    disk.took()
    await store.release(await store.claim(SESSION))
    assert disk.took() == [("sync", "events.jsonl"), ("sync_folder", SESSION), ("sync_folder", "sessions")]
    with (store.root / SESSION / "events.jsonl").open("ab") as log:
        log.write(APPENDS[1][0][:30])
    await store.claim(SESSION)
    torn = f"events.torn-{len(APPENDS[0][0])}"
    assert disk.took() == [
        *((each, f".{torn}.new") for each in ("create", "write", "sync")),
        ("rename", torn),
        ("sync_folder", SESSION),
        ("truncate", "events.jsonl"),
        ("sync", "events.jsonl"),
        ("sync_folder", SESSION),
        ("sync_folder", "sessions"),
    ]
    store.close()


class _Peeking(Ordered):
    """Looks into the store while an append is between its write and its end."""

    store: FileStore

    def sync(self, fd: int) -> None:
        claim = self.store.claimed(SESSION)
        if claim is not None:
            self.seen = (claim.head, claim.log.read(1, 10), claim.log.read_back(None, 10))


async def test_read_shows_nothing_that_is_not_acknowledged(tmp_path: Path) -> None:
    disk = _Peeking()
    disk.store = store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    await store.append(claim, APPENDS[1], expect=1)
    assert disk.seen == (1, b"", APPENDS[0][0])
    assert await store.read(claim, 1, 10) == b"".join(APPENDS[1])
    store.close()


async def test_next_call_waits_for_an_append_whose_caller_went_away(tmp_path: Path) -> None:
    disk = SlowDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    appending = await disk.holding_up(store.append(claim, APPENDS[1], expect=1))
    appending.cancel()
    await asyncio.wait([appending])
    reading = asyncio.create_task(store.read(claim, 1, 10))
    done, _ = await asyncio.wait([reading], timeout=0.05)
    disk.go_on.set()
    assert (done, await reading) == (set(), b"".join(APPENDS[1]))
    store.close()


async def test_writer_whose_undo_failed_writes_no_more(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    disk.fail(1, errno.EIO, lasting=True)
    with pytest.raises(Unavailable):
        await store.append(claim, APPENDS[1], expect=1)
    disk.heal()
    with pytest.raises(Unavailable):
        await store.append(claim, APPENDS[1], expect=1)
    assert (await store.claim(SESSION)).head == 1
    store.close()


async def test_damage_that_a_read_finds_ends_the_writing(tmp_path: Path) -> None:
    store = FileStore(tmp_path, disk=Ordered())
    store.open()
    long = [lines_of(seq, [message("x" * 200_000)])[0] for seq in range(2, 10)]
    claim = await store.create(SESSION, [*APPENDS[0], *long])
    await store.release(claim)
    log = tmp_path / SESSION / "events.jsonl"
    log.write_bytes(log.read_bytes().replace(b"xxx", b"xyx", 1))
    claim = await store.claim(SESSION)
    assert (claim.head, claim.damage) == (9, None)
    with pytest.raises(Damaged):
        await store.read(claim, 1, 10)
    assert claim.damage is not None
    with pytest.raises(Damaged):
        await store.append(claim, lines_of(10, [message("on")]), expect=9)
    store.close()


# --- beside the log -------------------------------------------------------------------------------------------------


async def test_blob_is_durable_with_its_names(store: FileStore, disk: Ordered) -> None:
    claim = await store.create(SESSION, APPENDS[0])
    disk.took()
    await store.put_blob(claim, DIGEST, BLOB)
    new = f".{DIGEST}.new"
    names = [("make_folder", "blobs"), ("sync_folder", SESSION)]
    file = [("create", new), ("write", new), ("sync", new), ("rename", DIGEST), ("sync_folder", "blobs")]
    assert disk.took() == [*names, *file]
    # The one that is there may be in the page cache only.
    await store.put_blob(claim, DIGEST, BLOB)
    assert disk.took() == [("sync_folder", SESSION), *file]
    store.close()


async def test_changed_or_absent_blob_is_damage(store: FileStore) -> None:
    claim = await store.create(SESSION, APPENDS[0])
    await store.put_blob(claim, DIGEST, BLOB)
    assert await store.get_blob(claim, DIGEST) == BLOB
    path = store.root / SESSION / "blobs" / DIGEST
    path.write_bytes(BLOB[:-1] + b"c")
    with pytest.raises(Damaged, match="is not what its name says"):
        await store.get_blob(claim, DIGEST)
    path.unlink()
    with pytest.raises(Damaged, match="is absent"):
        await store.get_blob(claim, DIGEST)
    store.close()


async def test_deletion_takes_the_name_away_durably_before_anything_is_removed(tmp_path: Path) -> None:
    found: list[list[str]] = []

    class Watching(Ordered):
        def sync_folder(self, path: Path) -> None:
            super().sync_folder(path)
            found.append(sorted(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*")))

    disk = Watching()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    await store.create(SESSION, APPENDS[0])
    found.clear()
    await store.delete(SESSION)
    gone = f".deleted-{SESSION}"
    assert found == [[gone, f"{gone}/events.jsonl"]]
    assert list(tmp_path.iterdir()) == []
    store.close()


class _SlowRename(SlowDisk):
    """Its next rename waits as a sync does."""

    def rename(self, old: Path, new: Path) -> None:
        self.sync(-1)
        super().rename(old, new)


async def test_session_whose_deletion_lost_its_caller_is_deleted_and_its_name_is_free(tmp_path: Path) -> None:
    disk = _SlowRename()
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    deleting = await disk.holding_up(store.delete(SESSION))
    deleting.cancel()
    await asyncio.wait([deleting])
    disk.go_on.set()
    with pytest.raises(Fenced):
        await store.read(claim, 0, 10)
    await store.delete(SESSION)
    assert (await store.create(SESSION, APPENDS[0])).head == 1
    store.close()


async def test_files_of_sessions_are_for_their_owner_only(store: FileStore) -> None:
    claim = await store.create(SESSION, APPENDS[0])
    await store.put_blob(claim, DIGEST, BLOB)
    await store.put_snapshot(claim, b"x: 1\n")
    await store.put_partial(claim, b"{}\n", append=False)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [store.root, *store.root.rglob("*")]}
    assert modes == {0o700, 0o600}
    store.close()


@pytest.mark.parametrize("name", ["..", ".", "../sessions/x", "/etc", "X/Y", ".deleted-x", "", "a" * 65])
async def test_store_opens_nothing_outside_of_its_folder(store: FileStore, name: str) -> None:
    (store.root / "events.jsonl").write_bytes(APPENDS[0][0])
    (store.root.parent / "events.jsonl").write_bytes(APPENDS[0][0])
    with pytest.raises(SessionNotFound):
        await store.claim(name)
    store.close()
