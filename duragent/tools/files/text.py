"""Text in files: told from binary, decoded, read line by line with bounds."""

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

_SNIFFED_BYTES = 8192
_CHUNK = 1 << 16
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def encoding_of(file: BinaryIO) -> str | None:
    """How to decode the file, by its first bytes; None when it is binary. The file is at its start afterwards."""
    start = file.read(_SNIFFED_BYTES)
    file.seek(0)
    marked = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    if marked is not None:
        return marked
    return None if b"\0" in start else "utf-8"


def lines(file: BinaryIO, encoding: str, max_chars: int) -> Iterator[tuple[str, int]]:
    """(text, length) of each line, without its end; of a longer one the text is the first `max_chars`.

    What cannot be decoded becomes U+FFFD. Memory stays small, however long a line is.
    """
    reader = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="\n")
    try:
        while text := reader.readline(max_chars):
            length = len(text.rstrip("\r\n"))
            rest = text
            while not rest.endswith("\n") and (rest := reader.readline(_CHUNK)):
                length += len(rest.rstrip("\r\n"))
            yield text.rstrip("\r\n"), length
    finally:
        reader.detach()
