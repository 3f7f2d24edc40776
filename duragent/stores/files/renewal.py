"""Putting a whole log in the place of another one: it is written beside, and takes the name in one step. Blocking.

The law: under the stream's name there is the old log or the new one, each whole, whatever happens in between; and after
the next start nothing of the old one is left.
"""

import contextlib
import os
import shutil
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.stores.files.disk import Disk
from duragent.stores.files.import_log import DELETED, LogImport

RENEWED = ".renewed-"
"""A log that is whole, while the one that it replaces gives up its name. Where two can change names, there is none."""


class LogRenewal(LogImport):
    """One log on its way into the place of another: as `LogImport`."""

    def begin(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def name(self) -> None:
        """From here on it is the stream. Raises StoreFull."""
        crashpoint("renewal.written")
        self._or_full(self._change_places)
        crashpoint("renewal.named")

    def _change_places(self) -> None:
        if not self._disk.exchange(self._folder, self._named):
            self._one_after_the_other()
            return
        try:
            self._disk.sync_folder(self._root)
        except OSError:
            # The caller gets an error: the new one must not turn up later.
            with contextlib.suppress(OSError):
                self._disk.exchange(self._folder, self._named)
            raise

    def _one_after_the_other(self) -> None:
        renewed, gone = self._root / f"{RENEWED}{self._stream.id}", self._root / f"{DELETED}{self._stream.id}"
        shutil.rmtree(gone, ignore_errors=True)
        self._disk.rename(self._folder, renewed)
        self._disk.sync_folder(self._root)
        self._disk.rename(self._named, gone)
        crashpoint("renewal.unnamed")
        # First the one name, then the other: a file system that keeps no order must not lose both.
        self._disk.sync_folder(self._root)
        self._disk.rename(renewed, self._named)
        self._disk.sync_folder(self._root)
        shutil.rmtree(gone, ignore_errors=True)


def finish_renewals(disk: Disk, root: Path) -> None:
    """Where a crash came between the two steps, the whole log gets its name; one that was not needed is removed."""
    for name in disk.names(root):
        if name.startswith(RENEWED):
            named = root / name.removeprefix(RENEWED)
            if os.path.lexists(named):
                shutil.rmtree(root / name, ignore_errors=True)
            else:
                disk.rename(root / name, named)
                disk.sync_folder(root)
