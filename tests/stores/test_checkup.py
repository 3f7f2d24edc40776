"""Looking a session over from its files: what is found, and that nothing is changed."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from duragent.errors import Damaged, SessionNotFound
from duragent.journal import events as e
from duragent.journal import snapshot
from duragent.journal.record import Record, crc_seed, encode
from duragent.stores.files.checkup import check
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.store import FileStore
from duragent.stores.reader import Checkup
from duragent.stores.replay import replay
from tests.stores.test_repair import LINES, files, make_log, write_snapshot
from tests.support.logs import SESSION, TS, QuickDisk, conversation, lines_of, spoil
from tests.support.places import GOLDEN

OLD_LOG = GOLDEN / "duragent-rust-v0.5.jsonl"


def seen(found: Checkup) -> tuple[int, int, str]:
    """Good records, bytes behind them, and where the damage is."""
    return found.records, found.behind_bytes, f"{found.damage.file}:{found.damage.line}" if found.damage else ""


@pytest.mark.parametrize("events", [3, 100])
async def test_whole_log_is_whole_and_looking_changes_nothing(tmp_path: Path, events: int) -> None:
    folder = await make_log(tmp_path, events)
    write_snapshot(folder, 15)
    before = files(folder)
    found = check(tmp_path, SESSION)
    assert (seen(found), found.is_whole, found.blobs, found.kept_aside) == ((15, 0, ""), True, 0, ())
    assert found.good_bytes == sum(map(len, LINES))
    assert files(folder) == before


async def test_damage_is_found_with_its_file_and_line(tmp_path: Path) -> None:
    folder = await make_log(tmp_path, 5)
    spoil(folder, 8)
    found = check(tmp_path, SESSION)
    assert seen(found) == (7, sum(map(len, LINES[7:])), "events-6.jsonl:3")
    assert found.damage is not None
    assert (found.damage.good_seq, found.damage.problem) == (7, "the checksum does not fit")


async def test_torn_tail_is_no_damage(tmp_path: Path) -> None:
    folder = await make_log(tmp_path)
    with (folder / "events.jsonl").open("ab") as log:
        log.write(lines_of(16, [e.SessionRenamed(title="x")])[0][:20])
    assert seen(check(tmp_path, SESSION)) == (15, 20, "")


async def test_record_whose_checksum_fits_and_that_is_none_is_damage(tmp_path: Path) -> None:
    folder = await make_log(tmp_path, 100)
    bad = encode(Record(16, TS, e.Opaque(type="turn_ended", payload={"turn": 7})), crc_seed(SESSION)).line
    with (folder / "events.jsonl").open("ab") as log:
        log.write(bad)
    assert seen(check(tmp_path, SESSION)) == (15, len(bad), "events.jsonl:16")
    with pytest.raises(Damaged):
        replay(FileLogReader(tmp_path), SESSION)
    assert replay(FileLogReader(tmp_path), SESSION, 15).state.seq == 15


async def test_log_that_lost_what_its_summary_has_seen_is_damaged(tmp_path: Path) -> None:
    folder = await make_log(tmp_path, 100)
    write_snapshot(folder, 15)
    (folder / "events.jsonl").write_bytes(b"".join(LINES[:13]))
    found = check(tmp_path, SESSION)
    assert (seen(found), found.is_whole) == ((13, 0, "events.jsonl:14"), False)


async def test_blobs_that_are_absent_changed_or_unreadable_are_named(tmp_path: Path) -> None:
    store = FileStore(tmp_path, disk=QuickDisk())
    store.open()
    texts = {hashlib.sha256(data).hexdigest(): data for data in (b"one", b"two", b"three", b"four")}
    one, two, three, _ = texts
    finished = [e.ToolFinished(turn="t", call=f"c{at}", outcome="ok", output_sha256=n) for at, n in enumerate(texts)]
    claim = await store.create(SESSION, [*conversation()[0], *lines_of(2, finished)])
    for name, data in texts.items():
        await store.put_blob(claim, name, data)
    store.close()
    found = check(tmp_path, SESSION)
    assert (found.blobs, found.lost_blobs, found.damage) == (4, [], None)
    blobs = tmp_path / SESSION / "blobs"
    (blobs / one).unlink()
    (blobs / two).write_bytes(b"2")
    (blobs / three).unlink()
    (blobs / three).mkdir()
    found = check(tmp_path, SESSION)
    assert (found.records, found.blobs, found.lost_blobs) == (5, 1, [one, two, three])
    assert found.damage is not None
    assert (found.damage.file, found.damage.problem) == (f"blobs/{one}", "the blob is absent")


async def test_what_was_put_aside_is_told(tmp_path: Path) -> None:
    folder = await make_log(tmp_path)
    for name in ("events.torn-7", "events.damaged-9", "events.conflict-2"):
        (folder / name).write_bytes(b"x")
    assert check(tmp_path, SESSION).kept_aside == ("events.conflict-2", "events.damaged-9", "events.torn-7")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_log_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    folder = await make_log(tmp_path, 100)
    (folder / "events.jsonl").chmod(0)
    found = check(tmp_path, SESSION)
    assert found.damage is not None
    assert "cannot be read" in found.damage.problem


def test_session_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    root = tmp_path / "sessions"
    root.mkdir()
    for outside in (tmp_path, tmp_path / "x"):
        outside.mkdir(exist_ok=True)
        (outside / "events.jsonl").write_bytes(b"".join(LINES))
    for name in (SESSION, "..", "../x", ""):
        with pytest.raises(SessionNotFound):
            check(root, name)


async def test_log_of_duragent_rust_is_looked_over_and_folded_too(tmp_path: Path) -> None:
    (tmp_path / "session_old").mkdir()
    shutil.copy(OLD_LOG, tmp_path / "session_old" / "events.jsonl")
    # And one that says where it is from.
    records = len(OLD_LOG.read_bytes().splitlines()) + 1
    assert seen(check(tmp_path, "session_old")) == (records, 0, "")
    found = replay(FileLogReader(tmp_path), "session_old", 2)
    assert found.state.seq == 2
    assert snapshot.facts(snapshot.dump(snapshot.Snapshot(found.state, found.last_crc))) == found.facts
