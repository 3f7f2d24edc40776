"""The /tmp of each session's commands: a folder of its own in the workspace, which a sandbox shows them as /tmp.

It is made for the first command, and stays while the session is in memory. The next start of the server removes what
one that died left, but for the folders of sessions that it goes on with: their commands may still run.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TemporaryFolders:
    """By session id. All of it blocks, and none of it raises for what is not there."""

    base: Path
    """The folder of all; it need not exist."""

    def of(self, session_id: str) -> Path | None:
        """The session's folder; None where the disk takes none, and a command has an empty /tmp of its own then."""
        folder = self.base / session_id
        try:
            self.base.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            return None
        return folder

    def remove(self, session_id: str) -> None:
        """Remove it with all that is in it. What cannot be removed stays for the next start."""
        folder = self.base / session_id
        with suppress(RecursionError):
            shutil.rmtree(folder, ignore_errors=True)
        if os.path.lexists(folder):
            _take_apart(folder)

    def names(self) -> Iterator[str]:
        """The sessions that have one."""
        with suppress(OSError):
            yield from os.listdir(self.base)


def _take_apart(folder: Path) -> None:
    """Remove what a command made hard to remove: folders that even their owner may not list, or very deep ones."""
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        with suppress(OSError):
            os.chmod(path, 0o700)
            for entry in list(os.scandir(path)):
                if entry.is_dir(follow_symlinks=False):
                    # All folders are emptied side by side, so that no path becomes too long.
                    os.chmod(entry, 0o700)
                    waiting.append(Path(entry).rename(folder / secrets.token_hex(8)))
                else:
                    os.unlink(entry)
    with suppress(OSError):
        for path in [*folder.iterdir(), folder]:
            path.rmdir()
