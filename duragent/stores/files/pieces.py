"""The files of a log, looked at without its lock: changes nothing, and may run beside the writer. Blocking.

The law: what the writer is just doing is not called damage. A fault counts when a second look at the files finds the
same one again: between two reads of one look the writer may have sealed the file, or have cut off an append that
failed.
"""

import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from duragent.errors import Damaged
from duragent.journal.line import split_lines
from duragent.journal.scan import Scan, scan
from duragent.stores.base import Stream
from duragent.stores.files.disk import Disk
from duragent.stores.files.legacy import is_legacy, legacy_view
from duragent.stores.files.segments import ACTIVE, FILE_MAX_BYTES, has_log, sealed_segments
from duragent.system.safe_read import OddFile, refuse_long

LOOKS = 10
"""At most so many, when each finds another fault."""


@dataclass(frozen=True, slots=True)
class LogPiece:
    """What one file of a log holds: its good lines."""

    data: bytes
    """All good lines of the file."""
    after: int
    """The seq before the first of `lines`."""
    last: int
    """The seq of the newest line."""
    torn_bytes: int
    """How many bytes follow, of an append that is under way or never ended."""
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    """Texts, by their SHA-256, that no file has yet, because duragent-rust wrote the log."""

    def lines(self) -> list[bytes]:
        """Each with its newline."""
        good = [line + b"\n" for line in split_lines(self.data)]
        first = self.last - len(good) + 1
        return good[max(0, self.after - first + 1) :]


def pieces(disk: Disk, folder: Path, stream: Stream, after: int = 0) -> Iterator[LogPiece]:
    """The log behind record `after`, file by file, oldest first.

    Raises the kind's `not_found`, and behind the last good piece Damaged.
    """
    suspected: list[tuple[str, int, str]] = []
    while True:
        try:
            for piece in _look(disk, folder, stream, after):
                after = max(after, piece.last)
                yield piece
            return
        except Damaged as fault:
            found = (fault.file, fault.good_seq, fault.problem)
            if found in suspected or len(suspected) >= LOOKS:
                raise
            suspected.append(found)
        except FileNotFoundError as error:
            # A file was sealed, or the session deleted, since its name was read.
            if len(suspected) >= LOOKS:
                raise stream.damaged(ACTIVE, 1, f"its files cannot be read: {error.strerror}", after) from error
            suspected.append(("", after, ""))


def verify(disk: Disk, folder: Path, stream: Stream) -> int:
    """Read the whole log; the seq of its last record. Raises as `pieces` does."""
    last = 0
    if has_log(disk, folder) and is_legacy(disk, folder):
        # What of it cannot be read its last record says, once there is one.
        return last
    for piece in pieces(disk, folder, stream):
        last = piece.last
    return last


def _look(disk: Disk, folder: Path, stream: Stream, after: int) -> Iterator[LogPiece]:
    if not has_log(disk, folder):
        raise stream.not_found()
    if folder.is_symlink():
        raise stream.damaged(ACTIVE, 1, "its folder is a symbolic link", 0)
    if (view := legacy_view(disk, folder, stream)) is not None:
        yield LogPiece(view.log.lines, after, view.log.head, 0, view.log.blobs)
        return
    # The active file first: when it is sealed meanwhile, it is among the sealed ones, or is read to where it ended.
    fd, odd = _open_active(disk, folder)
    try:
        seq: int | None = None
        sealed, damage = sealed_segments(disk, folder, stream)
        for segment in sealed:
            if segment.last > after:
                data = disk.read_file(segment.path, FILE_MAX_BYTES)
                found = scan(data, stream.seed, after=seq)
                yield _piece(data, found, after)
                if found.verdict != "clean":
                    raise stream.damaged(segment.path.name, found.line, found.problem, found.seq)
            seq = segment.last
        if fd < 0 and odd is None and not sealed and damage is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))  # It was deleted since.
        if damage is not None:
            raise damage
        if odd is not None:
            raise stream.damaged(ACTIVE, 1, odd.problem, seq or 0)
        if fd >= 0 and not any(os.path.samestat(os.fstat(fd), segment.path.lstat()) for segment in reversed(sealed)):
            yield from _active(disk, fd, stream, seq, after)
    finally:
        if fd >= 0:
            disk.close(fd)


def _open_active(disk: Disk, folder: Path) -> tuple[int, OddFile | None]:
    """A descriptor, -1 where there is none, and what is wrong with what has the name."""
    try:
        return disk.open_to_read(folder / ACTIVE), None
    except FileNotFoundError:
        return -1, None
    except OddFile as odd:
        return -1, odd


def _active(disk: Disk, fd: int, stream: Stream, seq: int | None, after: int) -> Iterator[LogPiece]:
    size = os.fstat(fd).st_size
    try:
        refuse_long(size, FILE_MAX_BYTES)
    except OddFile as odd:
        raise stream.damaged(ACTIVE, 1, odd.problem, seq or 0) from odd
    data = disk.read(fd, size, 0)
    found = scan(data, stream.seed, after=seq)
    yield _piece(data, found, after)
    if found.verdict == "damaged":
        raise stream.damaged(ACTIVE, found.line, found.problem, found.seq)


def _piece(data: bytes, found: Scan, after: int) -> LogPiece:
    return LogPiece(data[: found.end], after, found.seq, len(data) - found.end if found.verdict == "torn" else 0)
