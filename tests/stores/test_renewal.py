"""A log that takes the place of another one, cut short everywhere: one of the two is there, whole, and nothing else."""

import errno
from collections.abc import AsyncIterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from duragent.crashpoint import CrashPointReached
from duragent.errors import StoreFull, Unavailable
from duragent.journal import events as e
from duragent.stores.files.checkup import check
from duragent.stores.files.disk import Disk
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from tests.stores.test_import_log import _Dead, blobs, names
from tests.stores.test_repair import whole_log
from tests.support.logs import SESSION, FaultyDisk, QuickDisk, lines_of, message

OTHER = [*lines_of(1, [e.SessionCreated(agent="assistant")]), *lines_of(2, [message("another"), message("one")])]


async def appends() -> AsyncIterator[Sequence[bytes]]:
    for at in range(0, len(OTHER), 3):
        yield OTHER[at : at + 3]


class _DeadWith(_Dead):
    """`pairs`: whether two folders can change names in one step."""

    def __init__(self, steps: int, *, pairs: bool) -> None:
        super().__init__(steps)
        self.pairs = pairs

    def exchange(self, one: Path, other: Path) -> bool:
        if not self.pairs:
            return False
        self._step()
        return super().exchange(one, other)


class _FailingWithoutPairs(FaultyDisk):
    def exchange(self, one: Path, other: Path) -> bool:
        return False


async def make(root: Path) -> bytes:
    store = FileStore(root, disk=QuickDisk(), rotation=Rotation(events=4))
    store.open()
    claim = await store.create(SESSION, OTHER[:1])
    for text in ("the first secret", "the second secret", "the third", "the fourth"):
        await store.append(claim, lines_of(claim.head + 1, [message(text)]), expect=claim.head)
    await store.put_snapshot(claim, b"secret")
    store.close()
    return whole_log(root / SESSION)


async def renew(root: Path, disk: Disk) -> None:
    store = FileStore(root, disk=disk, rotation=Rotation(events=4))
    try:
        await store.replace(await store.claim(SESSION), appends(), blobs())
    finally:
        store.close()


@pytest.mark.parametrize("pairs", [True, False])
async def test_killed_at_every_operation_there_is_the_old_log_or_the_new_one(tmp_path: Path, pairs: bool) -> None:
    found = set()
    for steps in count():
        root = tmp_path / str(steps)
        old = await make(root)
        try:
            await renew(root, _DeadWith(steps, pairs=pairs))
            break
        except CrashPointReached:
            pass
        store = FileStore(root, disk=QuickDisk())
        store.open()
        assert names(root) == [SESSION]
        is_new = (root / SESSION / "blobs").exists()
        found.add(is_new)
        assert whole_log(root / SESSION) == (b"".join(OTHER) if is_new else old)
        assert (b"secret" in b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())) == (not is_new)
        assert check(root, SESSION).damage is None
        store.close()
    assert (names(root), whole_log(root / SESSION)) == ([SESSION], b"".join(OTHER))
    assert steps > 10
    assert found == {False, True}


@pytest.mark.parametrize("disk", [FaultyDisk, _FailingWithoutPairs])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
async def test_disk_that_fails_once_leaves_one_of_them_and_it_can_be_done_again(
    tmp_path: Path, disk: type[FaultyDisk], error: int
) -> None:
    refused = 0
    for nth in range(1, 45):
        root, failing = tmp_path / str(nth), disk()
        old = await make(root)
        failing.fail(nth, error)
        try:
            await renew(root, failing)
        except (StoreFull, Unavailable):
            refused += 1
        store = FileStore(root, disk=QuickDisk())
        store.open()
        store.close()
        assert (names(root), whole_log(root / SESSION) in (old, b"".join(OTHER))) == ([SESSION], True)
        await renew(root, QuickDisk())
        assert whole_log(root / SESSION) == b"".join(OTHER)
    assert refused > 10
