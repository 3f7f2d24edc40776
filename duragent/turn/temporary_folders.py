"""The /tmp of each session's commands: a folder of its own in the workspace, which a sandbox shows them as /tmp.

It is made for the first command, and stays while the session is in memory. The next start of the server removes what
one that died left, but for the folders of sessions that it goes on with: their commands may still run.
"""

import os
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
        shutil.rmtree(folder, ignore_errors=True)
        if os.path.lexists(folder):
            # A command can leave folders that even their owner may not write to.
            for path, _, _ in os.walk(folder):
                with suppress(OSError):
                    os.chmod(path, 0o700)
            shutil.rmtree(folder, ignore_errors=True)

    def names(self) -> Iterator[str]:
        """The sessions that have one."""
        with suppress(OSError):
            yield from os.listdir(self.base)
