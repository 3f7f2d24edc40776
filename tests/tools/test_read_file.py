"""read_file: numbered lines, within bounds."""

from pathlib import Path

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
    (tmp_path / "binary").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "wide").write_text("größe", encoding="utf-16")

    found = [(await call(ReadFile(), tmp_path, path=name)).content for name in ("empty", "binary", "wide", "none")]

    assert found == [
        "empty is empty.",
        "binary is a binary file of 6 bytes; it is not shown.",
        "     1→größe",
        "none does not exist",
    ]
