"""How many notes of an agent wait for a person: from its one file, without a mind, for lists of agents."""

import os
from datetime import UTC
from pathlib import Path

from duragent.agent.folder_files import read_inside
from duragent.errors import InvalidFile
from duragent.memory.folder import MAX_FILE_BYTES
from duragent.memory.notes import UNREVIEWED, notes_in


def waiting_notes(agent_folder: Path) -> int:
    """Those in `memory/unreviewed.md`; 0 when there is no such file, or none that can be read. Blocks on the disk."""
    root = agent_folder / "memory"
    path = root / UNREVIEWED
    if not os.path.lexists(path):
        return 0
    try:
        content = read_inside(root, path, MAX_FILE_BYTES)
    except (InvalidFile, OSError):
        return 0
    # A file that is too long is not read by a mind either.
    return len(notes_in(content.decode("utf-8", "replace"), UNREVIEWED, UTC)) if len(content) <= MAX_FILE_BYTES else 0
