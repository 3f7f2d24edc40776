"""One stream's log on disk. Blocking; one call at a time.

    <id>/events.jsonl          the log; when it grows long it is sealed as events-<first seq>.jsonl
         events.torn-<offset>  what a crash left of an append that was never acknowledged
         events.conflict-<seq> the acknowledged log, when another program replaced or edited it while it was in use

The law: `append` returns only after fdatasync, and only while the open file still is the named one. After an error the
log is as it was, or this object refuses to go on.
"""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.errors import Damaged, LogChanged, SeqConflict, StoreError, StoreFull, Unavailable
from duragent.journal.scan import scan
from duragent.stores.base import Stream, TornTail
from duragent.stores.files.acknowledged import Acknowledged, copy_over, keep_conflict
from duragent.stores.files.disk import Disk, InMemory
from duragent.stores.files.left_file import LeftFile, difference
from duragent.stores.files.legacy import LegacyView, write
from duragent.stores.files.log_opening import LogOpening, make_room
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.segments import ACTIVE, Segment, SegmentPart, read_sealed, seal
from duragent.system.os_errors import in_words, is_refusal


class LogFile:
    """An open log."""

    stream: Stream
    head: int
    """The seq of the last acknowledged record."""
    torn: TornTail | None
    """What opening cut off; None when the log ended with a whole append."""
    damage: Damaged | None
    """Why nothing can be appended; None while the log is good, as far as is known."""
    legacy: LegacyView | None
    """What a log of duragent-rust becomes; None from the first append on, and for other logs."""

    def __init__(self, disk: Disk, folder: Path, stream: Stream, rotation: Rotation) -> None:
        self._disk, self._folder, self.stream, self._rotation = disk, folder, stream, rotation
        self._path = folder / ACTIVE
        self._fd = -1
        self._sealed: list[Segment] = []
        self._first, self._end, self.head = 1, 0, 0
        self._left: LeftFile | None = None
        self._over: StoreError | None = None
        self._refused: OSError | None = None
        self.torn, self.damage, self.legacy = None, None, None

    @property
    def oldest(self) -> int:
        """The seq of the first record."""
        return self._sealed[0].first if self._sealed else self._first

    @property
    def _acknowledged(self) -> Acknowledged:
        return Acknowledged(self._first, self.head, self._end, self.stream.seed)

    # --- create and open --------------------------------------------------------------------------------------------

    def create(self, lines: Sequence[bytes], *, first: int = 1) -> None:
        """Begin the log. A folder that a crash left without any record is taken over. Raises the kind's `exists`."""
        self._first, self.head = first, first - 1
        try:
            self._disk.make_folder(self._folder)
        except FileExistsError:
            make_room(self._disk, self._folder, self.stream)
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

    def open(self) -> None:
        """Read, judge, mend: see `LogOpening`. Raises the kind's `not_found`, Unavailable."""
        opening = LogOpening(self._disk, self._folder, self.stream)
        opening.run()
        self._fd, self._sealed, self._refused = opening.fd, opening.sealed, opening.refused
        self._first, self._end, self.head = opening.first, opening.end, opening.head
        self.torn, self.damage, self.legacy = opening.torn, opening.damage, opening.legacy

    def _open_again(self) -> None:
        """After the disk refused what opening needs. Raises StoreFull, Unavailable when the claim is out of date."""
        known = (self.head, self._end)
        self._disk.drop(self._fd)
        self._fd, self._left = -1, None
        self.open()
        if self._refused:
            raise self.stream.nothing_stored(in_words(self._refused))
        if self.torn or (self.head, self._end) != known:
            self._over = Unavailable(f"the log of {self.stream} was mended; it is opened again")

    def _given_up(self, how: str, error: OSError) -> Unavailable:
        self._over = Unavailable(f"the log of {self.stream} {how}: {in_words(error)}")
        return self._over

    def rest(self) -> None:
        """Close the file until it is used again. Everything acknowledged was synced, so nothing can be lost."""
        if self._fd >= 0 and self._over is None:
            # What cannot be looked at stays open: another time.
            with contextlib.suppress(OSError, LogChanged):
                if self.damage is None and self._refused is None:
                    # When another file has its name by now, the open one is the last that has what was acknowledged.
                    self._must_be_unchanged(self._end)
                self._left = LeftFile.of(self._fd)
                self._disk.drop(self._fd)
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
            self._disk.drop(fd)
            if isinstance(error, LogChanged):
                self._over = error
            raise
        self._fd, self._left = fd, None

    def _open_file(self) -> int:
        """For writing, where the disk lets us."""
        try:
            return self._disk.open(self._path)
        except OSError as error:
            if not is_refusal(error):
                raise
            self._refused = error
        return self._disk.open_to_read(self._path)

    def _look_again(self, fd: int) -> None:
        """Raises LogChanged when what is there is another log than the one that was acknowledged."""
        found = scan(self._disk.read(fd, self._end, 0), self.stream.seed, after=self._first - 1)
        if found.verdict == "damaged":
            self.damage = self.stream.damaged(ACTIVE, found.line, found.problem, found.seq)
        elif (found.end, found.seq) != (self._end, self.head):
            raise self.stream.changed("its content was edited")

    def close(self) -> None:
        self._disk.drop(self._fd)
        self._fd = -1
        self._left = None
        self._over = self._over or Unavailable(f"the log of {self.stream} is closed")

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
            raise self.stream.nothing_stored(in_words(error)) from error
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
        problem += keep_conflict(self._disk, self._folder, self._fd, self._acknowledged)
        self._over = self.stream.changed(problem)
        raise self._over

    def _undo(self, error: OSError) -> None:
        """A write failed: back to the acknowledged end. Always raises."""
        crashpoint("log.write_failed")
        try:
            self._disk.truncate(self._fd, self._end)
            crashpoint("log.write_undone")
            self._disk.sync(self._fd)
        except OSError as second:
            raise self._given_up("cannot be written", second) from error
        raise self.stream.nothing_stored(in_words(error)) from error

    def _start_over(self, error: OSError) -> None:
        """An fsync failed. It must not be tried again on this file: the kernel has marked the lost pages as clean.

        Always raises.
        """
        try:
            self._fd = copy_over(self._disk, self._path, self._fd, self._acknowledged)
        except OSError as second:
            raise self._given_up("cannot be written", second) from error
        raise self.stream.nothing_stored(f"fsync: {in_words(error)}") from error

    def _rotate(self) -> None:
        try:
            sealed, fd = seal(self._disk, self._folder, self._first, self.head)
        except OSError as error:
            raise self._given_up("could not be sealed", error) from error
        self._disk.drop(self._fd)
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

    def _from(self, segment: Segment | None, read: Callable[[SegmentPart], bytes]) -> bytes:
        """Read in a sealed file, or in the active one. A bad line there ends writing: it is raised and remembered."""
        if segment is None:
            self._wake()
        try:
            if segment is not None:
                return read_sealed(self._disk, segment, self.stream, read)
            disk: Disk = InMemory(self.legacy.log.lines) if self.legacy else self._disk
            part = SegmentPart(disk, self._fd, self._first, self._end, self.stream.seed)
            return part.read_with(self.stream, ACTIVE, read)
        except Damaged as damage:
            if self.damage is not None:
                raise self.damage from damage
            self.damage = damage
            raise
