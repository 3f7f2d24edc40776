"""Power is cut behind every operation: whatever the disk kept of what was not synced, no acknowledged line is lost."""

import asyncio
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.errors import SessionNotFound
from duragent.stores.disk import Disk
from duragent.stores.files import FileStore
from duragent.stores.log_file import Rotation
from tests.stores.logs import SESSION, QuickDisk, RecordingDisk, conversation, lines_of, message

APPENDS = conversation()
ROTATION = Rotation(events=6)
BLOB = b"b" * 3000
DIGEST = hashlib.sha256(BLOB).hexdigest()
CUTS = [(names, data) for names in ("keep", "drop") for data in ("keep", "drop", "half", "hole")]


class Story:
    """What a recorded run had acknowledged behind so many operations."""

    def __init__(self, disk: RecordingDisk) -> None:
        self.disk = disk
        self.steps: list[tuple[int, bytes, bool]] = []
        self.lines = b""
        self.blob = False
        self.offered = [b""]

    def note(self) -> None:
        self.steps.append((len(self.disk.operations), self.lines, self.blob))

    def offer(self, lines: list[bytes]) -> None:
        self.offered.append(self.lines + b"".join(lines))

    def acknowledged(self, count: int) -> tuple[bytes, bool]:
        known = [(lines, blob) for at, lines, blob in self.steps if at <= count]
        return known[-1] if known else (b"", False)


def a_store(root: Path, disk: Disk) -> FileStore:
    store = FileStore(root, disk=disk, rotation=ROTATION)
    store.open()
    return store


async def record(root: Path) -> Story:
    root.mkdir()
    story = Story(RecordingDisk(root))
    store = a_store(root, story.disk)
    claim = None
    for number, lines in enumerate(APPENDS):
        story.offer(lines)
        if claim is None:
            claim = await store.create(SESSION, lines)
        else:
            await store.append(claim, lines, expect=claim.head)
        story.lines += b"".join(lines)
        story.note()
        if number == 3:
            await store.put_blob(claim, DIGEST, BLOB)
            story.blob = True
            story.note()
            await store.put_snapshot(claim, b"x: 1\n")
    store.close()
    return story


async def read_all(store: FileStore) -> tuple[bytes, bool]:
    """The log, and whether the blob is there. An absent session has no lines."""
    try:
        claim = await store.claim(SESSION)
    except SessionNotFound:
        return b"", False
    assert claim.damage is None, claim.damage
    found, after = b"", 0
    while block := await store.read(claim, after, 1000):
        found, after = found + block, after + block.count(b"\n")
    blob = (store._root / SESSION / "blobs" / DIGEST).exists() and await store.get_blob(claim, DIGEST) == BLOB
    return found, blob


def states(disk: RecordingDisk, root: Path, counts: Iterator[int] | range) -> Iterator[tuple[int, Path]]:
    for count in counts:
        for names, data in CUTS:
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            disk.after_cut(count, names, data, root)
            yield count, root


async def test_power_cut_behind_any_operation_loses_nothing_acknowledged(tmp_path: Path) -> None:
    story = await record(tmp_path / "recorded")
    looked_at = 0
    for count, root in states(story.disk, tmp_path / "after", range(len(story.disk.operations) + 1)):
        store = a_store(root, QuickDisk())
        first, blob = await read_all(store)
        acknowledged, blob_acknowledged = story.acknowledged(count)
        assert first.startswith(acknowledged), (count, story.disk.operations[count - 1])
        assert first in story.offered, "half an append came back"
        assert blob or not blob_acknowledged
        assert await read_all(store) == (first, blob)
        store.close()
        looked_at += 1
    assert looked_at > 300


async def test_power_cut_after_a_restart_keeps_what_the_dead_process_had_not_synced(tmp_path: Path) -> None:
    """A process is killed between any two operations; the next one goes on, and then power is cut."""
    story = await record(tmp_path / "recorded")
    for count in range(len(story.disk.operations) + 1):
        # Killed, not powered off: the page cache has everything, the platter has what was synced.
        disk = await _killed_and_gone_on(story, count, tmp_path / "again")
        if disk is None:
            continue
        acknowledged, relaunched = disk
        for names, data in CUTS:
            root = tmp_path / "after"
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            relaunched.after_cut(len(relaunched.operations), names, data, root)
            store = a_store(root, QuickDisk())
            assert (await read_all(store))[0] == acknowledged, (count, names, data)
            store.close()


async def _killed_and_gone_on(story: Story, count: int, root: Path) -> tuple[bytes, RecordingDisk] | None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    disk = RecordingDisk(root)
    _replay(story.disk, disk, count)
    store = a_store(root, disk)
    try:
        claim = await store.claim(SESSION)
    except SessionNotFound:
        store.close()
        return None
    lines = lines_of(claim.head + 1, [message("goes on")])
    await store.append(claim, lines, expect=claim.head)
    found = (await read_all(store))[0]
    store.close()
    return found, disk


def _replay(old: RecordingDisk, new: RecordingDisk, count: int) -> None:
    """Do the first operations again, on another disk."""
    fds: dict[object, int] = {}
    for operation in old.operations[:count]:
        match operation:
            case ("folder", Path() as path):
                new.make_folder(new.root / path.relative_to(old.root))
            case ("create", Path() as path, inode):
                fds[inode] = new.create(new.root / path.relative_to(old.root))
            case ("write", inode, int() as offset, bytes() as data):
                new.write(fds[inode], data, offset)
            case ("write", inode, int() as offset, None):
                new.truncate(fds[inode], offset)
            case ("sync", inode):
                new.sync(fds[inode])
            case ("sync_folder", Path() as path):
                new.sync_folder(new.root / path.relative_to(old.root))
            case ("rename", Path() as path, Path() as to):
                new.rename(new.root / path.relative_to(old.root), new.root / to.relative_to(old.root))
            case ("unlink", Path() as path):
                new.unlink(new.root / path.relative_to(old.root))
    for fd in fds.values():
        new.close(fd)


async def test_recovery_may_be_cut_off_at_any_point_and_run_again(tmp_path: Path) -> None:
    story = await record(tmp_path / "recorded")
    torn = 0
    for count, root in states(story.disk, tmp_path / "after", range(len(story.disk.operations) + 1)):
        disk = RecordingDisk(root)
        store = a_store(root, disk)
        wanted = await read_all(store)
        store.close()
        cut_off = [operation for operation in disk.operations if operation[0] == "write"]
        if not cut_off:
            continue
        torn += 1
        for _, again in states(disk, tmp_path / "twice", range(len(disk.operations))):
            store = a_store(again, QuickDisk())
            assert await read_all(store) == wanted, count
            store.close()
    assert torn > 10


class _Careless(RecordingDisk):
    """Leaves one kind of promise out: the search must find it."""

    def __init__(self, root: Path, without: str) -> None:
        self.without = without
        super().__init__(root)

    def sync(self, fd: int) -> None:
        if self.without != "sync":
            super().sync(fd)

    def sync_folder(self, path: Path) -> None:
        if self.without != "sync_folder":
            super().sync_folder(path)


@pytest.mark.parametrize("without", ["sync", "sync_folder"])
async def test_search_finds_a_store_that_does_not_sync(
    tmp_path: Path, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "RecordingDisk", lambda root: _Careless(root, without))
    with pytest.raises(AssertionError):
        await asyncio.wait_for(test_power_cut_behind_any_operation_loses_nothing_acknowledged(tmp_path), 30)
