"""The files that a log is made of: sealed ones, which never change again, and the one that is written.

The law: a read of a part returns lines whose checksum fits and whose seqs follow one another, or an error.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.errors import Damaged
from duragent.journal.line import BadLine, checked_seq, good_bytes
from duragent.journal.scan import scan
from duragent.stores.base import READ_MAX_BYTES, Stream
from duragent.stores.files import lines as line_file
from duragent.stores.files.disk import Disk
from duragent.system.safe_read import OddFile, refuse_long

ACTIVE = "events.jsonl"
SNAPSHOT = "state.yaml"
LEGACY_SNAPSHOT = "state.json"
"""What duragent-rust v0.5 kept beside each of its logs."""
FILE_MAX_BYTES = 1 << 30
"""Of one file of a log: more than one that is sealed (64 MiB) and the longest append (512 MiB) have together."""
SNAPSHOT_MAX_BYTES = 64 << 20
_SEALED = re.compile(r"events-(\d{1,18})\.jsonl")


@dataclass(frozen=True, slots=True)
class Segment:
    """A sealed file, which never changes."""

    path: Path
    first: int
    """The seq of its first record."""
    last: int
    """The seq of its last record."""


@dataclass(frozen=True, slots=True)
class SegmentPart:
    """The good part of one file that is open for reading. Its reads raise BadLine."""

    disk: Disk
    fd: int
    first: int
    """The seq of the first record in the file."""
    end: int
    """Where the good bytes end."""
    seed: int
    """Of the checksums of its lines."""

    def after(self, seq: int, limit: int) -> bytes:
        """Lines behind `seq`, oldest first, as far as they are good; raises only when the first is not."""
        with _told():
            start = line_file.offset_after(self.read, self.end, seq)
            lines = line_file.forward(self.read, start, self.end, limit, READ_MAX_BYTES)
            return self._good(lines, max(seq + 1, self.first))

    def before(self, seq: int, limit: int) -> bytes:
        """The newest lines before `seq`, oldest first; raises when one of them is not good."""
        with _told():
            end = line_file.offset_after(self.read, self.end, seq - 1)
            lines = line_file.backward(self.read, end, limit, READ_MAX_BYTES)
            if len(self._good(lines, seq - lines.count(b"\n"))) < len(lines):
                raise BadLine("a record is not where it should be")
            return lines

    def read_with(self, stream: Stream, name: str, read: "Callable[[SegmentPart], bytes]") -> bytes:
        """What `read` returns of this part of the file `name`. Raises Damaged for a line that is not good."""
        try:
            return read(self)
        except BadLine as error:
            raise self.fault(stream, name, str(error)) from error

    def fault(self, stream: Stream, name: str, problem: str) -> Damaged:
        """What is wrong with it after a read found `problem`, and how far it is good."""
        data = self.disk.read(self.fd, self.end, 0)
        found = scan(data, self.seed, after=self.first - 1)
        problem = found.problem or problem
        if len(data) < self.end:
            problem = f"the file has {len(data)} bytes, and had {self.end}"
        return stream.damaged(name, found.line, problem, found.seq)

    def read(self, offset: int, size: int) -> bytes:
        data = self.disk.read(self.fd, size, offset)
        if len(data) < min(size, self.end - offset):
            raise BadLine(f"the file ends at byte {offset + len(data)}, and had {self.end} bytes")
        return data

    def _good(self, lines: bytes, expected: int) -> bytes:
        """The front of `lines` that is records `expected` and following."""
        position = good_bytes(lines, expected, self.seed)
        expected += lines.count(b"\n", 0, position)
        while (newline := lines.find(b"\n", position)) >= 0:
            try:
                seq = checked_seq(lines[position:newline], self.seed)
                if seq != expected:
                    raise BadLine(f"seq {seq} stands where {expected} should")
            except BadLine:
                if position == 0:
                    raise
                break
            position, expected = newline + 1, expected + 1
        if position == 0:
            raise BadLine("there is no whole record")
        return lines[:position]


@contextmanager
def _told() -> Iterator[None]:
    """Bytes that are no line at all are a bad line too."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise BadLine(f"not a record: {error}") from error


