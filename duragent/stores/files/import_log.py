"""Taking a whole log in: it is written under a name that no stream has, and becomes one by its last step. Blocking.

The law: under the stream's name there is all of it or nothing, whatever happens in between.
"""

import contextlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.journal.line import first_seq
from duragent.stores.base import Stream
from duragent.stores.files.blobs import write_blob
from duragent.stores.files.disk import Disk
from duragent.stores.files.log_file import LogFile
from duragent.stores.files.opening import is_without_record
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.segments import ACTIVE, has_log
from duragent.system.os_errors import in_words

ADOPTED = ".adopted-"
DELETED = ".deleted-"


class LogImport:
    """One stream on its way in: `begin`, `add` and `add_blob`, `name`; and `close` in any case."""

    def __init__(self, disk: Disk, root: Path, stream: Stream, rotation: Rotation) -> None:
        self._disk, self._root, self._stream = disk, root, stream
        self._folder, self._named = root / f"{ADOPTED}{stream.id}", root / stream.id
        self._log = LogFile(disk, self._folder, stream, rotation)

    def begin(self) -> None:
        """Raises the kind's `exists`."""
        self._is_free()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, lines: Sequence[bytes]) -> None:
        """Raises StoreFull, Unavailable."""
        if self._log.head:
            self._or_full(lambda: self._log.append(lines, expect=self._log.head))
        else:
            # The beginning of a log of duragent-rust may have been compacted away.
            self._or_full(lambda: self._log.create(lines, first=first_seq(lines[0])))

    def add_blob(self, sha256: str, data: bytes) -> None:
        self._or_full(lambda: write_blob(self._disk, self._folder, sha256, data))

    def name(self) -> None:
        """From here on it is a stream. Raises the kind's `exists`, StoreFull."""
        crashpoint("adopt.written")
        self._or_full(self._take_name)
        crashpoint("adopt.named")

    def _take_name(self) -> None:
        gone = self._root / f"{DELETED}{self._stream.id}"
        if self._is_free() and self._named.exists():
            shutil.rmtree(gone, ignore_errors=True)
            self._disk.rename(self._named, gone)
        self._disk.rename(self._folder, self._named)
        try:
            self._disk.sync_folder(self._root)
        except OSError:
            # The caller gets an error: the stream must not turn up later.
            with contextlib.suppress(OSError):
                self._disk.rename(self._named, self._folder)
            raise
        shutil.rmtree(gone, ignore_errors=True)

    def _is_free(self) -> bool:
        """Whether the name is free, or has only what a crash left of a stream without any record.

        Raises the kind's `exists` where it is not.
        """
        try:
            names = set(self._disk.names(self._named))
            path, seed = self._named / ACTIVE, self._stream.seed
            if not names or (names == {ACTIVE} and is_without_record(self._disk, path, seed)):
                return True
        except FileNotFoundError:
            return True
        except NotADirectoryError:
            pass
        why = f"has no log, but a folder that is in the way: {self._named}"
        if has_log(self._disk, self._named):
            why = "exists"
        raise self._stream.exists(why)

    def close(self) -> None:
        """Leaves nothing behind that did not get its name."""
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _or_full(self, work: Callable[[], None]) -> None:
        or_full(work, self._stream)


def or_full(work: Callable[[], None], stream: Stream) -> None:
    """Do it, with the disk's refusal as StoreFull."""
    try:
        work()
    except OSError as error:
        raise stream.nothing_stored(in_words(error)) from error
