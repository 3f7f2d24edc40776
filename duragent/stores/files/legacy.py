"""A session's folder as duragent-rust v0.5 left it: read as a log of today, and written as one when it goes on.

Blocking.

    sessions/<id>/events.jsonl          v0.5's log, until a record is added; from then on a log of today
                  state.json            v0.5's summary, which may be the only one to know the beginning; never changed
                  events.archive.jsonl  what its compaction took out of the log; never changed
                  events.v0.5.jsonl     the old log as it was, once events.jsonl is a log of today

The law: looking changes nothing. What v0.5 wrote is never lost, and a crash at any point leaves the old log under its
name, or the new one, whole.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from duragent.crashpoint import crashpoint
from duragent.journal.line import is_legacy as is_legacy_line
from duragent.journal.snapshot import is_ours as is_our_snapshot
from duragent.stores.base import Stream
from duragent.stores.files.blobs import write_blob
from duragent.stores.files.disk import Disk
from duragent.stores.files.segments import (
    ACTIVE,
    FILE_MAX_BYTES,
    LEGACY_SNAPSHOT,
    SNAPSHOT,
    SNAPSHOT_MAX_BYTES,
    has_sealed,
)
from duragent.system.safe_read import OddFile

if TYPE_CHECKING:
    from duragent.journal.legacy.log import LegacyLog

ARCHIVE = "events.archive.jsonl"
KEPT = "events.v0.5.jsonl"
_KEPT_SUMMARY = "state.v0.4.yaml"
STATE_MAX_BYTES = 64 << 20
"""v0.5 kept 2,000 messages at most, and cut the results of tools at 32 KB."""
ARCHIVE_MAX_BYTES = 512 << 20
_FIRST_LINE_BYTES = 4 << 10

_Mark = tuple[int, int, int] | None
"""Inode, size and time of a file; None when there is none."""


@dataclass(frozen=True, slots=True)
class LegacyView:
    """A log of v0.5 as a log of today."""

    log: "LegacyLog"
    """Its lines, and the blobs that they refer to."""
    marks: tuple[_Mark, ...]
    """Of the log, the summary and the archive, at the time when they were read."""
    kept_as: str
    """The name that the old log will have."""


def legacy_view(disk: Disk, folder: Path, stream: Stream) -> LegacyView | None:
    """The session as v0.5 left it; None when its log is one of today. Raises OSError."""
    from duragent.journal.legacy.log import LegacyFiles, adopted

    marks = _marks(folder)
    log = _old_log(disk, folder)
    if log is None:
        return None
    faults: list[str] = []
    archive = _or_told(disk, folder / ARCHIVE, ARCHIVE_MAX_BYTES, faults)
    state = _or_told(disk, folder / LEGACY_SNAPSHOT, STATE_MAX_BYTES, faults)
    kept_as = _kept_name(disk, folder, log)
    files = LegacyFiles(log, archive or b"", state, tuple(faults))
    return LegacyView(adopted(files, stream.id, kept_as), marks, kept_as)


def is_legacy(disk: Disk, folder: Path) -> bool:
    """Whether the log is still v0.5's. Raises OSError."""
    return _old_log(disk, folder) is not None


def _old_log(disk: Disk, folder: Path) -> bytes | None:
    """The bytes of a log that is still v0.5's."""
    # The first line is all that has to be read of most logs. Odd files are refused where a log of today is opened.
    if folder.is_symlink() or _begins_with_ours(disk, folder / ACTIVE) or has_sealed(disk, folder):
        return None
    try:
        log = _read(disk, folder / ACTIVE, FILE_MAX_BYTES)
    except OddFile:
        return None
    from duragent.journal.legacy.log import writer_of

    written_by = writer_of(log)
    if written_by is None:
        # Nothing in it says whose it is: it is v0.5's until it was adopted. Compaction left many a log empty.
        ours = not has_state(folder) or _kept_name(disk, folder, log) != KEPT
    else:
        ours = written_by == "ours"
    return None if ours else log


def has_state(folder: Path) -> bool:
    """Whether v0.5 kept a session here, whatever is left of its log."""
    return os.path.lexists(folder / LEGACY_SNAPSHOT)


