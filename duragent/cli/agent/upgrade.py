"""`duragent agent check --fix`: an agent.yaml that was written for v0.5 becomes one that this version takes."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from duragent.cli import view
from duragent.errors import InvalidFile, InvalidRequest

if TYPE_CHECKING:
    from duragent.agent.upgrade import Upgraded


def would_fix(folder: Path) -> bool:
    """Whether `fix` would change anything."""
    return _looked_over(folder) is not None


def _looked_over(folder: Path) -> "tuple[str, Upgraded] | None":
    """The text, and what it should be; None when that is the same, or it cannot be read, which the check says."""
    from duragent.agent.load import FILE_NAME
    from duragent.agent.upgrade import upgraded
    from duragent.yaml.document import read_text

    try:
        text = read_text(folder / FILE_NAME)
        changed = upgraded(text, folder.absolute().name, lambda named: os.path.lexists(folder / named))
    except InvalidFile:
        return None
    return (text, changed) if changed.changes else None


def fix(folder: Path) -> None:
    """Rewrite the file where that needs no guess, keep the original beside it, and show what changed."""
    from duragent.agent.load import FILE_NAME
    from duragent.tools.files.diff import unified

    path, name = folder / FILE_NAME, view.one_line(folder.name)
    looked_over = _looked_over(folder)
    if looked_over is None:
        return
    text, changed = looked_over
    if path.is_symlink():
        raise InvalidRequest(f"{path} is a symbolic link: fix the file that it leads to")
    kept = _keep(path)
    _replace(path, changed.text)
    for change in changed.changes:
        typer.echo(f"{view.paint('fixed', 'warning')}  {name}  {view.clean(change)}")
    typer.echo(view.clean(unified(text, changed.text, path.name)))
    typer.echo(f"       the original is {kept}")


def _keep(path: Path) -> Path:
    """A copy beside the file, under a name that nothing has."""
    data, number, kept = path.read_bytes(), 1, path.with_name(f"{path.name}.bak")
    while True:
        try:
            with kept.open("xb") as file:
                file.write(data)
            return kept
        except FileExistsError:
            number += 1
            kept = path.with_name(f"{path.name}.bak-{number}")


def _replace(path: Path, text: str) -> None:
    """All of the new text, or the old one; with the permissions that the file has."""
    temporary = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    with temporary.open("x", encoding="utf-8", newline="") as file:
        os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
