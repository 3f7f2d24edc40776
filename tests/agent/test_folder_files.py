"""Text files that must lie in one folder, wherever their symbolic links lead."""

import os
from pathlib import Path

import pytest

from duragent.agent.folder_files import followed, inside, names_in, read_inside, read_text_inside, signature
from duragent.errors import InvalidFile
from tests.support.odd_files import ODD, Odd


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path.resolve() / "folder"
    made.mkdir()
    (made / "a.md").write_text("text")
    (made / "link.md").symlink_to("a.md")
    (made / "out.md").symlink_to("../outside")
    (made.parent / "outside").write_text("secret")
    return made


@pytest.mark.parametrize("name", ["a.md", "link.md", "../folder/a.md"])
def test_path_that_ends_in_the_folder_is_inside(folder: Path, name: str) -> None:
    assert inside(folder, folder / name) == folder / "a.md"


@pytest.mark.parametrize("name", ["out.md", "..", "../outside", "/etc/passwd"])
def test_path_that_leads_out_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(InvalidFile, match="leads out of"):
        inside(folder, folder / name)


@pytest.mark.parametrize("name", ["a\0b"])
def test_path_that_cannot_be_followed_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(InvalidFile, match="cannot be followed"):
        followed(folder / name)


@pytest.mark.parametrize("odd", [each for each in ODD if each.__name__ != "too_long"], ids=lambda odd: odd.__name__)
def test_only_a_regular_file_is_read(folder: Path, odd: Odd) -> None:
    odd(folder / "x")
    with pytest.raises(InvalidFile) as caught:
        read_inside(folder, folder / "x", 100)
    assert caught.value.problem.startswith(PROBLEMS[odd.__name__])


PROBLEMS = {
    "named_pipe": "is not a regular file",
    "endless_device": "leads out of",
    "dangling_link": "does not exist",
    "link_to_itself": "cannot be",
    "folder": "is a folder, not a file",
    "unix_socket": "is not a regular file",
    "real_device": "is not a regular file",
}


def test_one_byte_more_than_the_limit_is_read_to_tell_that_there_is_more(folder: Path) -> None:
    assert read_inside(folder, folder / "a.md", 4) == b"text"
    assert read_inside(folder, folder / "a.md", 2) == b"tex"


@pytest.mark.parametrize(("content", "text"), [(b"\xef\xbb\xbfhi", "hi"), (b"", ""), (b"12345678", "12345678")])
def test_text_is_read_without_a_byte_order_mark(folder: Path, content: bytes, text: str) -> None:
    (folder / "b.md").write_bytes(content)
    assert read_text_inside(folder, folder / "b.md", 8) == text


@pytest.mark.parametrize(
    ("content", "problem"), [(b"a\0b", "is not text"), (b"x" * 9, "is larger than"), (b"\xff", "is not UTF-8 text")]
)
def test_what_is_no_text_of_a_bounded_size_is_refused(folder: Path, content: bytes, problem: str) -> None:
    (folder / "b.md").write_bytes(content)
    with pytest.raises(InvalidFile, match=problem):
        read_text_inside(folder, folder / "b.md", 8)


def test_names_are_sorted_without_hidden_ones(folder: Path) -> None:
    (folder / ".hidden").touch()
    (folder / "B").touch()
    assert names_in(folder) == ["B", "a.md", "link.md", "out.md"]
    assert names_in(folder / "missing") == []
    with pytest.raises(InvalidFile, match="cannot be read as a folder: Not a directory"):
        names_in(folder / "a.md")


def test_signature_is_another_one_after_a_change(folder: Path) -> None:
    before = signature(folder / "a.md")
    assert before == signature(folder / "link.md") != ()
    (folder / "new").write_text("text")
    os.rename(folder / "new", folder / "a.md")
    assert signature(folder / "a.md") != before
    assert signature(folder / "missing") == signature(folder / "a\0b") == ()