def legacy_mark(folder: str) -> str:
    """What changes when v0.5's files beside the log do; "" when there are none."""
    marks = (_mark(os.path.join(folder, LEGACY_SNAPSHOT)), _mark(os.path.join(folder, ARCHIVE)))
    return "".join(f"-{mark[1]}.{mark[2]}" for mark in marks if mark)


def write(disk: Disk, folder: Path, stream: Stream, view: LegacyView) -> None:
    """Make events.jsonl the log of today that `view` shows. May be cut short at any point and done again.

    Raises LogChanged when the files are not those any more, and OSError.
    """
    old = _read(disk, folder / ACTIVE, FILE_MAX_BYTES)
    if old == view.log.lines:
        # An earlier attempt got this far. Its rename may not be on the disk yet.
        disk.sync_folder(folder)
        return
    _must_be_as_seen(folder, stream, view)
    for name, data in view.log.blobs.items():
        write_blob(disk, folder, name, data)
    if not may_write_summary(disk, folder) and not os.path.lexists(folder / _KEPT_SUMMARY):
        disk.replace(folder / _KEPT_SUMMARY, _read(disk, folder / SNAPSHOT, SNAPSHOT_MAX_BYTES))
    if not os.path.lexists(folder / view.kept_as):
        disk.replace(folder / view.kept_as, old)
    crashpoint("legacy.kept")
    # Once more, because all of this may have taken a while.
    _must_be_as_seen(folder, stream, view)
    with _still_open(disk, folder / ACTIVE) as left:
        disk.replace(folder / ACTIVE, view.log.lines)
        crashpoint("legacy.written")
        written = b"" if left is None else disk.read(left, FILE_MAX_BYTES, 0)
    if len(written) > len(old):
        disk.replace(folder / view.kept_as, written)
        raise stream.changed(f"duragent v0.5 wrote to it at the last moment; {view.kept_as} has that")


def _must_be_as_seen(folder: Path, stream: Stream, view: LegacyView) -> None:
    if _marks(folder) != view.marks:
        raise stream.changed("duragent v0.5 has written to it since it was opened")


@contextlib.contextmanager
def _still_open(disk: Disk, path: Path) -> Iterator[int | None]:
    """A descriptor of the file that has the name now, also when another one takes it; None where there is none."""
    try:
        fd = disk.open_to_read(path)
    except FileNotFoundError:
        yield None
        return
    try:
        yield fd
    finally:
        disk.close(fd)


def may_write_summary(disk: Disk, folder: Path) -> bool:
    """Whether state.yaml is ours to write: v0.4 kept its own under that name."""
    try:
        return is_our_snapshot(_read(disk, folder / SNAPSHOT, SNAPSHOT_MAX_BYTES))
    except OddFile:
        return True


def _kept_name(disk: Disk, folder: Path, log: bytes) -> str:
    """Where the old log is to be kept: an earlier attempt's copy, or a name that is free."""
    name, number = KEPT, 1
    while os.path.lexists(folder / name) and _or_told(disk, folder / name, len(log), []) != log:
        number += 1
        name = f"events.v0.5-{number}.jsonl"
    return name


def _begins_with_ours(disk: Disk, path: Path) -> bool:
    try:
        fd = disk.open_to_read(path)
    except OSError:
        return False
    try:
        line, newline, _ = disk.read(fd, _FIRST_LINE_BYTES, 0).partition(b"\n")
    finally:
        disk.close(fd)
    return bool(newline) and not is_legacy_line(line)


def _read(disk: Disk, path: Path, limit_bytes: int) -> bytes:
    """All of a regular file, b"" when there is none. Raises OddFile, OSError."""
    try:
        return disk.read_file(path, limit_bytes)
    except FileNotFoundError:
        return b""


def _or_told(disk: Disk, path: Path, limit_bytes: int, faults: list[str]) -> bytes | None:
    """All of a regular file, None when there is none; why it can never be read is added to `faults`.

    Raises OSError for what may be gone in a moment: a log that is adopted without a part of it stays without.
    """
    try:
        return disk.read_file(path, limit_bytes)
    except FileNotFoundError:
        return None
    except OddFile as odd:
        faults.append(f"{path.name} cannot be read, and nothing of it is here: {odd.problem}")
        return None


def _marks(folder: Path) -> tuple[_Mark, ...]:
    return tuple(_mark(folder / name) for name in (ACTIVE, LEGACY_SNAPSHOT, ARCHIVE))


def _mark(path: str | Path) -> _Mark:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
