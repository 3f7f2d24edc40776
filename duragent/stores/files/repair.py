"""Mending a damaged log: what is behind its last good record is set aside, and the log goes on from there. Blocking.

The law: nothing is thrown away, and a crash at any point leaves the log damaged, or mended; never open to writing
without the lines that close what was going on.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.journal.scan import scan
from duragent.stores.base import Stream, TornTail
from duragent.stores.files import lines as line_file
from duragent.stores.files.disk import Disk
from duragent.stores.files.segments import ACTIVE, FILE_MAX_BYTES, SNAPSHOT, log_paths
from duragent.system.safe_read import OddFile

Closing = Callable[[TornTail], Sequence[bytes]]


def mend(disk: Disk, folder: Path, stream: Stream, good_seq: int, closing: Closing) -> None:
    """See `Store.mend`. Raises Damaged when there is no record `good_seq` to go on from."""
    paths = log_paths(disk, folder)
    at, kept, rest = _split(disk, paths, stream, good_seq)
    aside = _free_name(folder, f"events.damaged-{good_seq + 1}")
    # Later files may be many: never all of them in memory.
    size = _set_aside(disk, aside, [lambda: rest, *(partial(_whole, disk, path) for path in paths[at + 1 :])])
    _keep_odd(disk, paths[at + 1 :], f"events.damaged-{good_seq + 1}")
    crashpoint("mend.set_aside")
    closed = closing(TornTail(len(kept), size, aside.name if size else ""))
    # While any sealed file stands before it that holds the same records, this one does not follow: that is damage.
    disk.replace(folder / ACTIVE, kept + b"".join(closed))
    crashpoint("mend.replaced")
    for path in reversed([path for path in paths[at:] if path.name != ACTIVE]):
        disk.unlink(path)
        disk.sync_folder(folder)
    snapshot = folder / SNAPSHOT
    if os.path.lexists(snapshot):
        # Last, because one that has seen more than the log is what says that the log is damaged.
        disk.unlink(snapshot)
        disk.sync_folder(folder)


def _set_aside(disk: Disk, path: Path, pieces: Sequence[Callable[[], bytes]]) -> int:
    """All pieces in one new file, durable; none when they are empty. Returns their size."""
    temporary, size = path.with_name(f".{path.name}.new"), 0
    with contextlib.suppress(FileNotFoundError):
        disk.unlink(temporary)
    fd = disk.create(temporary)
    try:
        for piece in pieces:
            data = piece()
            disk.write(fd, data, size)
            size += len(data)
        disk.sync(fd)
    finally:
        disk.close(fd)
    if size:
        disk.rename(temporary, path)
    else:
        disk.unlink(temporary)
    disk.sync_folder(path.parent)
    return size


def _split(disk: Disk, paths: Sequence[Path], stream: Stream, good_seq: int) -> tuple[int, bytes, bytes]:
    """Which file has record `good_seq`, its bytes up to the end of it, and those behind."""
    seed, seq = stream.seed, None
    for at, path in enumerate(paths):
        data = _whole(disk, path)
        found = scan(data, seed, after=seq)
        if found.seq >= good_seq > (seq or 0):
            end = line_file.offset_after(partial(_part, data), found.end, good_seq)
            return at, data[:end], data[end:]
        if found.verdict != "clean":
            break
        seq = found.seq
    raise stream.damaged(ACTIVE, 1, f"there is no good record {good_seq} to go on from", 0)


def _whole(disk: Disk, path: Path) -> bytes:
    """The bytes of a file; none of what is not one, which `_keep_odd` keeps."""
    try:
        return disk.read_file(path, FILE_MAX_BYTES)
    except OddFile:
        return b""


def _keep_odd(disk: Disk, paths: Sequence[Path], name: str) -> None:
    """Give a second name to what is not a file, or too long for one of a log, before its own name is taken away."""
    for path in paths:
        try:
            disk.close(disk.open_to_read(path))
            odd = os.stat(path).st_size > FILE_MAX_BYTES
        except OddFile:
            odd = True
        if odd:
            os.link(path, _free_name(path.parent, name), follow_symlinks=False)


def _part(data: bytes, offset: int, size: int) -> bytes:
    return data[offset : offset + size]


def _free_name(folder: Path, name: str) -> Path:
    path, number = folder / name, 1
    while os.path.lexists(path):
        number += 1
        path = folder / f"{name}.{number}"
    return path
