"""The type of a file by its bytes, and a name that is safe to show."""

import bz2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.file_types import NAME_MAX, TEXT, UNKNOWN, file_name, media_type_of, size_in_words, text_of
from duragent.visible import visible


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a\x01\x00", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypisom", "video/mp4"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"PK\x03\x04\x14\x00", "application/zip"),
        (b"", TEXT),
        (b"import os\n", TEXT),
        (b"ID3 tags of songs", TEXT),
        (b"ID3\x04\x00\x00", "audio/mpeg"),
        (b"BZh is how it begins", TEXT),
        (bz2.compress(b"packed"), "application/x-bzip2"),
        (b"see ftyp boxes", TEXT),
        (b"OggS is a mark", TEXT),
        (b"fLaC is a mark", TEXT),
        ("grüße".encode(), TEXT),
        ("grüße".encode("utf-8-sig"), TEXT),
        ("grüße".encode("utf-16"), TEXT),
        (b"\x1b[31mred\x1b[0m\r\n", TEXT),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", TEXT),
        ("grüße".encode("latin-1"), UNKNOWN),
        (b"a\x00b", UNKNOWN),
        (b"\x89PNG", UNKNOWN),
        (b"\x7fELF\x02\x01\x01\x00", UNKNOWN),
    ],
)
def test_a_type_is_judged_by_the_bytes(data: bytes, expected: str) -> None:
    assert media_type_of(data) == expected


@given(st.binary(max_size=40))
def test_every_text_can_be_read_as_one(data: bytes) -> None:
    assert (media_type_of(data) != TEXT) or text_of(data) is not None


def test_a_text_comes_without_its_byte_order_mark() -> None:
    assert [text_of("a ü".encode(encoding)) for encoding in ("utf-8", "utf-8-sig", "utf-16")] == ["a ü"] * 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("photo.png", "photo.png"),
        ("/home/me/a b.txt", "a b.txt"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("folder/", "folder"),
        ("", "file"),
        ("..", "file"),
        ("///", "file"),
        ("a\nb\t c.txt", "a b c.txt"),
        ("evil\u202egnp.exe", "evil<U+202E>gnp.exe"),
        ("\x1b[2Ja", "\N{REPLACEMENT CHARACTER}[2Ja"),
        ("x" * 500 + ".png", "x" * 99 + "…" + "x" * 96 + ".png"),
    ],
)
def test_a_name_is_safe_to_show(name: str, expected: str) -> None:
    assert file_name(name) == expected


@given(st.text())
def test_every_name_is_one_line_without_folders(name: str) -> None:
    named = file_name(name)
    assert 0 < len(named) <= NAME_MAX
    assert named == visible(named)
    assert not set(named) & set("\n\r\t/\\")
    assert file_name(named) == named


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1_000, "1 kB"), (123_456, "123 kB"), (999_999, "999 kB"),
        (1_000_000, "1.0 MB"), (10_000_000, "10.0 MB"),
    ],
)  # fmt: skip
def test_a_size_is_short(size_bytes: int, words: str) -> None:
    assert size_in_words(size_bytes) == words
