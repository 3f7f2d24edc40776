"""A folder of notes as duragent v0.5 wrote it, and as this version does: MEMORY.md, daily/, world/.

The law: a file is taken to the byte, or not at all. What is no text, too long, or leads out of the folder stays out,
with the reason.
"""

from datetime import UTC
from pathlib import Path

from duragent.agent.folder_files import names_in
from duragent.errors import InvalidFile
from duragent.memory.folder import MemoryFolder
from duragent.memory.notes import LONG_TERM
from duragent.stores.files.disk import Disk
from duragent.transfer.memories.base import Brought, BroughtFile, NotTaken

KIND = "memory folder"
_FOLDERS = ("daily", "people", "chats", "world")
_TOPICS = "world"


def is_folder_of_notes(folder: Path) -> bool:
    """Whether there is something in it that a memory has."""
    return (folder / LONG_TERM).is_file() or any(_has_pages(folder / name) for name in _FOLDERS) or _is_world(folder)


def _is_world(folder: Path) -> bool:
    return folder.name == _TOPICS and _has_pages(folder)


def _has_pages(folder: Path) -> bool:
    return folder.is_dir() and any(name.endswith(".md") for name in names_in(folder))


def read_folder(folder: Path) -> Brought:
    """All files of it. Raises InvalidFile when the folder itself cannot be read."""
    names_in(folder)
    files: list[BroughtFile] = []
    left: list[NotTaken] = []
    for part in _parts(folder):
        names, faults = part.files()
        left += (NotTaken(str(part.root), fault, is_fault=True) for fault in faults)
        for name in names:
            try:
                files.append(BroughtFile(name, part.read(name).text))
            except InvalidFile as error:
                left.append(NotTaken(name, str(error), is_fault=True))
    taken = {each.file for each in files} | {each.what for each in left}
    return Brought(KIND, files=tuple(files), not_taken=(*left, *_others(folder, taken)))


def _parts(folder: Path) -> list[MemoryFolder]:
    """The agent's own part, and the one that all agents share."""
    if _is_world(folder):
        return [MemoryFolder(folder, UTC, Disk(), is_world=True)]
    world = folder / _TOPICS
    own = MemoryFolder(folder, UTC, Disk())
    return [own, MemoryFolder(world, UTC, Disk(), is_world=True)] if world.is_dir() else [own]


def _others(folder: Path, taken: set[str]) -> list[NotTaken]:
    """What lies there beside notes, by name."""
    left: list[NotTaken] = []
    for part in (_TOPICS,) if _is_world(folder) else ("", *_FOLDERS):
        at = folder if _is_world(folder) else folder / part
        if part and not at.is_dir():
            continue
        for name in names_in(at):
            file = f"{part}/{name}" if part else name
            if file not in taken and not (not part and name in _FOLDERS):
                left.append(NotTaken(file, _why(name)))
    return left


def _why(name: str) -> str:
    if not name.endswith(".md"):
        return "it is no Markdown file of notes"
    return "a memory has no file of that name in that place"
