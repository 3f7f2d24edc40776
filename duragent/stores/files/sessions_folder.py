"""The folder of all sessions: made and tidied once, before anything is written into it.

A disk that takes nothing does not keep anybody from reading: what could not be done then is tried by each write.
"""

import logging
import shutil
import threading
from pathlib import Path

from duragent.errors import StoreFull
from duragent.stores.files.disk import Disk
from duragent.stores.files.import_log import ADOPTED, DELETED
from duragent.stores.files.locks import SessionsLock
from duragent.stores.files.renewal import finish_renewals
from duragent.system.os_errors import in_words, is_refusal
from duragent.system.workspace_folder import make_folders

_log = logging.getLogger(__name__)


class SessionsFolder:
    """Blocking; `must_be_ready` may be called from several threads."""

    def __init__(self, disk: Disk, path: Path, lock: SessionsLock) -> None:
        self._disk, self._path, self._lock = disk, path, lock
        self._ready = False
        self._preparing = threading.Lock()

    def open(self) -> None:
        """Make it, lock it, and finish what a crash left half deleted, as far as the disk lets us.

        Raises SessionsLocked, OSError.
        """
        try:
            self._prepare()
        except OSError as error:
            if not is_refusal(error):
                raise
            _log.warning("nothing can be stored in %s for now: %s", self._path, in_words(error))

    def must_be_ready(self) -> None:
        """Before something is written. Raises StoreFull when the disk still refuses."""
        if self._ready:
            return
        try:
            with self._preparing:
                self._prepare()
        except OSError as error:
            raise StoreFull(f"nothing can be stored in {self._path}: {in_words(error)}") from error

    def must_be_locked(self) -> None:
        """Before a log in it is opened, which may mend it. Raises SessionsLocked, OSError.

        It may have been made by another server, after this one could not make it.
        """
        if not self._ready and self._path.is_dir():
            with self._preparing:
                self._lock.hold()

    def _prepare(self) -> None:
        if self._ready:
            return
        if not self._path.is_dir():
            make_folders(self._path.parent)
            self._disk.make_folder(self._path)
        # Before anything in it is touched: what looks like a rest may be what another server is just doing.
        self._lock.hold()
        # Also when it was there: who made it may have died before its name was on the disk.
        self._disk.sync_folder(self._path.parent)
        finish_renewals(self._disk, self._path)
        rests = [name for name in self._disk.names(self._path) if name.startswith((DELETED, ADOPTED))]
        if rests:
            # Before anything in them goes: a session must not come back in part under its name.
            self._disk.sync_folder(self._path)
        for name in rests:
            shutil.rmtree(self._path / name, ignore_errors=True)
        self._ready = True
