"""write_file: exactly the bytes that it is given."""

from pathlib import Path

from duragent.tools.write_file import WriteFile
from tests.tools.calling import call


async def test_write_file_creates_overwrites_and_sees_that_nothing_is_to_do(tmp_path: Path) -> None:
    done = [await call(WriteFile(), tmp_path, path="x/a.txt", content=text) for text in ("a\nb\n", "a\nc\n", "a\nc\n")]

    assert [each.content for each in done] == [
        "Created x/a.txt (4 bytes).",
        "Overwrote x/a.txt (4 bytes).",
        "x/a.txt has exactly this content already (4 bytes).",
    ]
    assert done[1].details["diff"] == "@@ -1,2 +1,2 @@\n a\n-b\n+c"
    assert (tmp_path / "x/a.txt").read_bytes() == b"a\nc\n"


async def test_write_file_with_nothing_empties_a_binary_file(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"\0\1")

    result = await call(WriteFile(), tmp_path, path="b", content="")

    assert result.content == "Overwrote b (0 bytes)."
    assert (tmp_path / "b").read_bytes() == b""


async def test_write_file_keeps_the_bytes_that_it_is_given(tmp_path: Path) -> None:
    await call(WriteFile(), tmp_path, path="a", content="\ufeffa\r\nb\0 🦀")

    assert (tmp_path / "a").read_bytes() == "\ufeffa\r\nb\0 🦀".encode()
