"""A stream that is no session: opened, written by decisions, recovered, repaired, closed."""

import asyncio
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from duragent.errors import Damaged, NotFound, StoreError
from duragent.journal.snapshot import SnapshotForm
from duragent.stores.files.store import FileStore
from duragent.streams import stream_log
from duragent.streams.repair import mend_stream
from duragent.streams.stream_log import StreamLog
from duragent.testing.store_kinds import EntryWritten
from tests.streams.notebook import FOLD, KIND, Book, first, ports, write
from tests.support.until import until

NAME = "book-ada"


def open_store(tmp_path: Path) -> FileStore:
    sessions = FileStore(tmp_path / "sessions")
    sessions.open()
    return sessions


def log_file(tmp_path: Path) -> Path:
    return tmp_path / "streams" / NAME / "events.jsonl"


async def test_stream_that_is_written_is_the_same_after_a_restart(tmp_path: Path) -> None:
    for node in ("n1", "n2"):
        sessions = open_store(tmp_path)
        store = sessions.beside(tmp_path / "streams", KIND)
        log = await StreamLog.open_or_create(ports(store, node), NAME, FOLD, first)
        await write(log, f"{node} a", f"{node} b")
        await log.close()
        sessions.close()
    sessions = open_store(tmp_path)
    log = await StreamLog.open(ports(sessions.beside(tmp_path / "streams", KIND)), NAME, FOLD)
    assert log.state == Book(NAME, 7, 2, "n2", ("n1 a", "n1 b", "n2 a", "n2 b"))
    types = [record.event.type for record in await log.records(0, 100)]
    written = ["owner_claimed", "entry_written", "entry_written"]
    assert types == ["notebook_opened", *written, *written]
    assert [record.seq for record in await log.records_back(None, 2)] == [6, 7]
    sessions.close()


async def test_decision_sees_the_state_that_it_follows_and_may_name_nothing(tmp_path: Path) -> None:
    sessions = open_store(tmp_path)
    log = await StreamLog.create(ports(sessions.beside(tmp_path / "streams", KIND)), NAME, FOLD, first())

    def once(state: Book) -> Sequence[EntryWritten]:
        return [] if "a" in state.entries else [EntryWritten(text="a")]

    assert len(await log.commit(once, then=lambda state: [EntryWritten(text=f"{len(state.entries)}")])) == 3
    assert await log.commit(once) == []
    assert log.state.entries == ("a", "1")
    sessions.close()


async def test_folder_of_streams_is_made_with_the_first_stream(tmp_path: Path) -> None:
    sessions = open_store(tmp_path)
    store = sessions.beside(tmp_path / "streams", KIND)
    assert await store.list_streams() == []
    with pytest.raises(NotFound, match="notebook 'book-ada' not found"):
        await StreamLog.open(ports(store), NAME, FOLD)
    assert not (tmp_path / "streams").exists()
    await StreamLog.create(ports(store), NAME, FOLD, first())
    assert [listed.stream_id for listed in await store.list_streams()] == [NAME]
    with pytest.raises(StoreError, match="notebook 'book-ada' exists"):
        await StreamLog.create(ports(store), NAME, FOLD, first())
    sessions.close()


async def test_store_serves_its_own_names_alone(tmp_path: Path) -> None:
    sessions = open_store(tmp_path)
    store = sessions.beside(tmp_path / "streams", KIND)
    await StreamLog.create(ports(store), NAME, FOLD, first())
    (tmp_path / "streams" / "other-ada").mkdir()
    (tmp_path / "streams" / "other-ada" / "events.jsonl").write_bytes(log_file(tmp_path).read_bytes())
    with pytest.raises(NotFound):
        await StreamLog.open(ports(store), "other-ada", FOLD)
    assert [listed.stream_id for listed in await store.list_streams()] == [NAME]
    sessions.close()


async def test_stores_share_the_count_of_open_files(tmp_path: Path) -> None:
    sessions = FileStore(tmp_path / "sessions", open_logs=lambda: 1)
    sessions.open()
    store = sessions.beside(tmp_path / "streams", KIND)
    logs = [await StreamLog.create(ports(store), f"book-{name}", FOLD, first()) for name in "abc"]
    links = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert [link for link in links if link.startswith(str(tmp_path)) and link.endswith("events.jsonl")] == [
        str(tmp_path / "streams" / "book-c" / "events.jsonl")
    ]
    await write(logs[0], "still there")
    assert logs[0].state.entries == ("still there",)
    sessions.close()


