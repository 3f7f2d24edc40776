"""One stream's log on disk. Blocking; one call at a time.

    <id>/events.jsonl          the log; when it grows long it is sealed as events-<first seq>.jsonl
         events.torn-<offset>  what a crash left of an append that was never acknowledged
         events.conflict-<seq> the acknowledged log, when somebody replaced or edited it while it was in use

The law: `append` returns only after fdatasync, and only while the open file still is the named one. After an error the
log is as it was, or this object refuses to go on.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.errors import (
    Damaged,
    LogChanged,
    SeqConflict,
    StoreError,
    StoreFull,
    Unavailable,
)
from duragent.journal.line import BadLine
from duragent.journal.scan import Scan, scan
from duragent.stores.base import Stream, TornTail
from duragent.stores.files.disk import Disk, InMemory
from duragent.stores.files.left_file import LeftFile, difference
from duragent.stores.files.legacy import LegacyView, legacy_view, write
from duragent.stores.files.opening import is_without_record, save_tail, saved_tails, scan_opened
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.segments import (
    ACTIVE,
    FILE_MAX_BYTES,
    SNAPSHOT,
    Segment,
    SegmentPart,
    has_log,
    sealed_segments,
)
from duragent.system.os_errors import in_words, is_refusal
from duragent.system.safe_read import OddFile, refuse_long


class LogFile:
    """An open log. `head` and `oldest` are seqs; `damage` makes it read-only; `torn` is what opening cut off.

    `legacy` is there until the first append to a log of duragent-rust.
    """

    def __init__(self, disk: Disk, folder: Path, stream: Stream, rotation: Rotation) -> None:
        self._disk, self._folder, self.stream, self._rotation = disk, folder, stream, rotation
        self._seed = stream.seed
        self._path = folder / ACTIVE
        self._fd = -1
        self._sealed: list[Segment] = []
        self._first = 1
        self._end = 0
        self._over: StoreError | None = None
        self._left: LeftFile | None = None
        self.legacy: LegacyView | None = None
        self._refused: OSError | None = None
        self.head = 0
        self.torn: TornTail | None = None
        self.damage: Damaged | None = None

    @property
    def oldest(self) -> int:
        return self._sealed[0].first if self._sealed else self._first

    # --- create and open --------------------------------------------------------------------------------------------

    def create(self, lines: Sequence[bytes], *, first: int = 1) -> None:
        """Begin the log. A folder that a crash left without any record is taken over. Raises the kind's `exists`."""
        self._first, self.head = first, first - 1
        try:
            self._disk.make_folder(self._folder)
        except FileExistsError:
            self._take_over()
        self._disk.sync_folder(self._folder.parent)
        crashpoint("log.folder_made")
        self._fd = self._disk.create(self._path)
        try:
            self.append(lines, expect=first - 1)
            self._disk.sync_folder(self._folder)
        except (OSError, StoreFull, Unavailable):
            # The caller gets an error: the stream must not turn up later.
            with contextlib.suppress(OSError):
                self._disk.unlink(self._path)
            raise
        crashpoint("log.created")

    def _take_over(self) -> None:
        """Make room for a new log, unless there is anything in the old one that could ever be wanted."""
        if os.path.lexists(self._folder / SNAPSHOT) or (
            has_log(self._disk, self._folder) and not is_without_record(self._disk, self._path, self._seed)
        ):
            raise self.stream.exists()
        with contextlib.suppress(FileNotFoundError):
            self._disk.unlink(self._path)

    def open(self) -> None:
        """Read, judge, mend. May be killed at any point and run again."""
        try:
            self._open()
        except OSError as error:
            raise Unavailable(f"cannot open the log of {self.stream}: {in_words(error)}") from error

    def _open(self) -> None:
        if self._folder.is_symlink():
            # Its target may be another workspace's, whose lock nobody here holds.
            self._refuse("its folder is a symbolic link", 0)
            return
        self.legacy = legacy_view(self._disk, self._folder, self.stream)
        if self.legacy is not None:
            self._end, self.head = len(self.legacy.log.lines), self.legacy.log.head
            return
        self._sealed, fault = sealed_segments(self._disk, self._folder, self.stream)
        if fault is not None:
            self.damage, self.head = fault, fault.good_seq
            self._first = self.head + 1
            return
        try:
            self._fd = self._open_file()
            refuse_long(os.fstat(self._fd).st_size, FILE_MAX_BYTES)
        except FileNotFoundError:
            if not self._sealed:
                self._without_record("the log is gone")
                return
            # A rotation was cut short between its rename and the new file: see `_rotate`.
            self._first, self.head = self._sealed[-1].last + 1, self._sealed[-1].last
            with self._may_be_refused():
                self._disk.sync_folder(self._folder)
                self._fd = self._disk.create(self._path)
            if self._refused:
                return
        except OddFile as odd:
            self._refuse(odd.problem, self._sealed[-1].last if self._sealed else 0)
            return
        before = self._sealed[-1].last if self._sealed else None
        found, self._first = scan_opened(self._disk, self._fd, self._seed, before)
        self._judge(found)
        if self.head == 0 and self.damage is None:
            self._without_record("the log is empty")

    def _without_record(self, problem: str) -> None:
        """Raises the kind's `not_found`, unless there is a summary: it is written only of records that were durable."""
        if not os.path.lexists(self._folder / SNAPSHOT):
            raise self.stream.not_found()
        self._refuse(f"{problem}, but state.yaml is there", 0)

    def _refuse(self, problem: str, good_seq: int) -> None:
        """Read-only: there is no active file that could be read or written."""
        self.damage = self.stream.damaged(ACTIVE, 1, problem, good_seq)
        self.head, self._first = good_seq, good_seq + 1

    def _judge(self, found: Scan) -> None:
        self._end, self.head = found.end, found.seq
        if found.verdict == "damaged":
            self.damage = self.stream.damaged(ACTIVE, found.line, found.problem, found.seq)
            return
        try:
            self._make_good(found)
        except OSError as error:
            if not is_refusal(error):
                raise
            self._must_be_synced(error)
            self._refused = error

    def _make_good(self, found: Scan) -> None:
        """Cut off what was never acknowledged, and see to it that all the rest is on the disk."""
        saved = saved_tails(self._disk, self._folder, found.end)
        if found.verdict == "torn":
            size = os.fstat(self._fd).st_size - found.end
            saved = save_tail(self._disk, self._folder, found.end, self._disk.read(self._fd, size, found.end))
            crashpoint("recovery.torn_saved")
            self._disk.truncate(self._fd, found.end)
            crashpoint("recovery.truncated")
        # What a dead process wrote may still be in the page cache only, and so may the names that it gave.
        try:
            self._disk.sync(self._fd)
        except OSError:
            self._copy()
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
            self._disk.sync(self._fd)
            self._disk.sync_folder(self._folder)
            self._disk.sync_folder(self._folder.parent)
        except OSError as error:
            if error.errno != errno.EROFS:
                why = in_words(refused)
                raise Unavailable(f"cannot open the log of {self.stream}: {why}") from error

    @contextlib.contextmanager
    def _may_be_refused(self) -> Iterator[None]:
        """A disk that takes nothing keeps nobody from reading; the next append tries again."""
        try:
            yield
        except OSError as error:
            if not is_refusal(error):
                raise
            self._refused = error

    def _open_file(self) -> int:
        """For writing, where that can be."""
        with self._may_be_refused():
            return self._disk.open(self._path)
        return self._disk.open_to_read(self._path)

    def _open_again(self) -> None:
        """After the disk refused what opening needs. Raises StoreFull, Unavailable when the claim is out of date."""
        known, self._refused = (self.head, self._end), None
        self._drop(self._fd)
        self._fd, self._left = -1, None
        self.open()
        if self._refused:
            raise self._nothing_stored(self._refused)
        if self.torn or (self.head, self._end) != known:
            self._over = Unavailable(f"the log of {self.stream} was mended; it is opened again")

    def _given_up(self, how: str, error: OSError) -> Unavailable:
        self._over = Unavailable(f"the log of {self.stream} {how}: {in_words(error)}")
        return self._over

    def _nothing_stored(self, error: OSError) -> StoreFull:
        return self.stream.nothing_stored(in_words(error))

    def rest(self) -> None:
        """Close the file until it is used again. Everything acknowledged was synced, so nothing can be lost."""
        if self._fd >= 0 and self._over is None:
            # What cannot be looked at stays open: another time.
            with contextlib.suppress(OSError, LogChanged):
                if self.damage is None and self._refused is None:
                    # When another file has its name by now, the open one is the last that has what was acknowledged.
                    self._must_be_unchanged(self._end)
                self._left = LeftFile.of(self._fd)
                self._drop(self._fd)
                self._fd = -1

    def _wake(self) -> None:
        """Open it again after `rest`. Raises LogChanged when it is not the file that was left, OSError."""
        if self._left is None:
            return
        fd = -1
        try:
            fd, touched = self._left.open(self._disk, self._open_file, self.stream)
            if touched and not self.damage:
                self._look_again(fd)
        except (LogChanged, OSError) as error:
            self._drop(fd)
            if isinstance(error, LogChanged):
                self._over = error
            raise
        self._fd, self._left = fd, None

    def _look_again(self, fd: int) -> None:
        """Raises LogChanged when what is there is another log than the one that was acknowledged."""
        found = scan(self._disk.read(fd, self._end, 0), self._seed, after=self._first - 1)
        if found.verdict == "damaged":
            self.damage = self.stream.damaged(ACTIVE, found.line, found.problem, found.seq)
        elif (found.end, found.seq) != (self._end, self.head):
            raise self.stream.changed("its content was edited")

    def close(self) -> None:
        self._drop(self._fd)
        self._fd = -1
        self._left = None
        self._over = self._over or Unavailable(f"the log of {self.stream} is closed")

    def _drop(self, fd: int) -> None:
        if fd >= 0:
            # It is closed whatever the kernel says, and everything acknowledged was synced.
            with contextlib.suppress(OSError):
                self._disk.close(fd)

    # --- append -----------------------------------------------------------------------------------------------------

    def append(self, lines: Sequence[bytes], *, expect: int) -> None:
        """See `Store.append`."""
        self._must_be_good()
        if expect != self.head:
            raise SeqConflict(f"{self.stream} is at {self.head}, the writer thought {expect}")
        try:
            if self.legacy is not None:
                self._adopt(self.legacy)
            self._wake()
        except OSError as error:
            raise self._nothing_stored(error) from error
        if self._refused:
            self._open_again()
        self._must_be_good()
        self._must_be_unchanged(self._end)
        if self._end >= self._rotation.size_bytes or self.head - self._first + 1 >= self._rotation.events:
            self._rotate()
        data = b"".join(lines)
        crashpoint("log.before_write")
        try:
            self._disk.write(self._fd, data, self._end)
        except OSError as error:
            self._undo(error)
        crashpoint("log.written")
        try:
            self._disk.sync(self._fd)
        except OSError as error:
            self._start_over(error)
        crashpoint("log.synced")
        self._must_be_unchanged(self._end + len(data))
        self._end += len(data)
        self.head += len(lines)

    def _must_be_good(self) -> None:
        if self._over or self.damage:
            raise self._over or self.damage or AssertionError

    def _adopt(self, view: LegacyView) -> None:
        """From here on the log is one of today. Raises LogChanged, OSError: then nothing is stored."""
        try:
            write(self._disk, self._folder, self.stream, view)
        except LogChanged as error:
            self._over = error
            raise
        self._fd, self.legacy = self._disk.open(self._path), None

    def _must_be_unchanged(self, size: int) -> None:
        """Raises LogChanged, and ends this claim, when the named file is not the open one as we left it."""
        problem = difference(self._fd, self._path, size)
        if problem is None:
            return
        saved = self._folder / f"events.conflict-{self.head}"
        with contextlib.suppress(OSError):
            kept = self._disk.read(self._fd, self._end, 0)
            self._disk.replace(saved, kept)
            crashpoint("log.conflict_saved")
            what = "the log as acknowledged" if self._is_acknowledged(kept) else "what is left of the log"
            problem += f"; {what} is kept in {saved.name}"
        self._over = self.stream.changed(problem)
        raise self._over

    def _is_acknowledged(self, data: bytes) -> bool:
        found = scan(data, self._seed, after=self._first - 1)
        return found.verdict == "clean" and (found.end, found.seq) == (self._end, self.head)

    def _undo(self, error: OSError) -> None:
        """A write failed: back to the acknowledged end. Always raises."""
        crashpoint("log.write_failed")
        try:
            self._disk.truncate(self._fd, self._end)
            crashpoint("log.write_undone")
            self._disk.sync(self._fd)
        except OSError as second:
            raise self._given_up("cannot be written", second) from error
        raise self._nothing_stored(error) from error

    def _start_over(self, error: OSError) -> None:
        """An fsync failed. It must not be tried again on this file: the kernel has marked the lost pages as clean.

        Always raises.
        """
        try:
            self._copy()
        except OSError as second:
            raise self._given_up("cannot be written", second) from error
        raise self.stream.nothing_stored(f"fsync: {in_words(error)}") from error

    def _copy(self) -> None:
        """The acknowledged part goes into a new file that takes the name."""
        kept = self._disk.read(self._fd, self._end, 0)
        if not self._is_acknowledged(kept):
            raise OSError(errno.EIO, "what was acknowledged cannot be read back")
        crashpoint("log.sync_failed")
        self._disk.replace(self._path, kept)
        crashpoint("log.started_over")
        fd = self._disk.open(self._path)
        self._drop(self._fd)
        self._fd = fd

    def _rotate(self) -> None:
        sealed, fd = Segment(self._folder / f"events-{self._first}.jsonl", self._first, self.head), -1
        try:
            self._disk.rename(self._path, sealed.path)
            crashpoint("log.rotated")
            # First the one name, then the other: on a file system that keeps no order, the new file could have the name
            # when the old one has none yet.
            self._disk.sync_folder(self._folder)
            fd = self._disk.create(self._path)
            crashpoint("log.next_created")
            self._disk.sync_folder(self._folder)
        except OSError as error:
            self._drop(fd)
            raise self._given_up("could not be sealed", error) from error
        self._drop(self._fd)
        self._fd = fd
        self._end, self._first = 0, self.head + 1
        self._sealed.append(sealed)

    # --- read -------------------------------------------------------------------------------------------------------

    def read(self, after: int, limit: int) -> bytes:
        """See `Store.read`."""
        if after >= self.head or limit < 1:
            return b""
        segment = next((segment for segment in self._sealed if after < segment.last), None)
        return self._from(segment, lambda part: part.after(after, limit))

    def read_back(self, before: int | None, limit: int) -> bytes:
        """See `Store.read_back`."""
        before = self.head + 1 if before is None else min(before, self.head + 1)
        if before <= self.oldest or limit < 1:
            return b""
        segment = next((segment for segment in self._sealed if segment.first < before <= segment.last + 1), None)
        return self._from(segment, lambda part: part.before(before, limit))

    def _from(self, segment: Segment | None, wanted: Callable[[SegmentPart], bytes]) -> bytes:
        """Read in a sealed file, or in the active one. A bad line there ends writing, and is told."""
        if segment is None:
            self._wake()
        path, fd = (self._path, self._fd) if segment is None else (segment.path, -1)
        first, end = self._first, self._end
        try:
            if segment is not None:
                fd, first = self._disk.open_to_read(segment.path), segment.first
                end = os.fstat(fd).st_size
            disk: Disk = InMemory(self.legacy.log.lines) if self.legacy else self._disk
            part = SegmentPart(disk, fd, first, end, self._seed)
            return wanted(part)
        except OddFile as odd:
            self.damage = self.damage or self.stream.damaged(path.name, 1, odd.problem, first - 1)
            raise self.damage from odd
        except BadLine as error:
            self.damage = self.damage or part.fault(self.stream, path.name, str(error))
            raise self.damage from error
        finally:
            if segment is not None and fd >= 0:
                self._disk.close(fd)
