"""Words for a model about a file of a message. Pure: the same file, the same words."""

from duragent.file_types import size_in_words
from duragent.models.messages import AttachedFile

SHORT_SHA = 8
"""Digits of a SHA-256 that tell files of one name apart."""


def attached(file: AttachedFile) -> str:
    """Of a file that the model gets as such."""
    return f"[{_what(file)} is attached]"


def inlined(file: AttachedFile, text: str) -> str:
    """Of a text that stands in the message itself."""
    if not text.strip():
        return f"[{_what(file)} is empty]"
    return f"[{_what(file)}:]\n{text.rstrip()}\n[end of {file.name}]"


def named(file: AttachedFile, why: str, *, can_open: bool = False) -> str:
    """Of a file whose content the model does not get, and why; with `can_open` it may open it with read_file."""
    how = f"; read_file opens it as {reference(file)}" if can_open else ""
    return f"[{_what(file)}, {why}{how}]"


def reference(file: AttachedFile) -> str:
    """The path by which read_file finds the file."""
    return f"attachment:{file.sha256[:SHORT_SHA]}/{file.name}"


def _what(file: AttachedFile) -> str:
    return f"file {file.name} ({file.media_type}, {size_in_words(file.size_bytes)})"
