"""Text in files: told from binary, decoded, read line by line."""

import io

import pytest

from duragent.tools.files.text import encoding_of, lines


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"", "utf-8"),
        (b"plain\n", "utf-8"),
        ("Größe".encode(), "utf-8"),
        (b"\xff\xfea\0", "utf-16"),
        (b"\xfe\xff\0a", "utf-16"),
        (b"\xef\xbb\xbfa", "utf-8-sig"),
        (b"a\0b", None),
        (b"a" * 9_000 + b"\0", "utf-8"),
    ],
)
def test_first_bytes_tell_the_encoding(content: bytes, encoding: str | None) -> None:
    file = io.BytesIO(content)
    assert encoding_of(file) == encoding
    assert file.tell() == 0


@pytest.mark.parametrize(
    ("content", "encoding", "expected"),
    [
        (b"", "utf-8", []),
        (b"a\nb", "utf-8", [("a", 1), ("b", 1)]),
        (b"a\r\n\n", "utf-8", [("a", 1), ("", 0)]),
        (b"123456\nx\n", "utf-8", [("1234", 6), ("x", 1)]),
        (b"1" * 200_000 + b"\nx", "utf-8", [("1111", 200_000), ("x", 1)]),
        (b"a\xffb", "utf-8", [("a\ufffdb", 3)]),
        ("a\nä".encode("utf-16"), "utf-16", [("a", 1), ("ä", 1)]),
    ],
)
def test_lines_come_with_their_length_and_no_longer_than_asked(
    content: bytes, encoding: str, expected: list[tuple[str, int]]
) -> None:
    assert list(lines(io.BytesIO(content), encoding, 4)) == expected