async def test_torn_tail_is_cut_off_and_told(tmp_path: Path) -> None:
    sessions = open_store(tmp_path)
    log = await StreamLog.create(ports(sessions.beside(tmp_path / "streams", KIND)), NAME, FOLD, first())
    await write(log, "kept")
    sessions.close()
    with log_file(tmp_path).open("ab") as file:
        file.write(b'{"seq":4,"ts":"20')
    sessions = open_store(tmp_path)
    log = await StreamLog.open(ports(sessions.beside(tmp_path / "streams", KIND), "n2"), NAME, FOLD)
    await write(log, "more")
    assert (log.state.entries, log.state.recovered, log.state.epoch) == (("kept", "more"), 1, 2)
    sessions.close()


async def test_damaged_stream_is_read_only_until_it_is_mended(tmp_path: Path) -> None:
    sessions = open_store(tmp_path)
    log = await StreamLog.create(ports(sessions.beside(tmp_path / "streams", KIND)), NAME, FOLD, first())
    for text in ("kept", "spoiled", "behind"):
        await write(log, text)
    sessions.close()
    log_file(tmp_path).write_bytes(log_file(tmp_path).read_bytes().replace(b"spoiled", b"SPOILED"))
    sessions = open_store(tmp_path)
    mine = ports(sessions.beside(tmp_path / "streams", KIND), "n2")
    log = await StreamLog.open(mine, NAME, FOLD)
    assert isinstance(log.problem, Damaged)
    assert (log.problem.good_seq, log.state.entries) == (3, ("kept",))
    with pytest.raises(Damaged, match="notebook 'book-ada' is damaged"):
        await write(log, "lost")
    await log.close()
    claim = await mine.store.claim(NAME)
    assert claim.damage is not None
    await mend_stream(mine, claim, FOLD, claim.damage)
    log = await StreamLog.open(mine, NAME, FOLD)
    await write(log, "goes on")
    assert (log.state.entries, log.state.recovered, log.problem) == (("kept", "goes on"), 1, None)
    sessions.close()


async def test_summary_is_written_after_so_many_records_and_when_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_log, "SNAPSHOT_RECORDS", 3)
    sessions = open_store(tmp_path)
    store = sessions.beside(tmp_path / "streams", KIND)
    log = await StreamLog.create(ports(store), NAME, FOLD, first())
    await write(log, "a")
    assert await store.get_snapshot(NAME) is None
    await log.close()
    data = await store.get_snapshot(NAME)
    assert data is not None
    assert KIND.snapshots is not None
    saved = KIND.snapshots.load(data, NAME)
    assert saved is not None
    assert saved.state == log.state
    assert KIND.snapshots.load(data, "book-other") is None
    sessions.close()


async def test_summary_is_made_beside_the_loop_and_the_last_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    slow = threading.Event()

    def made_in(state: Book) -> dict[str, object]:
        threads.append(threading.get_ident())
        if len(threads) == 1:
            slow.wait(10)
        return {}

    form = SnapshotForm("test/notebook/v1", Book, "book", made_in)
    fold = replace(FOLD, kind=replace(KIND, snapshots=form))
    monkeypatch.setattr(stream_log, "SNAPSHOT_RECORDS", 2)
    sessions = open_store(tmp_path)
    log = await StreamLog.open_or_create(ports(sessions.beside(tmp_path / "streams", fold.kind)), NAME, fold, first)
    await write(log, "a", "b")
    await until(lambda: bool(threads))
    await write(log, "c")
    closing = asyncio.ensure_future(log.close())
    await asyncio.sleep(0)
    slow.set()
    await closing
    assert threading.get_ident() not in threads
    saved = form.load((log_file(tmp_path).parent / "state.yaml").read_bytes(), NAME)
    assert saved is not None
    assert saved.state.entries == ("a", "b", "c")
    sessions.close()


async def test_text_beside_a_stream_is_kept_until_it_is_dropped(tmp_path: Path) -> None:
    sessions = open_store(tmp_path)
    log = await StreamLog.create(ports(sessions.beside(tmp_path / "streams", KIND)), NAME, FOLD, first())
    name = await log.put_blob(b"an earlier version")
    assert await log.blob(name) == b"an earlier version"
    await log.drop_blob(name)
    with pytest.raises(Damaged, match="absent"):
        await log.blob(name)
    sessions.close()
