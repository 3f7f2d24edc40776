"""The files of a log: which are sealed, how one is sealed, and what is wrong between them."""

from pathlib import Path

import pytest

from duragent.errors import Damaged
from duragent.stores.base import Stream
from duragent.stores.files.segments import has_log, has_sealed, log_paths, read_sealed, seal, sealed_segments
from tests.support.logs import SESSION, QuickDisk, lines_of, message

LINES = [lines_of(seq, [message(f"text {seq}")])[0] for seq in range(1, 10)]
STREAM = Stream(SESSION)


def write(folder: Path, **files: list[bytes]) -> None:
    for name, lines in files.items():
        (folder / f"{name.replace('_', '-')}.jsonl").write_bytes(b"".join(lines))


def test_sealed_files_follow_one_another(tmp_path: Path) -> None:
    write(tmp_path, events_1=LINES[:3], events_4=LINES[3:5], events=LINES[5:])
    segments, fault = sealed_segments(QuickDisk(), tmp_path, STREAM)
    assert ([(each.first, each.last) for each in segments], fault) == ([(1, 3), (4, 5)], None)
    names = [path.name for path in log_paths(QuickDisk(), tmp_path)]
    assert names == ["events-1.jsonl", "events-4.jsonl", "events.jsonl"]


@pytest.mark.parametrize(
    ("second", "name", "problem", "good"),
    [
        ({"events_5": LINES[4:6]}, "events-5.jsonl", "record 5 follows record 3", 3),
        ({"events_4": []}, "events-4.jsonl", "it holds no record", 3),
        ({"events_4": [LINES[3], LINES[4][:-2]]}, "events-4.jsonl", "the last line has no end", 4),
        (
            {"events_4": [LINES[3], LINES[4].replace(b"text", b"TEXT")]},
            "events-4.jsonl",
            "the checksum does not fit",
            4,
        ),
    ],
)
def test_fault_behind_the_good_files_is_named(
    tmp_path: Path, second: dict[str, list[bytes]], name: str, problem: str, good: int
) -> None:
    write(tmp_path, events_1=LINES[:3], **second)
    segments, fault = sealed_segments(QuickDisk(), tmp_path, STREAM)
    assert (segments[0].first, segments[0].last) == (1, 3)
    assert fault is not None
    assert (fault.file, fault.problem, fault.good_seq) == (name, problem, good)


def test_sealing_gives_the_old_file_its_name_and_begins_an_empty_one(tmp_path: Path) -> None:
    write(tmp_path, events=LINES[:3])
    disk = QuickDisk()
    segment, fd = seal(disk, tmp_path, 1, 3)
    assert (segment.path.name, segment.first, segment.last) == ("events-1.jsonl", 1, 3)
    disk.write(fd, LINES[3], 0)
    disk.close(fd)
    assert segment.path.read_bytes() == b"".join(LINES[:3])
    assert (tmp_path / "events.jsonl").read_bytes() == LINES[3]


def test_sealed_file_is_read_in_both_directions_and_a_bad_line_is_damage(tmp_path: Path) -> None:
    write(tmp_path, events_1=LINES[:5])
    disk = QuickDisk()
    (segment,), _ = sealed_segments(disk, tmp_path, STREAM)
    assert read_sealed(disk, segment, STREAM, lambda part: part.after(2, 2)) == b"".join(LINES[2:4])
    assert read_sealed(disk, segment, STREAM, lambda part: part.before(4, 2)) == b"".join(LINES[1:3])
    segment.path.write_bytes(b"".join(LINES[:5]).replace(b"text 3", b"text X"))
    with pytest.raises(Damaged) as damaged:
        read_sealed(disk, segment, STREAM, lambda part: part.after(2, 2))
    assert (damaged.value.file, damaged.value.line, damaged.value.good_seq) == ("events-1.jsonl", 3, 2)
    segment.path.unlink()
    segment.path.mkdir()
    with pytest.raises(Damaged):
        read_sealed(disk, segment, STREAM, lambda part: part.after(2, 2))


@pytest.mark.parametrize(
    ("name", "is_log", "is_sealed"),
    [
        ("events.jsonl", True, False),
        ("events-7.jsonl", True, True),
        ("state.json", True, False),
        ("state.yaml", False, False),
        ("events-x.jsonl", False, False),
        ("events.torn-7", False, False),
    ],
)
def test_names_of_a_log(tmp_path: Path, name: str, is_log: bool, is_sealed: bool) -> None:
    assert not has_log(QuickDisk(), tmp_path / "absent")
    (tmp_path / name).touch()
    assert (has_log(QuickDisk(), tmp_path), has_sealed(QuickDisk(), tmp_path)) == (is_log, is_sealed)
