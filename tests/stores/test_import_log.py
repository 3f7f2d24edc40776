"""Taking a log in, cut short everywhere: under its name there is all of it or nothing, and nothing is left behind."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from duragent.crashpoint import CrashPointReached
from duragent.errors import SessionExists, SessionNotFound, StoreFull, Unavailable
from duragent.stores.files.checkup import check
from duragent.stores.files.disk import Disk
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from tests.stores.test_repair import LINES, _Stopping, whole_log
from tests.support.logs import SESSION, FaultyDisk, QuickDisk, conversation
from tests.support.places import GOLDEN

OLD_LOG = GOLDEN / "duragent-rust-v0.5.jsonl"
BLOB = b"a text"
DIGEST = sha256(BLOB).hexdigest()


async def appends() -> AsyncIterator[Sequence[bytes]]:
    for lines in conversation():
        yield lines


async def blobs() -> AsyncIterator[tuple[str, bytes]]:
    yield DIGEST, BLOB


async def adopt(root: Path, disk: Disk, rotation: Rotation | None = None) -> None:
    store = FileStore(root, disk=disk, rotation=rotation)
    root.mkdir(exist_ok=True)
    try:
        await store.adopt(SESSION, appends(), blobs())
    finally:
        store.close()


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def is_whole(root: Path) -> bool:
    assert whole_log(root / SESSION) == b"".join(LINES)
    assert check(root, SESSION).damage is None
    return (root / SESSION / "blobs" / DIGEST).read_bytes() == BLOB


@pytest.mark.parametrize("events", [4, 100])
async def test_killed_at_every_operation_it_is_there_wholly_or_not_at_all(tmp_path: Path, events: int) -> None:
    found = set()
    for steps in count():
        root = tmp_path / str(steps)
        try:
            await adopt(root, _Dead(steps), Rotation(events=events))
            break
        except CrashPointReached:
            pass
        store = FileStore(root, disk=QuickDisk())
        store.open()
        assert names(root) in ([], [SESSION])
        found.add(bool(names(root)))
        if names(root):
            assert is_whole(root)
            with pytest.raises(SessionExists):
                await store.adopt(SESSION, appends(), blobs())
        else:
            with pytest.raises(SessionNotFound):
                await store.claim(SESSION)
            await store.adopt(SESSION, appends(), blobs())
            assert is_whole(root)
        assert (await store.claim(SESSION)).damage is None
        store.close()
    assert steps > 30
    assert found == {False, True}
    assert len(list((root / SESSION).glob("events*.jsonl"))) == (4 if events == 4 else 1)


class _Dead(_Stopping):
    """A process that is dead after so many operations: nothing of it tidies up."""

    def __init__(self, steps: int) -> None:
        super().__init__(steps, CrashPointReached("here"))

    def make_folder(self, path: Path) -> None:
        self._step()
        super().make_folder(path)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
async def test_disk_that_fails_once_leaves_nothing_and_it_can_be_done_again(tmp_path: Path, error: int) -> None:
    for nth in count(1):
        root, disk = tmp_path / str(nth), FaultyDisk()
        disk.fail(nth, error)
        try:
            await adopt(root, disk, Rotation(events=6))
            break
        except (StoreFull, Unavailable) as refused:
            assert os.strerror(error) in str(refused)  # noqa: PT017 - most of them raise
        assert names(root) == []
        await adopt(root, QuickDisk(), Rotation(events=6))
        assert is_whole(root)
    assert nth > 30


async def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / SESSION).mkdir()
    await adopt(tmp_path, QuickDisk())
    with pytest.raises(SessionExists, match="exists"):
        await adopt(tmp_path, QuickDisk())
    assert (names(tmp_path), is_whole(tmp_path)) == ([SESSION], True)


@pytest.mark.parametrize("left", [b"", LINES[0][:-9], bytes(100)], ids=["empty", "torn", "hole"])
async def test_what_a_crash_left_of_a_session_without_a_record_is_no_obstacle(tmp_path: Path, left: bytes) -> None:
    (tmp_path / SESSION).mkdir()
    (tmp_path / SESSION / "events.jsonl").write_bytes(left)
    await adopt(tmp_path, QuickDisk())
    assert (names(tmp_path), is_whole(tmp_path)) == ([SESSION], True)


@pytest.mark.parametrize("name", ["events.damaged-7", "state.yaml", "events-1.jsonl", "blobs", "notes.txt"])
async def test_folder_that_holds_anything_else_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / SESSION).mkdir()
    (tmp_path / SESSION / name).write_bytes(b"mine")
    why = "exists" if name == "events-1.jsonl" else "has no log, but a folder that is in the way: "
    with pytest.raises(SessionExists, match=why):
        await adopt(tmp_path, QuickDisk())
    assert (names(tmp_path), (tmp_path / SESSION / name).read_bytes()) == ([SESSION], b"mine")


async def test_who_goes_away_in_the_middle_leaves_nothing_or_all(tmp_path: Path) -> None:
    for steps in range(0, 120, 6):
        root = tmp_path / str(steps)
        root.mkdir()
        store = FileStore(root, disk=QuickDisk())
        adopting = asyncio.ensure_future(store.adopt(SESSION, appends(), blobs()))
        for _ in range(steps):
            await asyncio.sleep(0.0001 * (steps % 2))
        adopting.cancel()
        await asyncio.wait((adopting,))
        store.close()
        assert names(root) == [] or is_whole(root)


async def test_old_log_whose_beginning_was_compacted_away_keeps_its_numbers(tmp_path: Path) -> None:
    lines = OLD_LOG.read_bytes().splitlines(keepends=True)[3:]

    async def later() -> AsyncIterator[Sequence[bytes]]:
        for at in range(0, len(lines), 2):
            yield lines[at : at + 2]

    store = FileStore(tmp_path, disk=QuickDisk(), rotation=Rotation(events=3))
    store.open()
    await store.adopt("session_old", later(), blobs())
    claim = await store.claim("session_old")
    assert (claim.oldest, claim.head, claim.damage) == (4, 3 + len(lines), None)
    first = min(tmp_path.glob("session_old/events-*.jsonl"), key=lambda path: int(path.stem[7:]))
    assert first.name == "events-4.jsonl"
    assert b'"seq":4' in first.read_bytes().replace(b" ", b"").splitlines()[0]
    store.close()
