"""`@path` in a message: the file goes with it. Short text becomes a part of the message; any other file is attached."""

import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path

from duragent.cli import view
from duragent.cli.uploads import TOO_MANY, Upload, upload_of, why
from duragent.file_types import MAX_ATTACHMENTS
from duragent.system.safe_read import OddFile, read_file

FILE_BYTES, ALL_BYTES = 100_000, 300_000
"""How much of one file, and of all files of a message, goes with it."""
MENTION = re.compile(r"""(?<![^\s(\["'])@(?:"(?P<quoted>[^"\n]+)"|(?P<plain>[^\s"]+))""")
_BEHIND = ".,;:!?)]}'"
_FENCE = re.compile(r"^`{3,}", re.MULTILINE)


@dataclass(frozen=True)
class WithFiles:
    """A message and what goes with it."""

    text: str
    """The message, with the text of the files behind it."""

    notes: tuple[str, ...] = ()
    """What the person should know about each file, a line each."""

    attached: tuple[Upload, ...] = ()
    """The files that are no part of the text."""


def with_files(text: str, mentioning: str, here: Path, project: Path | None, others: int = 0) -> WithFiles:
    """The message with the files that are mentioned in `mentioning`, the part of it that the person wrote.

    `here` is what paths are relative to. Below `project`, where the agent works, names are given relative to that.
    `others`: how many files the message has besides.
    """
    parts, notes, attached, left = [text], list[str](), list[Upload](), ALL_BYTES
    for path in _mentioned(mentioning, here):
        name = _name(path, project or here)
        try:
            content = _text_of(path, min(FILE_BYTES, left))
            if content is None:
                attached.append(_one_more(path, others + len(attached)))
                notes.append(f"with {attached[-1].shown}")
                continue
        except OSError as error:
            notes.append(f"without {view.one_line(name)}: {view.one_line(_why(error))}")
            continue
        left -= len(content.encode())
        fence = max((found[0] + "`" for found in _FENCE.finditer(content)), key=len, default="```")
        parts.append(f"{name}:\n{fence}\n{content}{'' if content.endswith(chr(10)) else chr(10)}{fence}")
        lines = content.count("\n") + (not content.endswith("\n"))
        notes.append(f"with {view.one_line(name)} ({view.many(lines, 'line')})")
    return WithFiles("\n\n".join(parts), tuple(notes), tuple(attached))


def _one_more(path: Path, before: int) -> Upload:
    """The file behind so many others of the message. Raises OSError."""
    if before >= MAX_ATTACHMENTS:
        raise OddFile(errno.E2BIG, TOO_MANY)
    return upload_of(path)


def _mentioned(text: str, here: Path) -> list[Path]:
    """The files, each once. What names no file is a word like others."""
    found: dict[Path, None] = {}
    for mention in MENTION.finditer(text):
        for name in dict.fromkeys([mention["quoted"] or mention["plain"], (mention["plain"] or "").rstrip(_BEHIND)]):
            path = Path(os.path.normpath(here / os.path.expanduser(name))) if name and "\0" not in name else here
            if os.path.exists(path) and not os.path.isdir(path):
                found[path] = None
                break
    return list(found)


def _name(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _text_of(path: Path, limit_bytes: int) -> str | None:
    """The text of a short file; None for a longer one, and for one that is no text. Raises OSError."""
    # A link is followed: the person has named it.
    try:
        content = read_file(Path(os.path.realpath(path)), limit_bytes)
    except OddFile as error:
        if error.errno == errno.EFBIG:
            return None
        raise
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _why(error: OSError) -> str:
    return f"{why(error)}; the agent gets its name" if isinstance(error, OddFile) and error.errno else why(error)
