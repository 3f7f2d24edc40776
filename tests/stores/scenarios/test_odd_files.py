"""What stands in place of a session's files, and logs that become shorter: that session's matter, and nobody hangs."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duragent.errors import Damaged, LogChanged
from duragent.stores.base import Claim
from duragent.stores.files import checkup
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from tests.support.bounds import LIMIT_SECONDS
from tests.support.logs import SESSION, QuickDisk, conversation, lines_of, message
from tests.support.odd_files import ODD, Odd

OTHER = "session_02other"
APPENDS = conversation()
LOG = b"".join(line for lines in APPENDS for line in lines)
HEAD = LOG.count(b"\n")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FileStore]:
    store = FileStore(tmp_path / "sessions", disk=QuickDisk(), rotation=Rotation(events=6))
    store.open()
    yield store
    store.close()


async def filled(store: FileStore, session_id: str) -> None:
    claim = await store.create(session_id, lines_of(1, [message("text 1")], session_id))
    for seq in range(2, 10):
        await store.append(claim, lines_of(seq, [message(f"text {seq}")], session_id), expect=seq - 1)
    await store.put_snapshot(claim, b"cache\n")
    await store.put_partial(claim, b"partial\n", append=False)


def link_to_another(path: Path) -> None:
    path.symlink_to(path.parent.parent / OTHER / path.name)


FILES = ["events.jsonl", "events-1.jsonl", "state.yaml", "partial.jsonl"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("odd", [*ODD, link_to_another])
@pytest.mark.parametrize("in_use", [True, False])
async def test_odd_file_is_damage_of_its_session_or_an_absent_cache(
    store: FileStore, tmp_path: Path, odd: Odd, name: str, in_use: bool
) -> None:
    root = tmp_path / "sessions"
    for session_id in (SESSION, OTHER):
        await filled(store, session_id)
    claim: Claim | None = store.claimed(SESSION)
    assert claim is not None
    if not in_use:
        await store.release(claim)
    (root / SESSION / name).unlink()
    odd(root / SESSION / name)
    async with asyncio.timeout(LIMIT_SECONDS):
        if not in_use:
            claim = await store.claim(SESSION)
        is_log = name.startswith("events")
        if in_use and name == "events.jsonl":
            with pytest.raises(LogChanged):
                await store.append(claim, lines_of(10, [message("no")]), expect=9)
        elif is_log:
            with pytest.raises(Damaged):
                await store.verify(SESSION)
            assert claim.damage is not None or in_use
        else:
            assert await store.verify(SESSION) == 9
        if name == "state.yaml":
            assert await store.get_snapshot(SESSION) is None
        if name == "partial.jsonl":
            assert await store.get_partial(claim) == b""
            await store.put_partial(claim, b"more", append=True)
        assert (checkup.check(root, SESSION).damage is not None) is is_log
        assert set(FileLogReader(root).stream_ids()) == {SESSION, OTHER}
        assert {each.stream_id for each in await store.list_streams()} == {SESSION, OTHER}
        other = await store.claim(OTHER)
        await store.append(other, lines_of(10, [message("goes on")], OTHER), expect=9)


async def test_odd_index_and_odd_names_stop_nobody(store: FileStore, tmp_path: Path) -> None:
    await filled(store, SESSION)
    root = tmp_path / "sessions"
    (root / ".index.jsonl").symlink_to("/dev/zero")
    for name in ("a\nb", "session_x\n", "\udcff", " ", "x" * 200):
        (root / name).mkdir()
    assert await store.get_index() == b""
    assert [each.stream_id for each in await store.list_streams()] == [SESSION]
    assert FileLogReader(root).stream_ids() == [SESSION]


async def test_session_folder_that_is_a_link_is_damage(store: FileStore, tmp_path: Path) -> None:
    await filled(store, SESSION)
    root = tmp_path / "sessions"
    claim: Claim | None = store.claimed(SESSION)
    assert claim is not None
    await store.release(claim)
    (root / SESSION).rename(tmp_path / "elsewhere")
    (root / SESSION).symlink_to(tmp_path / "elsewhere")
    claim = await store.claim(SESSION)
    assert claim.damage is not None
    assert claim.damage.problem == "its folder is a symbolic link"


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.campaign), 311])
async def test_log_that_shrinks_at_any_byte_is_damage_of_that_session(tmp_path: Path, every: int) -> None:
    """While it is open: reads in both directions end, and say so where something is missing."""
    for size in range(0, len(LOG), every):
        store = FileStore(tmp_path / str(size), disk=QuickDisk())
        store.open()
        claim = await store.create(SESSION, APPENDS[0])
        for lines in APPENDS[1:]:
            await store.append(claim, lines, expect=claim.head)
        os.truncate(tmp_path / str(size) / SESSION / "events.jsonl", size)
        async with asyncio.timeout(LIMIT_SECONDS):
            await must_be_told(store, size)
            with pytest.raises((LogChanged, Damaged)):
                await store.append(claim, lines_of(HEAD + 1, [message("no")]), expect=HEAD)
        assert claim.damage is not None
        store.close()


async def read_all(store: FileStore, claim: Claim) -> None:
    found = b""
    while found.count(b"\n") < HEAD:
        found += await store.read(claim, found.count(b"\n"), 4)
        assert LOG.startswith(found)


async def must_be_told(store: FileStore, size: int) -> None:
    claim = store.claimed(SESSION)
    assert claim is not None
    with pytest.raises(Damaged, match=f"the file has {size} bytes, and had {len(LOG)}"):
        await read_all(store, claim)
    with pytest.raises(Damaged):
        await store.read_back(claim, None, 4)
