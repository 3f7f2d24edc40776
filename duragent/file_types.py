"""Files of messages and results: what one is, judged by its bytes and never by its name; its name, size and limits."""

import re

from duragent.visible import visible

MAX_ATTACHMENTS = 20
"""How many files a message or a result may have."""

ATTACHMENT_MAX_BYTES = 20 << 20
"""The size of one of them."""

UNKNOWN = "application/octet-stream"
"""Where nothing better is known."""

TEXT = "text/plain"
"""Any text: UTF-8, or UTF-16 that begins with its mark."""

PDF = "application/pdf"

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""The images that models take and browsers show, and that hold nothing to run."""

NAME_MAX = 200
"""Characters of a file's name; of a longer one the middle is left out."""

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic", b"avif": "image/avif"}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_OF_TEXT = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f]")
"""A text has tabs, line ends of all kinds, backspaces and, of terminals, escapes."""


def media_type_of(data: bytes) -> str:
    """The type of a file with these bytes; `UNKNOWN` for what has no clear mark and is no text."""
    if data.startswith(b"%PDF-"):
        return PDF
    if text_of(data) is not None:
        # It may be about files, and begin with the mark of one.
        return TEXT
    for beginning, media_type in _BEGINNINGS:
        if data.startswith(beginning):
            return media_type
    if data[:4] == b"RIFF" and (riff := _RIFF.get(data[8:12])):
        return riff
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "video/mp4")
    return UNKNOWN


def text_of(data: bytes) -> str | None:
    """The text that the bytes are, without a byte order mark; None when they are none."""
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except ValueError:
        return None
    return None if _NOT_OF_TEXT.search(text) else text


def file_name(name: str) -> str:
    """The name without folders, on one line, safe to show and of usual length; never ""."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    shown = visible(" ".join(last.split()))
    if len(shown) > NAME_MAX:
        kept = NAME_MAX // 2
        shown = f"{shown[: kept - 1]}…{shown[-kept:]}"
    return "file" if shown in ("", ".", "..") else shown


def size_in_words(size_bytes: int) -> str:
    """`10.0 MB`, `12 kB`, `900 bytes`."""
    if size_bytes >= 1_000_000:
        return f"{size_bytes / 1_000_000:.1f} MB"
    if size_bytes >= 1_000:
        return f"{size_bytes // 1_000} kB"
    return "1 byte" if size_bytes == 1 else f"{size_bytes} bytes"
