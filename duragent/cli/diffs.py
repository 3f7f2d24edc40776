"""Diffs of files for people: as git prints them, and what is to be said beside them."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.looks import Role

if TYPE_CHECKING:
    from duragent.wire import FileDiff, SessionDiff

ROLES: Mapping[str, Role] = {"+": "added", "-": "removed", "@": "place"}
"""Of the rows of a diff, by how they begin."""


def diff_lines(file: "FileDiff") -> Iterator[str]:
    """The diff of one file as `git apply` reads it, and a line for what cannot be shown of it."""
    path = file.path
    if file.refused:
        yield f"{path} stays as it is: {file.refused}"
        return
    old = "/dev/null" if file.change == "created" else f"a/{path}"
    new = "/dev/null" if file.change == "removed" else f"b/{path}"
    if file.note:
        yield f"# {path}: {file.change}; {file.note}" if not file.diff else f"# {path}: {file.note}"
    if file.diff or not file.note:
        yield from (f"--- {old}", f"+++ {new}")
        yield from (line.replace("\n", "") for line in file.diff.split("\n") if file.diff)


def painted(line: str) -> str:
    """The line for a terminal: safe to show, and coloured."""
    line = view.clean(line)
    if line.startswith(("---", "+++")):
        return view.paint(line, "strong")
    return view.paint(line, ROLES.get(line[:1], ""))


def beside(found: "SessionDiff") -> list[str]:
    """What a diff of a session does not have in it, in sentences."""
    said = []
    if found.commands:
        ran = view.many(found.commands, "command")
        said.append(f"The agent also ran {ran}: what commands changed is not known, and not part of this.")
    if found.unsure:
        said.append(f"A call without a known end may have changed {view.some(found.unsure)}.")
    return said
