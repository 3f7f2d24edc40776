"""Which kind of source a path is, by what it has, and all that is in it for a memory."""

import os
from pathlib import Path

from duragent.errors import InvalidFile, NotFound
from duragent.transfer.memories.arya import is_arya, read_arya
from duragent.transfer.memories.base import Brought
from duragent.transfer.memories.folder import is_folder_of_notes, read_folder
from duragent.transfer.memories.hoblin import is_hoblin, read_hoblin
from duragent.transfer.memories.sqlite import copied, is_database

_DATABASE = "memory.db"
_KNOWN = "a memory folder (MEMORY.md, daily/, world/), or a database of Anima"


def read_source(path: Path) -> Brought:
    """All that a source has for a memory. Raises NotFound, and InvalidFile for what is none or is damaged. Blocks."""
    if not os.path.lexists(path):
        raise NotFound(f"{path} does not exist")
    if not path.is_dir():
        return _read_file(path)
    if is_folder_of_notes(path):
        return read_folder(path)
    if (path / _DATABASE).is_file():
        return _read_file(path / _DATABASE)
    inner = path / "memory"
    hint = f"did you mean {inner}?" if inner.is_dir() and is_folder_of_notes(inner) else f"wanted: {_KNOWN}"
    raise InvalidFile(str(path), "has no notes", hint=hint)


def _read_file(path: Path) -> Brought:
    path = path.resolve()
    if not is_database(path):
        raise InvalidFile(str(path), "is no source of memories", hint=f"wanted: {_KNOWN}")
    with copied(path) as database:
        tables = database.columns()
        if is_arya(tables):
            return read_arya(database)
        if is_hoblin(tables):
            return read_hoblin(database)
    named = ", ".join(sorted(tables)[:5]) or "none"
    raise InvalidFile(str(path), f"is a database of another program (its tables: {named})", hint=f"wanted: {_KNOWN}")
