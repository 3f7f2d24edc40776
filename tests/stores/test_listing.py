"""Which streams a folder holds, and how the mark of each follows its log."""

import os
from pathlib import Path

import pytest

from duragent.stores.base import Listed
from duragent.stores.files.listing import listed
from tests.support.logs import SESSION, QuickDisk


def only(root: Path) -> Listed:
    (stream,) = listed(QuickDisk(), root)
    return stream


def test_folder_that_is_not_there_holds_none(tmp_path: Path) -> None:
    assert listed(QuickDisk(), tmp_path / "absent") == []


@pytest.mark.parametrize("name", [".deleted-session_a", "..", "Capital", "with space", "a" * 65])
def test_names_that_no_stream_has_are_passed_over(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    (folder / "events.jsonl").write_bytes(b"x")
    assert listed(QuickDisk(), tmp_path) == []


@pytest.mark.parametrize(
    ("files", "is_there"),
    [
        ({}, False),
        ({"events.jsonl": b""}, False),
        ({"events.jsonl": b"x"}, True),
        ({"events.jsonl": b"", "state.yaml": b""}, True),
        ({"state.yaml": b"x"}, True),
        ({"events-1.jsonl": b"x"}, True),
        ({"state.json": b"{}"}, True),
        ({"partial.jsonl": b"x", "events.torn-3": b"x"}, False),
    ],
)
def test_stream_is_there_when_anything_says_that_it_had_a_record(
    tmp_path: Path, files: dict[str, bytes], is_there: bool
) -> None:
    (tmp_path / SESSION).mkdir()
    for name, data in files.items():
        (tmp_path / SESSION / name).write_bytes(data)
    assert [stream.stream_id for stream in listed(QuickDisk(), tmp_path)] == [SESSION] * is_there


def test_mark_changes_with_size_time_and_inode_of_the_log_and_with_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / SESSION
    folder.mkdir()
    log = folder / "events.jsonl"
    log.write_bytes(b"one\n")
    os.utime(log, (5, 5))
    marks = [only(tmp_path).mark]
    assert only(tmp_path).changed_at == 5
    (folder / "state.yaml").write_bytes(b"x")
    (folder / "partial.jsonl").write_bytes(b"x")
    assert only(tmp_path).mark == marks[0]
    log.write_bytes(b"one\ntwo\n")
    os.utime(log, (5, 5))
    marks.append(only(tmp_path).mark)
    os.utime(log, (6, 6))
    marks.append(only(tmp_path).mark)
    other = folder / "other"
    other.write_bytes(b"one\ntwo\n")
    os.utime(other, (6, 6))
    other.replace(log)
    marks.append(only(tmp_path).mark)
    assert len(set(marks)) == 4
