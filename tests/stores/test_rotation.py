"""A log in several files: read as one, whole after every crash of the change-over, and checked in all its parts."""

import contextlib
from pathlib import Path

import pytest

from duragent.crashpoint import CrashPointReached
from duragent.errors import Damaged
from duragent.stores.files.disk import Disk
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from tests.support.logs import SESSION, QuickDisk, lines_of, message

LINES = [line for seq in range(1, 21) for line in lines_of(seq, [message(f"text {seq}")])]


def a_store(root: Path, *, events: int = 6, disk: Disk | None = None) -> FileStore:
    store = FileStore(root, disk=disk or QuickDisk(), rotation=Rotation(events=events))
    store.open()
    return store


async def filled(root: Path) -> FileStore:
    """20 records in events-1, events-7, events-13 and the active file."""
    store = a_store(root)
    claim = await store.create(SESSION, LINES[:1])
    for line in LINES[1:]:
        await store.append(claim, [line], expect=claim.head)
    return store


def names(root: Path) -> list[str]:
    return sorted(path.name for path in (root / SESSION).iterdir())


async def test_log_of_several_files_is_read_as_one_in_both_directions(tmp_path: Path) -> None:
    store = await filled(tmp_path)
    assert names(tmp_path) == ["events-1.jsonl", "events-13.jsonl", "events-7.jsonl", "events.jsonl"]
    for again in (False, True):
        claim = await store.claim(SESSION) if again else store.claimed(SESSION)
        assert claim is not None
        assert (claim.head, claim.oldest, claim.damage) == (20, 1, None)
        for after in range(20):
            for limit in (1, 3, 100):
                last = min(after + limit, (after // 6 + 1) * 6, 20)
                assert await store.read(claim, after, limit) == b"".join(LINES[after:last])
        for before in range(1, 22):
            for limit in (1, 3, 100):
                first = max(0, before - 1 - limit, (before - 2) // 6 * 6)
                assert await store.read_back(claim, before, limit) == b"".join(LINES[first : before - 1])
    await store.verify(SESSION)
    assert list(FileLogReader(tmp_path).lines(SESSION, 4)) == LINES[4:]
    store.close()


async def test_log_is_sealed_by_size_too(tmp_path: Path) -> None:
    store = FileStore(tmp_path, disk=QuickDisk(), rotation=Rotation(size_bytes=300))
    store.open()
    claim = await store.create(SESSION, LINES[:1])
    for line in LINES[1:7]:
        await store.append(claim, [line], expect=claim.head)
    assert names(tmp_path) == ["events-1.jsonl", "events-4.jsonl", "events.jsonl"]
    assert [(tmp_path / SESSION / name).read_bytes() for name in names(tmp_path)] == [
        b"".join(LINES[:3]),
        b"".join(LINES[3:6]),
        LINES[6],
    ]
    store.close()


class DiesWhenALogIsSealed(QuickDisk):
    """Gives a log its sealed name, and does no more."""

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        if new.name.startswith("events-"):
            raise CrashPointReached("log.rotated")


async def test_crash_between_sealing_and_the_new_file_is_mended(tmp_path: Path) -> None:
    store = a_store(tmp_path, disk=DiesWhenALogIsSealed())
    claim = await store.create(SESSION, LINES[:1])
    for line in LINES[1:6]:
        await store.append(claim, [line], expect=claim.head)
    with pytest.raises(CrashPointReached):
        await store.append(claim, [LINES[6]], expect=6)
    assert names(tmp_path) == ["events-1.jsonl"]

    reader = FileLogReader(tmp_path)
    assert (reader.stream_ids(), list(reader.lines(SESSION))) == ([SESSION], LINES[:6])
    store = a_store(tmp_path)
    assert [listed.stream_id for listed in await store.list_streams()] == [SESSION]
    await store.verify(SESSION)
    for _ in range(2):
        claim = await store.claim(SESSION)
        assert (claim.head, claim.torn, claim.damage) == (6, None, None)
    assert [listed.stream_id for listed in await store.list_streams()] == [SESSION]
    assert await store.read_back(claim, None, 2) == b"".join(LINES[4:6])
    await store.append(claim, [LINES[6]], expect=6)
    assert await store.read(claim, 6, 9) == LINES[6]
    assert list(reader.lines(SESSION)) == LINES[:7]
    store.close()


@pytest.mark.parametrize(
    ("file", "old", "new", "good"),
    [
        ("events-1.jsonl", b"text 2", b"text X", 1),
        ("events-7.jsonl", b"text 8", b"text X", 7),
        ("events-7.jsonl", b"text 12", b"text XX", 11),
        ("events-13.jsonl", b'"seq":13', b'"seq":14', 12),
        ("events-7.jsonl", None, b"", 6),
        ("events-7.jsonl", None, b"garbage\n", 6),
        ("events-7.jsonl", None, b"".join(LINES[6:10]), 10),
        ("events-7.jsonl", None, b"".join(LINES[6:11]) + LINES[11][:-1], 11),
        ("events-13.jsonl", None, None, 12),
        ("events-7.jsonl", None, None, 6),
    ],
)
async def test_fault_in_a_sealed_file_is_told_and_what_is_before_it_served(
    tmp_path: Path, file: str, old: bytes | None, new: bytes | None, good: int
) -> None:
    (await filled(tmp_path)).close()
    path = tmp_path / SESSION / file
    if new is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(old, new) if old else new)
    store = a_store(tmp_path)
    claim = await store.claim(SESSION)
    found = b""
    with contextlib.suppress(Damaged):
        while block := await store.read(claim, found.count(b"\n"), 100):
            found += block
    assert found == b"".join(LINES[:good])
    assert claim.damage is not None
    assert claim.damage.good_seq == good
    with pytest.raises(Damaged):
        await store.append(claim, lines_of(21, [message("no")]), expect=20)
    with pytest.raises(Damaged) as verified:
        await store.verify(SESSION)
    assert verified.value.good_seq == good
    shown = []
    with contextlib.suppress(Damaged):
        for line in FileLogReader(tmp_path).lines(SESSION):
            shown.append(line)
        raise AssertionError("the reader tells nothing")
    assert shown == LINES[:good]
    store.close()


async def test_files_with_similar_names_are_left_alone(tmp_path: Path) -> None:
    (await filled(tmp_path)).close()
    for name in ("events-copy.jsonl", "events-.jsonl", "events-7 (1).jsonl", "events.archive.jsonl"):
        (tmp_path / SESSION / name).write_bytes(b"mine\n")
    store = a_store(tmp_path)
    claim = await store.claim(SESSION)
    assert (claim.head, claim.damage) == (20, None)
    await store.verify(SESSION)
    store.close()


async def test_reader_beside_the_writer_sees_a_prefix_at_every_moment(tmp_path: Path) -> None:
    store = a_store(tmp_path, events=3)
    reader = FileLogReader(tmp_path)
    claim = await store.create(SESSION, LINES[:1])
    for number, line in enumerate(LINES[1:], 1):
        follow = reader.lines(SESSION)
        first = next(follow)
        await store.append(claim, [line], expect=number)
        # It was opened before the append, and perhaps before a change of files.
        seen = [first, *follow]
        assert seen == LINES[: len(seen)]
        assert len(seen) >= number
        assert [record.seq for record in reader.read(SESSION, after=number - 1)] == [number, number + 1]
    store.close()


async def test_reader_does_not_show_what_is_being_written(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    claim = await store.create(SESSION, LINES[:1])
    group = b"".join(lines_of(2, [message("a"), message("b"), message("c")]))
    log = tmp_path / SESSION / "events.jsonl"
    for cut in range(1, len(group)):
        log.write_bytes(LINES[0] + group[:cut])
        assert list(FileLogReader(tmp_path).lines(SESSION)) == LINES[:1]
    log.write_bytes(LINES[0] + group)
    assert [record.seq for record in FileLogReader(tmp_path).read(SESSION)] == [1, 2, 3, 4]
    await store.release(claim)
    store.close()


async def test_long_active_file_that_does_not_follow_the_sealed_ones_is_damage(tmp_path: Path) -> None:
    (tmp_path / SESSION).mkdir()
    (tmp_path / SESSION / "events-1.jsonl").write_bytes(b"".join(LINES[:6]))
    later = [line for seq in range(9, 20) for line in lines_of(seq, [message("w" * 200_000)])]
    (tmp_path / SESSION / "events.jsonl").write_bytes(b"".join(later))
    store = a_store(tmp_path)
    claim = await store.claim(SESSION)
    assert claim.damage is not None
    assert (claim.head, claim.damage.file, claim.damage.problem) == (6, "events.jsonl", "seq 9 follows 6")
    assert await store.read(claim, 0, 100) == b"".join(LINES[:6])
    store.close()
