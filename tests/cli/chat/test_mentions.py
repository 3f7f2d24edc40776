"""Files that a message mentions."""

import os
from pathlib import Path

import pytest

from duragent.cli.chat.mentions import FILE_BYTES, WithFiles, with_files
from duragent.file_types import ATTACHMENT_MAX_BYTES, MAX_ATTACHMENTS


def told(text: str, here: Path) -> WithFiles:
    return with_files(text, text, here, here)


@pytest.mark.parametrize(
    "text",
    ["look at @a.py", "@a.py", "(@a.py)", "is @a.py, too?", "@a.py.", 'see @"a.py"', "@./a.py and @a.py", "a\n@a.py"],
)
def test_file_that_is_mentioned_goes_with_the_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    assert told(text, tmp_path) == WithFiles(f"{text}\n\na.py:\n```\nx = 1\n```", ("with a.py (1 line)",))


@pytest.mark.parametrize(
    "text", ["ada@a.py", "@", "@nobody", "@folder", '@""', "@a.pyx", "@a\0b", "@/", "@~nobody/x", f"@{'x' * 300}"]
)
def test_what_names_no_file_is_a_word(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "folder").mkdir()
    assert told(text, tmp_path) == WithFiles(text)


def test_only_what_the_person_wrote_mentions_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")
    assert with_files("see this: @key", "see [pasted 11 lines]", tmp_path, None) == WithFiles("see this: @key")


def test_fence_is_longer_than_those_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("````\ncode\n````")
    assert told("@a.md", tmp_path).text == "@a.md\n\na.md:\n`````\n````\ncode\n````\n`````"


def test_names_with_spaces_and_of_other_folders_are_told_so_that_the_agent_finds_them(tmp_path: Path) -> None:
    project, here, home = tmp_path / "p", tmp_path / "p" / "deep", tmp_path / "other"
    here.mkdir(parents=True)
    home.mkdir()
    (here / "a b.txt").write_text("one")
    (home / "c.txt").write_text("two\n")
    text = '@"a b.txt" @../../other/c.txt'
    assert with_files(text, text, here, project).text == (
        f"{text}\n\ndeep/a b.txt:\n```\none\n```\n\n{home}/c.txt:\n```\ntwo\n```"
    )


def test_what_is_no_short_text_goes_with_it_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "long.log").write_text("x" * (FILE_BYTES + 1))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "latin").write_bytes(b"\xe4")
    (tmp_path / "link").symlink_to(tmp_path / "latin")
    text = "@long.log @deep/p.png @latin @link"

    found = told(text, tmp_path)

    assert found.text == text
    assert [(upload.name, upload.source) for upload in found.attached] == [
        ("long.log", tmp_path / "long.log"),
        ("p.png", tmp_path / "deep" / "p.png"),
        ("latin", tmp_path / "latin"),
        ("link", tmp_path / "latin"),
    ]
    assert found.notes[:2] == ("with long.log (a file of 100 kB)", "with p.png (a file of 8 bytes)")


def test_what_cannot_go_with_it_is_said(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(ATTACHMENT_MAX_BYTES + 1)
    os.mkfifo(tmp_path / "pipe")
    text = "@huge @pipe"

    found = told(text, tmp_path)

    assert (found.text, found.attached) == (text, ())
    assert found.notes == (
        "without huge: it has 20,971,521 bytes, more than the 20,971,520 that it may have; the agent gets its name",
        "without pipe: it is a named pipe, not a file; the agent gets its name",
    )


def test_message_takes_no_more_files_than_the_server_does(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(MAX_ATTACHMENTS + 1)]
    for name in names:
        (tmp_path / name).write_bytes(b"\0")

    found = told(" ".join(f"@{name}" for name in names), tmp_path)

    assert [upload.name for upload in found.attached] == names[:-1]
    assert found.notes[-1] == "without f20: a message takes at most 20 files; the agent gets its name"


def test_text_of_all_files_of_a_message_has_a_limit_together(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(4)]
    for name in names:
        (tmp_path / name).write_text("x" * (FILE_BYTES - 1) + "\n")
    found = told(" ".join(f"@{name}" for name in names), tmp_path)
    assert len(found.text) < 3 * FILE_BYTES + 100
    assert [upload.name for upload in found.attached] == ["f3"]
