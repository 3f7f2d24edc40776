"""How far the file that is written is good, and the tails that are kept of it."""

from pathlib import Path

import pytest

from duragent.journal.record import crc_seed
from duragent.stores.files.opening import (
    VERIFY_AT_OPEN_BYTES,
    is_without_record,
    save_tail,
    saved_tails,
    scan_opened,
)
from tests.support.logs import SESSION, QuickDisk, lines_of, message

SEED = crc_seed(SESSION)
LINES = [lines_of(seq, [message(f"text {seq}")])[0] for seq in range(1, 5)]
DATA = b"".join(LINES)


@pytest.mark.parametrize("tail", [b"", LINES[3][:20]])
@pytest.mark.parametrize("long", [False, True])
def test_good_part_ends_before_the_torn_tail_in_short_and_long_files(tmp_path: Path, tail: bytes, long: bool) -> None:
    count = 2 + (VERIFY_AT_OPEN_BYTES // 100_000 + 1) * long
    lines = [lines_of(seq, [message("x" * (100_000 if long else 10))])[0] for seq in range(8, 8 + count)]
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(lines) + tail)
    disk = QuickDisk()
    fd = disk.open(path)
    found, first = scan_opened(disk, fd, SEED, 7)
    disk.close(fd)
    assert (first, found.seq, found.end) == (8, 7 + count, sum(map(len, lines)))
    assert found.verdict == ("torn" if tail else "clean")


@pytest.mark.parametrize(
    ("content", "without"), [(b"", True), (LINES[0][:-5], True), (DATA, False), (b"not a line\n", False)]
)
def test_file_without_a_record_is_empty_or_the_beginning_of_its_first_line(
    tmp_path: Path, content: bytes, without: bool
) -> None:
    path = tmp_path / "events.jsonl"
    assert not is_without_record(QuickDisk(), path, SEED)
    path.write_bytes(content)
    assert is_without_record(QuickDisk(), path, SEED) == without


def test_tails_of_one_place_are_kept_side_by_side_and_each_once(tmp_path: Path) -> None:
    disk = QuickDisk()
    for tail, names in (
        (b"one", ["events.torn-70"]),
        (b"one", ["events.torn-70"]),
        (b"two", ["events.torn-70", "events.torn-70.2"]),
        (b"one", ["events.torn-70", "events.torn-70.2", "events.torn-70.3"]),
    ):
        assert [path.name for path in save_tail(disk, tmp_path, 70, tail)] == names
    assert [path.read_bytes() for path in saved_tails(disk, tmp_path, 70)] == [b"one", b"two", b"one"]
    assert saved_tails(disk, tmp_path, 7) == []
