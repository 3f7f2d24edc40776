"""Pasted paths of images and PDFs: what a terminal types for a file that is dropped on it, and what people copy."""

import os
import shlex
from pathlib import Path
from urllib.parse import unquote

from duragent.file_types import IMAGES, MAX_ATTACHMENTS, PDF, media_type_of
from duragent.system.safe_read import read_beginning

PASTE_CHARS = 8_000
"""A longer paste is a text."""
_MARK_BYTES = 64


def mentions_of(pasted: str, here: Path) -> str:
    """The files as `@path`, when the paste is paths of images and PDFs and nothing else; else ""."""
    text = pasted.strip()
    if not text or len(text) > PASTE_CHARS:
        return ""
    words = [text] if _path_of(text, here) else _words(text)
    paths = [_path_of(word, here) for word in words]
    named = [_named(path, here) for path in paths if path is not None]
    return " ".join(named) if len(named) == len(words) and len(words) <= MAX_ATTACHMENTS and all(named) else ""


def _words(text: str) -> list[str]:
    """As a shell reads them: terminals write a space in a name as it must be written there."""
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _path_of(word: str, here: Path) -> Path | None:
    """The image or PDF that the word names; None for anything else."""
    if word.startswith("file://"):
        host, slash, rest = word.removeprefix("file://").partition("/")
        word = unquote(slash + rest) if host in ("", "localhost") else ""
    if not word or "\0" in word:
        return None
    path = Path(os.path.normpath(here / os.path.expanduser(word)))
    if not os.path.isfile(path):
        return None
    return path if media_type_of(read_beginning(path, _MARK_BYTES)) in (*IMAGES, PDF) else None


def _named(path: Path, here: Path) -> str:
    """How a message mentions it; "" for a name that cannot stand in a line."""
    name = str(path.relative_to(here) if path.is_relative_to(here) else path)
    if '"' in name or not name.isprintable():
        return ""
    return f'@"{name}"' if " " in name else f"@{name}"
