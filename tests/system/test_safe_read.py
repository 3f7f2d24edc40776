"""Opening and reading where anything may stand: nothing blocks, and no link is followed by surprise."""

import os
from pathlib import Path

import pytest

from duragent.system.safe_read import OddFile, open_file, read_all, read_beginning, read_file
from tests.support.odd_files import ODD, Odd


def test_beginning_of_a_file_ends_at_the_limit_and_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    (tmp_path / "link").symlink_to("file")
    assert read_beginning(tmp_path / "file", 4) == b"0123"
    assert read_beginning(tmp_path / "link", 100) == b"0123456789"


def test_beginning_of_what_cannot_be_read_is_empty(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    for name in ("missing", "circle", ".", "a\0b"):
        assert read_beginning(tmp_path / name, 100) == b"", name


def test_pipe_does_not_block_whether_or_not_it_has_a_writer(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert read_beginning(pipe, 100) == b""
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY)
    try:
        assert read_beginning(pipe, 100) == b""
    finally:
        os.close(writer)
        os.close(reader)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.__name__)
def test_only_a_regular_file_of_a_usual_size_is_read(tmp_path: Path, odd: Odd) -> None:
    odd(tmp_path / "x")
    with pytest.raises(OddFile) as caught:
        read_file(tmp_path / "x", 100)
    assert caught.value.problem == PROBLEMS[odd.__name__]


PROBLEMS = {
    "named_pipe": "it is a named pipe, not a file",
    "endless_device": "it is a symbolic link, not a file",
    "dangling_link": "it is a symbolic link, not a file",
    "link_to_itself": "it is a symbolic link, not a file",
    "folder": "it is a folder, not a file",
    "unix_socket": "it is a socket, not a file",
    "real_device": "it is a device, not a file",
    "too_long": f"it has {1 << 40:,} bytes, more than the 100 that it may have",
}


def test_a_file_is_read_up_to_the_limit_and_refused_beyond_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    assert read_file(tmp_path / "file", 10) == b"0123456789"
    with pytest.raises(OddFile, match="it has 10 bytes, more than the 9"):
        read_file(tmp_path / "file", 9)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "missing", 9)


def test_a_file_is_made_only_when_that_is_wanted_and_never_through_a_link(tmp_path: Path) -> None:
    os.close(open_file(tmp_path / "new", os.O_RDWR | os.O_CREAT))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to("elsewhere")
    with pytest.raises(OddFile):
        open_file(tmp_path / "link", os.O_RDWR | os.O_CREAT)
    assert not (tmp_path / "elsewhere").exists()


def test_all_of_a_file_is_read_wherever_its_descriptor_stands(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    descriptor = open_file(tmp_path / "file")
    try:
        os.lseek(descriptor, 1_000_000, os.SEEK_SET)
        assert read_all(descriptor, 3_000_000) == b"x" * 3_000_000
    finally:
        os.close(descriptor)