def read_sealed(disk: Disk, segment: Segment, stream: Stream, read: Callable[[SegmentPart], bytes]) -> bytes:
    """What `read` returns of a sealed file. Raises Damaged, OSError."""
    fd = -1
    try:
        fd = disk.open_to_read(segment.path)
        part = SegmentPart(disk, fd, segment.first, os.fstat(fd).st_size, stream.seed)
        return part.read_with(stream, segment.path.name, read)
    except OddFile as odd:
        raise stream.damaged(segment.path.name, 1, odd.problem, segment.first - 1) from odd
    finally:
        if fd >= 0:
            disk.close(fd)


def seal(disk: Disk, folder: Path, first: int, last: int) -> tuple[Segment, int]:
    """Give the active file its sealed name, and begin a new one: the sealed file, and the new one's descriptor.

    Raises OSError: how far it came shows when the log is opened again.
    """
    path, sealed, fd = folder / ACTIVE, Segment(folder / f"events-{first}.jsonl", first, last), -1
    try:
        disk.rename(path, sealed.path)
        crashpoint("log.rotated")
        # First the one name, then the other: on a file system that keeps no order, the new file could have the name
        # when the old one has none yet.
        disk.sync_folder(folder)
        fd = disk.create(path)
        crashpoint("log.next_created")
        disk.sync_folder(folder)
    except OSError:
        disk.drop(fd)
        raise
    return sealed, fd


def sealed_segments(disk: Disk, folder: Path, stream: Stream) -> tuple[list[Segment], Damaged | None]:
    """The sealed files, oldest first, as far as each begins where the one before ends; and the fault behind them."""
    seed = stream.seed
    segments: list[Segment] = []
    for first, path in _sealed_paths(disk, folder):
        before = segments[-1].last if segments else first - 1
        if first != before + 1:
            problem = f"record {first} follows record {before}"
            return segments, stream.damaged(path.name, 1, problem, before)
        try:
            last = _last_seq(disk, path, seed)
            if last is None or last < first:
                found = scan(disk.read_file(path, FILE_MAX_BYTES), seed, after=before)
                segments.append(Segment(path, first, found.seq))
                problem = found.problem or "it holds no record"
                return segments, stream.damaged(path.name, found.line, problem, found.seq)
        except OddFile as odd:
            return segments, stream.damaged(path.name, 1, odd.problem, before)
        segments.append(Segment(path, first, last))
    return segments, None


def has_log(disk: Disk, folder: Path) -> bool:
    """Whether anything has the name of a log's file, between the two steps of sealing one too, or v0.5 had one."""
    return any(os.path.lexists(folder / name) for name in (ACTIVE, LEGACY_SNAPSHOT)) or has_sealed(disk, folder)


def log_paths(disk: Disk, folder: Path) -> list[Path]:
    """All files of a log, oldest first, whatever is in them."""
    active = folder / ACTIVE
    sealed = [path for _, path in _sealed_paths(disk, folder)]
    return [*sealed, *([active] if os.path.lexists(active) else [])]


def has_sealed(disk: Disk, folder: Path) -> bool:
    return bool(_sealed_paths(disk, folder))


def _sealed_paths(disk: Disk, folder: Path) -> list[tuple[int, Path]]:
    try:
        names = disk.names(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((int(match[1]), folder / match[0]) for match in map(_SEALED.fullmatch, names) if match)


def _last_seq(disk: Disk, path: Path, seed: int) -> int | None:
    """The seq of the last line, or None when it cannot be trusted. Raises OddFile."""
    fd = disk.open_to_read(path)
    try:
        size = os.fstat(fd).st_size
        refuse_long(size, FILE_MAX_BYTES)

        def read(offset: int, count: int) -> bytes:
            return disk.read(fd, count, offset)

        try:
            last = line_file.backward(read, size, 1, 1)
        except ValueError:
            return None
        if not last or read(size - 1, 1) != b"\n":
            return None
    finally:
        disk.close(fd)
    try:
        return checked_seq(last[:-1], seed)
    except BadLine:
        return None
