"""Programs as tools: what one is, how its file is started, and how the README beside it describes it."""

import os
import shlex
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from duragent.agent.folder_files import read_inside
from duragent.errors import InvalidFile
from duragent.text import printable
from duragent.tools.programs.schema import CliSchema
from duragent.yaml.document import refuse_odd, unreadable

README_BYTES = 4 * 1024
INTERPRETERS = {
    ".py": "python3",
    ".sh": "bash",
    ".bash": "bash",
    ".js": "node",
    ".mjs": "node",
    ".cjs": "node",
    ".rb": "ruby",
    ".pl": "perl",
}
"""What starts a file that cannot be started by itself, by its extension."""

_FIRST_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Program:
    """What a `ProgramTool` runs."""

    name: str
    """The name of the tool."""
    argv: tuple[str, ...]
    """Its own words, before those of a call."""
    folder: Path
    """Where its file lies."""
    description: str = ""
    """For the model."""
    schema: CliSchema | None = None
    """None: a list of words is its only argument."""


def argv_of(path: Path) -> tuple[str, ...]:
    """How to start that file. Raises InvalidFile when nothing could.

    A file with the executable bit that begins with `#!` or is a binary is started itself, any other by what its
    extension stands for.
    """
    first = _first_bytes(path)
    executable = os.access(path, os.X_OK)
    if executable and (first.startswith(b"#!") or b"\0" in first):
        return (str(path),)
    if interpreter := INTERPRETERS.get(path.suffix.lower()):
        return (interpreter, str(path))
    if executable:
        raise InvalidFile(str(path), "cannot be started", hint="begin it with a line such as #!/bin/sh")
    raise InvalidFile(str(path), "is not executable", hint=f"chmod +x {shlex.quote(str(path))}")


def argv_of_command(command: str, folder: Path) -> tuple[str, ...]:
    """The words of an agent.yaml's `command`; those that name a file in the agent's `folder` become its full path.

    A program without a slash that is no such file is looked for on the PATH when it runs. Raises ValueError or
    InvalidFile.
    """
    words = shlex.split(command)
    if not words or not words[0]:
        raise ValueError("names no program")
    if "\0" in command:
        raise ValueError("has a NUL character in it")
    program, *fixed = (_from_folder(word, folder) for word in words)
    return (*(argv_of(folder / program) if "/" in program else (program,)), *fixed)


def program_file(argv: Sequence[str]) -> Path | None:
    """The file that `argv_of_command` starts, also through an interpreter; None for a program of the PATH."""
    if argv[0] in INTERPRETERS.values() and len(argv) > 1 and argv[1].startswith("/"):
        return Path(argv[1])
    return Path(argv[0]) if "/" in argv[0] else None


def _from_folder(word: str, folder: Path) -> str:
    path = folder / word
    try:
        return str(path) if stat.S_ISREG(path.stat().st_mode) else word
    except (OSError, ValueError):
        return str(path) if word.startswith(("./", "../")) else word


def description_in(path: Path, root: Path) -> str:
    """The text of a README below `root`, its first 4 KiB. Raises InvalidFile."""
    content = read_inside(root, path, README_BYTES)
    text = printable(content[:README_BYTES].decode("utf-8-sig", errors="replace")).strip()
    if len(content) <= README_BYTES:
        return text
    whole, _, _ = text.rpartition("\n")
    return f"{whole or text.rstrip(chr(0xFFFD))}\n[the rest of {path.name} is left out]"


def _first_bytes(path: Path) -> bytes:
    try:
        refuse_odd(path, path.stat())
        with path.open("rb") as file:
            return file.read(_FIRST_BYTES)
    except FileNotFoundError:
        raise InvalidFile(str(path), "does not exist") from None
    except PermissionError:
        # A program may be executable only.
        return b"\0" if os.access(path, os.X_OK) else b""
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
