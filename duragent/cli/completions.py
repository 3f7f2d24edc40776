"""`duragent completions bash|zsh|fish`, and what the shell then offers.

Ids and names are read from files: a key press must not start a server.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

_NOTE_FILES = 100
"""Ids are looked for in so many files."""


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completions(shell: Annotated[Shell, typer.Argument(help="The shell.")]) -> None:
    """Print the shell's completion script: eval "$(duragent completions bash)"."""
    # typer's own writer: not among its public names, but the same since 0.12, and a test holds on to it.
    from typer._completion_shared import get_completion_script

    script = get_completion_script(prog_name="duragent", complete_var="_DURAGENT_COMPLETE", shell=shell.value)
    typer.echo(script)


def prepare() -> None:
    """Teach typer the shells; it does so by itself only with its `--install-completion` options on."""
    from typer._completion_classes import completion_init

    completion_init()


def complete_session(incomplete: str) -> list[str]:
    return [
        shown
        for session_id in _names("sessions")
        for shown in (session_id, session_id.removeprefix("session_"))
        if incomplete and shown.startswith(incomplete)
    ] or ([] if incomplete else _names("sessions"))


def complete_agent(incomplete: str) -> list[str]:
    return [name for name in _names("agents") if name.startswith(incomplete)]


def complete_note(incomplete: str) -> list[str]:
    """Ids of notes that have one in their file, of all agents; those of the newest files first."""
    import re

    found: dict[str, None] = {}
    for file in _note_files()[:_NOTE_FILES]:
        try:
            text = file.read_text(errors="replace")
        except OSError:
            continue
        found |= dict.fromkeys(reversed(re.findall(r"^<!-- (m_[0-9a-z]{8}) ", text, re.MULTILINE)))
    return [note for note in found if note.startswith(incomplete) or note.removeprefix("m_").startswith(incomplete)]


def complete_file(incomplete: str) -> list[str]:
    """Names of files of memories, as commands take them; those that were changed last come first."""
    names = (file.as_posix().rpartition("/memory/")[2] for file in _note_files()[:_NOTE_FILES])
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


def _note_files() -> "list[Path]":
    from duragent.cli.place import find_config
    from duragent.errors import DuragentError

    try:
        config = find_config(None, None)
        if config is None:
            return []
        files = [*config.agents_dir.glob("*/memory/*.md"), *config.agents_dir.glob("*/memory/*/*.md")]
        return sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    except (DuragentError, OSError):
        return []


def _names(which: str) -> list[str]:
    from duragent.cli.place import find_config
    from duragent.errors import DuragentError

    try:
        config = find_config(None, None)
        if config is None:
            return []
        folder = config.sessions_dir if which == "sessions" else config.agents_dir
        return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except (DuragentError, OSError):
        return []
