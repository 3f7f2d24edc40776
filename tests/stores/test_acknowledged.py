"""What was acknowledged is recognised, and is saved only when it is all there."""

import errno
from pathlib import Path

import pytest

from duragent.journal.record import crc_seed
from duragent.stores.files.acknowledged import Acknowledged, copy_over, keep_conflict
from tests.support.logs import SESSION, QuickDisk, lines_of, message

LINES = [lines_of(seq, [message(f"text {seq}")])[0] for seq in range(4, 9)]
DATA = b"".join(LINES)
PART = Acknowledged(first=4, head=7, end=len(b"".join(LINES[:4])), seed=crc_seed(SESSION))
GOOD = DATA[: PART.end]


@pytest.mark.parametrize(
    ("data", "is_in"),
    [
        (GOOD, True),
        (DATA, False),
        (GOOD[:-1], False),
        (b"".join(LINES[:3]), False),
        (b"".join([*LINES[:2], LINES[3]]), False),
        (GOOD.replace(b"text 5", b"text X"), False),
        (b"", False),
    ],
)
def test_only_the_very_records_are_what_was_acknowledged(data: bytes, is_in: bool) -> None:
    assert PART.is_in(data) == is_in


def test_file_without_a_record_holds_what_was_acknowledged_of_it() -> None:
    assert Acknowledged(first=4, head=3, end=0, seed=PART.seed).is_in(b"")


def test_copy_takes_the_name_with_the_acknowledged_part_and_nothing_behind_it(tmp_path: Path) -> None:
    disk, path = QuickDisk(), tmp_path / "events.jsonl"
    path.write_bytes(DATA + b"half a li")
    before = path.stat().st_ino
    fd = copy_over(disk, path, disk.open(path), PART)
    assert (path.read_bytes(), path.stat().st_ino == before) == (GOOD, False)
    disk.write(fd, b"more", PART.end)
    disk.close(fd)
    assert path.read_bytes() == GOOD + b"more"


def test_part_that_cannot_be_read_back_is_not_copied(tmp_path: Path) -> None:
    disk, path = QuickDisk(), tmp_path / "events.jsonl"
    path.write_bytes(bad := DATA.replace(b"text 5", b"text X"))
    fd = disk.open(path)
    with pytest.raises(OSError, match="cannot be read back") as refused:
        copy_over(disk, path, fd, PART)
    assert (refused.value.errno, path.read_bytes()) == (errno.EIO, bad)
    # It is still open: the log decides what becomes of it.
    disk.close(fd)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (DATA, "; the log as acknowledged is kept in events.conflict-7"),
        (DATA[:50], "; what is left of the log is kept in events.conflict-7"),
    ],
)
def test_open_file_that_lost_its_name_is_kept_beside_the_log(tmp_path: Path, content: bytes, words: str) -> None:
    disk, path = QuickDisk(), tmp_path / "events.jsonl"
    path.write_bytes(content)
    fd = disk.open(path)
    path.unlink()
    assert keep_conflict(disk, tmp_path, fd, PART) == words
    assert (tmp_path / "events.conflict-7").read_bytes() == content[: PART.end]
    disk.close(fd)


def test_conflict_that_cannot_be_kept_is_not_spoken_of(tmp_path: Path) -> None:
    disk, path = QuickDisk(), tmp_path / "events.jsonl"
    path.write_bytes(DATA)
    fd = disk.open(path)
    assert keep_conflict(disk, tmp_path / "gone", fd, PART) == ""
    disk.close(fd)
