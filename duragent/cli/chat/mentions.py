"""`@path` in a message: the text of the file goes with it."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from duragent.cli import view
from duragent.system.os_errors import in_words
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


def with_files(text: str, mentioning: str, here: Path, project: Path | None) -> WithFiles:
    """The message with the files that are mentioned in `mentioning`, the part of it that the person wrote.

    `here` is what paths are relative to. Below `project`, where the agent works, names are given relative to that.
    """
    parts, notes, left = [text], list[str](), ALL_BYTES
    for path in _mentioned(mentioning, here):
        name = _name(path, project or here)
        try:
            content = _text_of(path, min(FILE_BYTES, left))
        except OSError as error:
            notes.append(f"without {view.one_line(name)}: {view.one_line(_why(error))}")
            continue
        left -= len(content.encode())
        fence = max((found[0] + "`" for found in _FENCE.finditer(content)), key=len, default="```")
        parts.append(f"{name}:\n{fence}\n{content}{'' if content.endswith(chr(10)) else chr(10)}{fence}")
        lines = content.count("\n") + (not content.endswith("\n"))
        notes.append(f"with {view.one_line(name)} ({view.many(lines, 'line')})")
    return WithFiles("\n\n".join(parts), tuple(notes))


def _mentioned(text: str, here: Path) -> list[Path]:
    """The files, each once. What names no file is a word like others."""
    found: dict[Path, None] = {}
    for mention in MENTION.finditer(text):
        for name in dict.fromkeys([mention["quoted"] or mention["plain"], (mention["plain"] or "").rstrip(_BEHIND)]):
            path = Path(os.path.normpath(here / os.path.expanduser(name))) if name and "\0" not in name else here
            if path.exists() and not path.is_dir():
                found[path] = None
                break
    return list(found)


def _name(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _text_of(path: Path, limit_bytes: int) -> str:
    # A link is followed: the person has named it.
    content = read_file(Path(os.path.realpath(path)), limit_bytes)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise OddFile(0, "it is no text")
    return text


def _why(error: OSError) -> str:
    if not isinstance(error, OddFile):
        return in_words(error)
    return f"{error.problem}; the agent gets its name" if error.errno else error.problem
