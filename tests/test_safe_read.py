import os
from pathlib import Path

from duragent.system.safe_read import read_beginning


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
