"""A log that somebody else touches while it is open: noticed before the acknowledgement, never overwritten."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from duragent.errors import LogChanged
from duragent.stores.files.store import FileStore
from tests.stores.meddling import lengthen, remove, replace_by_rename
from tests.support.logs import SESSION, QuickDisk, conversation

APPENDS = conversation()


def remove_folder(log: Path) -> None:
    os.rename(log.parent, log.parent.with_name("elsewhere"))


@pytest.mark.parametrize("change", [replace_by_rename, remove, lengthen])
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
        with pytest.raises(LogChanged, match=r"the log as acknowledged is kept in events\.conflict-4"):
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
    with pytest.raises(LogChanged, match=r"300 bytes instead of .* what is left of the log is kept in"):
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


@pytest.mark.parametrize("change", [replace_by_rename, remove, lengthen])
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
    claim = await store.claim(SESSION)
    assert claim.damage is not None
    assert claim.damage.problem == "it is a symbolic link, not a file"
    assert await store.read(claim, 0, 10) == b""
    assert (tmp_path / "secret").read_bytes() == APPENDS[0][0]
    store.close()
