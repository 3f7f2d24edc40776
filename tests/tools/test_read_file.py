"""read_file: numbered lines, within bounds."""

from pathlib import Path

import pytest

from duragent.file_types import ATTACHMENT_MAX_BYTES
from duragent.testing.tool_context import ToldSessions
from duragent.tools.base import ResultFile
from duragent.tools.read_file import MAX_RESULT_BYTES, ReadFile
from tests.tools.calling import call


async def test_read_file_numbers_the_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\n\ntw\xff\xc3\xb6")

    result = await call(ReadFile(), tmp_path, path="a.txt")

    assert result.content == "     1→one\n     2→\n     3→tw\ufffdö"
    assert result.details == {"path": "a.txt", "first_line": 1, "last_line": 3}


async def test_read_file_tells_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"{n}\n" for n in range(1, 11)))

    page = await call(ReadFile(), tmp_path, path="a.txt", offset=3, limit=2)
    last = await call(ReadFile(), tmp_path, path="a.txt", offset=10)
    past = await call(ReadFile(), tmp_path, path="a.txt", offset=11)

    assert page.content == "     3→3\n     4→4\n[lines 3 to 4 of 10; go on with offset=5]"
    assert last.content == "    10→10"
    assert (past.content, past.outcome) == ("a.txt has 10 lines; there is no line 11.", "error")


async def test_read_file_is_bounded_in_lines_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "long").write_text("ä" * 5_000_000 + "\nend\n")
    (tmp_path / "many").write_text(("x" * 999 + "\n") * 1000)

    long = await call(ReadFile(), tmp_path, path="long")
    many = await call(ReadFile(), tmp_path, path="many")

    assert long.content == f"     1→{'ä' * 2000} … [line cut: 5,000,000 characters in all]\n     2→end"
    assert len(many.content.encode()) < MAX_RESULT_BYTES + 100
    assert many.content.endswith("[lines 1 to 259 of 1000; go on with offset=260]")


async def test_read_file_tells_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\x7fELF\0\0")
    (tmp_path / "wide").write_text("größe", encoding="utf-16")

    found = [(await call(ReadFile(), tmp_path, path=name)).content for name in ("empty", "binary", "wide", "none")]

    assert found == [
        "empty is empty.",
        "binary is a binary file of 6 bytes; it is not shown.",
        "     1→größe",
        "none does not exist",
    ]


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize(
    ("content", "said"),
    [(PNG, "an image (image/png) of 16 bytes"), (b"%PDF-1.7\n", "a PDF of 9 bytes")],
)
async def test_images_and_pdfs_come_with_the_result_whatever_their_name(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "a.txt").write_bytes(content)

    result = await call(ReadFile(), tmp_path, path="a.txt", offset=7)

    assert (result.outcome, result.content) == ("ok", f"a.txt is {said}.")
    assert result.files == (ResultFile("a.txt", content),)


async def test_image_that_is_larger_than_an_attachment_may_be_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "large.png").open("wb") as file:
        file.write(PNG)
        file.truncate(ATTACHMENT_MAX_BYTES + 1)

    result = await call(ReadFile(), tmp_path, path="large.png")

    assert (result.outcome, result.files) == ("error", ())
    assert result.content == "large.png is an image (image/png) of more than 20,971,520 bytes: too large to be shown."


async def test_files_of_messages_are_read_as_those_of_the_folder_are(tmp_path: Path) -> None:
    (tmp_path / "attachment:a.txt").write_text("of the folder")
    tool = ReadFile(ToldSessions(files={"a.txt": b"one\ntwo\n", "a.png": PNG, "a.bin": b"\0"}))

    names = ("attachment:a.txt", "attachment:a.png", "attachment:a.bin", "./attachment:a.txt")
    text, image, binary, own = [await call(tool, tmp_path, path=name, limit=1) for name in names]

    assert text.content == "     1→one\n[lines 1 to 1 of 2; go on with offset=2]"
    assert image.content == "attachment:a.png is an image (image/png) of 16 bytes."
    assert image.files == (ResultFile("a.png", PNG),)
    assert binary.content == "attachment:a.bin is a binary file of 1 bytes; it is not shown."
    assert own.content == "     1→of the folder"


async def test_file_that_came_with_no_message_is_not_found(tmp_path: Path) -> None:
    result = await call(ReadFile(), tmp_path, path="attachment:a\nb.txt")

    assert result.outcome == "error"
    assert result.content == "No file of this name came with a message: attachment:a\ufffdb.txt"
