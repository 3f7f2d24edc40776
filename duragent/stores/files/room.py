"""Whether a folder can be written, tried with a small file: free space, modes and mounts each tell only a part."""

import asyncio
import contextlib
import os
import time
from pathlib import Path

from duragent.stores.files.disk import Disk
from duragent.system.os_errors import in_words

TRIED_SECONDS = 2.0
"""For so long what was found out is believed."""

SLOW_SECONDS = 2.0
"""A disk that does not answer within this time is said to be slow; the look goes on."""

PROBE_BYTES = 4096
_PROBE = ".probe"


class Room:
    """The last look at one folder. Looks are made one at a time, in a thread."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self._folder, self._disk = folder, disk or Disk()
        self._looking: asyncio.Future[str | None] | None = None
        self._looked_at = -TRIED_SECONDS

    async def problem(self) -> str | None:
        """Why nothing can be stored, in one sentence; None when a small file could be written."""
        if self._looking is None or (self._looking.done() and time.monotonic() - self._looked_at >= TRIED_SECONDS):
            self._looked_at = time.monotonic()
            self._looking = asyncio.ensure_future(asyncio.to_thread(self._look))
        # Another caller may begin the next look while this one ends.
        looking = self._looking
        done, _ = await asyncio.wait((looking,), timeout=SLOW_SECONDS)
        if not done:
            return f"nothing can be stored for now: the disk of {self._folder} does not answer"
        return looking.result()

    def _look(self) -> str | None:
        # One that does not exist yet is made with the first session.
        folder = self._folder if self._folder.is_dir() else self._folder.parent
        try:
            self._try(folder / _PROBE)
        except OSError as error:
            return f"nothing can be stored in {folder}: {in_words(error)}"
        return None

    def _try(self, probe: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._disk.unlink(probe)
        fd = self._disk.create(probe)
        try:
            # Not zeros, which some file systems do not store.
            self._disk.write(fd, os.urandom(PROBE_BYTES), 0)
        finally:
            self._disk.close(fd)
            with contextlib.suppress(OSError):
                self._disk.unlink(probe)
