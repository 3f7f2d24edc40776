"""What the active file of a log holds when it is opened: how far it is good, and the tails that were cut off it.

Blocking. Only `save_tail` writes.
"""

import os
from pathlib import Path

from duragent.journal.line import MAX_LINE_BYTES, BadLine, checked_seq, first_seq, tx_of
from duragent.journal.scan import Scan, scan
from duragent.stores.files.disk import Disk
from duragent.stores.files.segments import FILE_MAX_BYTES
from duragent.system.safe_read import OddFile

VERIFY_AT_OPEN_BYTES = 1 << 20
"""Up to this size a log is checked whole when it is opened; of a longer one its tail. `verify` checks everything."""
TAIL_BYTES = 256 << 10


def scan_opened(disk: Disk, fd: int, seed: int, before: int | None) -> tuple[Scan, int]:
    """How far the file is good, and its first seq. `before` is the last record that is sealed, if any is."""
    size = os.fstat(fd).st_size
    if size > VERIFY_AT_OPEN_BYTES and (quick := _scan_tail(disk, fd, seed, size)) is not None:
        first = _first_seq(disk.read(fd, MAX_LINE_BYTES, 0))
        if before is None or first == before + 1:
            return quick, first
    data = disk.read(fd, size, 0)
    return scan(data, seed, after=before), before + 1 if before else _first_seq(data)


def _scan_tail(disk: Disk, fd: int, seed: int, size: int) -> Scan | None:
    """The scan of the last part, or None when it is not clean: then the whole must be looked at."""
    start = size - TAIL_BYTES
    data = disk.read(fd, TAIL_BYTES, start)
    skip = data.find(b"\n") + 1
    while 0 < skip < len(data):
        newline = data.find(b"\n", skip)
        line = data[skip:newline]
        try:
            seq, tx = checked_seq(line, seed), tx_of(line)
        except BadLine:
            return None
        if tx is None or tx[0] == 1:
            result = scan(data[skip:], seed, after=seq - 1)
            clean = result.verdict == "clean"
            return Scan("clean", start + skip + result.end, result.seq, 0) if clean else None
        skip = newline + 1
    return None


def _first_seq(data: bytes) -> int:
    end = data.find(b"\n")
    try:
        return first_seq(data[:end]) if end > 0 else 1
    except (ValueError, KeyError, TypeError):
        return 1


def is_without_record(disk: Disk, path: Path, seed: int) -> bool:
    """Whether the file is there, and holds no record."""
    try:
        found = scan(disk.read_file(path, FILE_MAX_BYTES), seed, after=None)
    except (FileNotFoundError, OddFile):
        return False
    return found.seq == 0 and found.verdict != "damaged"


def saved_tails(disk: Disk, folder: Path, end: int) -> list[Path]:
    """The tails that were cut off at byte `end` of the log, the oldest first."""
    first = f"events.torn-{end}"
    names = [name for name in disk.names(folder) if name == first or name.startswith(f"{first}.")]
    return [folder / name for name in sorted(names, key=lambda name: (len(name), name))]


def save_tail(disk: Disk, folder: Path, end: int, tail: bytes) -> list[Path]:
    """The same with this one, durable, as the newest: never over the tail of an earlier crash at the same place."""
    saved = saved_tails(disk, folder, end)
    if not saved or not _holds(disk, saved[-1], tail):
        number = f".{len(saved) + 1}" if saved else ""
        saved.append(folder / f"events.torn-{end}{number}")
        disk.replace(saved[-1], tail)
    return saved


def _holds(disk: Disk, path: Path, data: bytes) -> bool:
    try:
        return disk.read_file(path, len(data)) == data
    except OddFile:
        return False
