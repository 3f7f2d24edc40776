"""Opening a log: read what is there, judge how far it is good, cut off what was never acknowledged. Blocking.

The law: what is read after this is on the disk. It may be killed at any point and run again.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.errors import Damaged, Unavailable
from duragent.journal.scan import Scan
from duragent.stores.base import Stream, TornTail
from duragent.stores.files.acknowledged import Acknowledged, copy_over
from duragent.stores.files.disk import Disk
from duragent.stores.files.legacy import LegacyView, legacy_view
from duragent.stores.files.opening import is_without_record, save_tail, saved_tails, scan_opened
from duragent.stores.files.segments import (
    ACTIVE,
    FILE_MAX_BYTES,
    SNAPSHOT,
    Segment,
    has_log,
    sealed_segments,
)
from duragent.system.os_errors import in_words, is_refusal
from duragent.system.safe_read import OddFile, refuse_long


class LogOpening:
    """One attempt to open a log: `run`, and then what came of it."""

    fd: int
    """The file that is written; -1 where there is none that could be opened."""
    sealed: list[Segment]
    """The sealed files, oldest first."""
    first: int
    """The seq of the first record of the file that is written."""
    head: int
    """The seq of the last good record; 0 when there is none."""
    end: int
    """Where the good bytes of the file that is written end."""
    torn: TornTail | None
    """What was cut off, now or by an attempt that was killed; None for a log that ended with a whole append."""
    damage: Damaged | None
    """Why the log is read-only; None for one that is good."""
    legacy: LegacyView | None
    """A log of duragent-rust as a log of today, with no file open; None for one of ours."""
    refused: OSError | None
    """What the disk refused while it takes nothing: all can be read, and the next append tries again."""

    def __init__(self, disk: Disk, folder: Path, stream: Stream) -> None:
        self._disk, self._folder, self._stream, self._path = disk, folder, stream, folder / ACTIVE
        self.fd, self.sealed, self.first, self.head, self.end = -1, [], 1, 0, 0
        self.torn, self.damage, self.legacy, self.refused = None, None, None, None

    def run(self) -> None:
        """Raises the kind's `not_found`, Unavailable; no file is open then."""
        try:
            self._open()
        except OSError as error:
            self._disk.drop(self.fd)
            raise Unavailable(f"cannot open the log of {self._stream}: {in_words(error)}") from error
        except BaseException:
            self._disk.drop(self.fd)
            raise

    def _open(self) -> None:
        if self._folder.is_symlink():
            # Its target may belong to another workspace, whose lock this process does not hold.
            self._refuse("its folder is a symbolic link", 0)
            return
        self.legacy = legacy_view(self._disk, self._folder, self._stream)
        if self.legacy is not None:
            self.end, self.head = len(self.legacy.log.lines), self.legacy.log.head
            return
        self.sealed, fault = sealed_segments(self._disk, self._folder, self._stream)
        if fault is not None:
            self.damage, self.head, self.first = fault, fault.good_seq, fault.good_seq + 1
            return
        if not self._open_active():
            return
        before = self.sealed[-1].last if self.sealed else None
        found, self.first = scan_opened(self._disk, self.fd, self._stream.seed, before)
        self._judge(found)
        if self.head == 0 and self.damage is None:
            self._without_record("the log is empty")

    def _open_active(self) -> bool:
        """Whether the file that is written is open now. Raises the kind's `not_found`, OSError."""
        last = self.sealed[-1].last if self.sealed else 0
        try:
            with self._may_be_refused():
                self.fd = self._disk.open(self._path)
            if self.fd < 0:
                self.fd = self._disk.open_to_read(self._path)
            refuse_long(os.fstat(self.fd).st_size, FILE_MAX_BYTES)
        except FileNotFoundError:
            if not self.sealed:
                self._without_record("the log is gone")
                return False
            # A rotation was cut short between its rename and the new file: see `segments.seal`.
            self.first, self.head = last + 1, last
            with self._may_be_refused():
                self._disk.sync_folder(self._folder)
                self.fd = self._disk.create(self._path)
            return self.refused is None
        except OddFile as odd:
            self._refuse(odd.problem, last)
            return False
        return True

    def _without_record(self, problem: str) -> None:
        """Raises the kind's `not_found`, unless there is a summary: it is written only of records that were durable."""
        if not os.path.lexists(self._folder / SNAPSHOT):
            raise self._stream.not_found()
        self._refuse(f"{problem}, but state.yaml is there", 0)

    def _refuse(self, problem: str, good_seq: int) -> None:
        """Read-only: there is no active file that could be read or written."""
        self.damage = self._stream.damaged(ACTIVE, 1, problem, good_seq)
        self.head, self.first = good_seq, good_seq + 1

    def _judge(self, found: Scan) -> None:
        self.end, self.head = found.end, found.seq
        if found.verdict == "damaged":
            self.damage = self._stream.damaged(ACTIVE, found.line, found.problem, found.seq)
            return
        try:
            self._make_good(found)
        except OSError as error:
            if not is_refusal(error):
                raise
            self._must_be_synced(error)
            self.refused = error

    def _make_good(self, found: Scan) -> None:
        """Cut off what was never acknowledged, and see to it that all the rest is on the disk."""
        saved = saved_tails(self._disk, self._folder, found.end)
        if found.verdict == "torn":
            size = os.fstat(self.fd).st_size - found.end
            saved = save_tail(self._disk, self._folder, found.end, self._disk.read(self.fd, size, found.end))
            crashpoint("recovery.torn_saved")
            self._disk.truncate(self.fd, found.end)
            crashpoint("recovery.truncated")
        # What a dead process wrote may still be in the page cache only, and so may the names that it gave.
        try:
            self._disk.sync(self.fd)
        except OSError:
            part = Acknowledged(self.first, self.head, self.end, self._stream.seed)
            self.fd = copy_over(self._disk, self._path, self.fd, part)
        self._disk.sync_folder(self._folder)
        self._disk.sync_folder(self._folder.parent)
        crashpoint("recovery.synced")
        if saved:
            # Also when the crash came between cutting and saying so: nothing was appended since.
            self.torn = TornTail(found.end, saved[-1].lstat().st_size, saved[-1].name)

    def _must_be_synced(self, refused: OSError) -> None:
        """What is read is shown as acknowledged: it must be on the disk, also on one that takes nothing more.

        Raises Unavailable when that cannot be said. On a read-only file system nothing waits to be written.
        """
        try:
            self._disk.sync(self.fd)
            self._disk.sync_folder(self._folder)
            self._disk.sync_folder(self._folder.parent)
        except OSError as error:
            if error.errno != errno.EROFS:
                why = in_words(refused)
                raise Unavailable(f"cannot open the log of {self._stream}: {why}") from error

    @contextlib.contextmanager
    def _may_be_refused(self) -> Iterator[None]:
        """A disk that takes nothing can still be read; the next append tries again."""
        try:
            yield
        except OSError as error:
            if not is_refusal(error):
                raise
            self.refused = error


def make_room(disk: Disk, folder: Path, stream: Stream) -> None:
    """For a new log in a folder that is there, where no record was ever acknowledged. Raises the kind's `exists`."""
    path = folder / ACTIVE
    if os.path.lexists(folder / SNAPSHOT) or (has_log(disk, folder) and not is_without_record(disk, path, stream.seed)):
        raise stream.exists()
    with contextlib.suppress(FileNotFoundError):
        disk.unlink(path)
