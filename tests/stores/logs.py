"""Logs and disks for the tests of the stores."""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from duragent.journal import events as e
from duragent.journal.record import Record, crc_seed, encode
from duragent.stores.disk import Disk

SESSION = "session_01log"
TS = "2026-01-02T03:04:05.678Z"


def lines_of(first: int, happened: Sequence[e.Event], session_id: str = SESSION) -> list[bytes]:
    """One append: the lines of these events, marked as a group when they are several."""
    count = len(happened)
    marks = [f"{at}/{count}" if count > 1 else None for at in range(1, count + 1)]
    return [
        encode(Record(first + at, TS, event, mark), crc_seed(session_id)).line
        for at, (event, mark) in enumerate(zip(happened, marks, strict=True))
    ]


def message(text: str) -> e.Event:
    return e.MessageReceived(message_id="msg_1", text=text)


def conversation() -> list[list[bytes]]:
    """The appends of a short conversation with tools: 15 records, one group of three, one of two."""
    calls = (
        e.Call(call="c1", tool="bash", arguments='{"command":"ls"}'),
        e.Call(call="c2", tool="web", arguments="{}"),
    )
    appends: list[list[e.Event]] = [
        [e.SessionCreated(agent="assistant")],
        [e.OwnerClaimed(epoch=1, node="n1"), message("hi\n\u2028 {"), e.TurnStarted(turn="t1", trigger=3)],
        [e.ModelCalled(turn="t1", step=1, attempt=1, epoch=1, model="m", input_seq=3)],
        [e.ModelReplied(message_id="m2", turn="t1", text='so: "}', calls=calls, cost_usd=0.25)],
        [e.ToolStarted(turn="t1", call="c1", tool="bash", epoch=1)],
        [e.ToolFinished(turn="t1", call="c1", tool="bash", outcome="ok", content="a.txt\x00\n")],
        [e.ToolFinished(turn="t1", call="c2", outcome="error"), e.SessionRenamed(title="Files")],
        [e.ModelCalled(turn="t1", step=2, attempt=1, epoch=1, model="m", input_seq=9)],
        [e.ModelReplied(message_id="m3", turn="t1", step=2, text="one file \N{GRINNING FACE} \ud800")],
        [e.TurnEnded(turn="t1", outcome="completed")],
        [message("thanks")],
        [e.SessionClosed(reason="done")],
    ]
    made, seq = [], 1
    for happened in appends:
        made.append(lines_of(seq, happened))
        seq += len(happened)
    return made


def ends_of(appends: Sequence[Sequence[bytes]]) -> list[int]:
    """The byte positions where an append ends, 0 first."""
    ends = [0]
    for lines in appends:
        ends.append(ends[-1] + sum(map(len, lines)))
    return ends


class QuickDisk(Disk):
    """Syncs nothing: for tests in which no power is cut."""

    def sync(self, fd: int) -> None: ...

    def sync_folder(self, path: Path) -> None: ...


class FaultyDisk(QuickDisk):
    """The `nth` changing operation from now on fails (from 1), and `lasting` ones all after it too."""

    def __init__(self) -> None:
        self.nth = 0
        self.error = 0
        self.lasting = False
        self.happened: list[str] = []

    def fail(self, nth: int, error: int, *, lasting: bool = False) -> None:
        self.nth, self.error, self.lasting, self.happened = nth, error, lasting, []

    def heal(self) -> None:
        self.nth = 0

    def _about_to(self, name: str) -> None:
        self.happened.append(name)
        if self.nth and (len(self.happened) == self.nth or (self.lasting and len(self.happened) > self.nth)):
            raise OSError(self.error, os.strerror(self.error))

    def make_folder(self, path: Path) -> None:
        self._about_to("make_folder")
        super().make_folder(path)

    def create(self, path: Path) -> int:
        self._about_to("create")
        return super().create(path)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        try:
            self._about_to("write")
        except OSError:
            if self.error != errno.EROFS:
                super().write(fd, data[: len(data) // 2], offset)
            raise
        super().write(fd, data, offset)

    def truncate(self, fd: int, size: int) -> None:
        self._about_to("truncate")
        super().truncate(fd, size)

    def sync(self, fd: int) -> None:
        self._about_to("sync")

    def sync_folder(self, path: Path) -> None:
        self._about_to("sync_folder")

    def rename(self, old: Path, new: Path) -> None:
        self._about_to("rename")
        super().rename(old, new)

    def unlink(self, path: Path) -> None:
        if path.exists():
            self._about_to("unlink")
        super().unlink(path)


@dataclass
class _Inode:
    """A file's bytes on the platter, and what was done to it since."""

    synced: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def after_cut(self, mode: str) -> bytes:
        data = bytearray(self.synced)
        for number, (offset, piece) in enumerate(self.pending if mode != "drop" else []):
            last = number == len(self.pending) - 1
            if piece is None:
                del data[offset:]
            elif last and mode == "half":
                data[offset:] = piece[: len(piece) // 2]
            elif last and mode == "hole":
                data[offset:] = b"\0" * (len(piece) // 2) + piece[len(piece) // 2 :]
            else:
                data[offset:] = piece
        return bytes(data)


class RecordingDisk(Disk):
    """Does what it is told and remembers it, so that `after_cut` can make the disk of a machine that lost its power."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.operations: list[tuple[object, ...]] = []
        self._names: dict[Path, int] = {}
        self._fds: dict[int, int] = {}
        self._count = 0
        self._at_first = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        self._folders_at_first = [root, *(path for path in root.rglob("*") if path.is_dir())]
        for path in self._at_first:
            self._names[path] = self._next()
        self._inodes_at_first = dict(self._names)

    def _next(self) -> int:
        self._count += 1
        return self._count

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self.operations.append(("folder", path))

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self._names[path] = self._fds[fd] = self._next()
        self.operations.append(("create", path, self._fds[fd]))
        return fd

    def open(self, path: Path, *, scratch: bool = False) -> int:
        fd = super().open(path, scratch=scratch)
        self._fds[fd] = self._names[path]
        return fd

    def write(self, fd: int, data: bytes, offset: int) -> None:
        super().write(fd, data, offset)
        self.operations.append(("write", self._fds[fd], offset, bytes(data)))

    def truncate(self, fd: int, size: int) -> None:
        super().truncate(fd, size)
        self.operations.append(("write", self._fds[fd], size, None))

    def sync(self, fd: int) -> None:
        self.operations.append(("sync", self._fds[fd]))

    def sync_folder(self, path: Path) -> None:
        self.operations.append(("sync_folder", path))

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self._names[new] = self._names.pop(old)
        self.operations.append(("rename", old, new))

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self._names.pop(path, None)
        self.operations.append(("unlink", path))

    def after_cut(self, count: int, names: str, data: str, root: Path) -> None:
        """Make `root` the disk as it is when power fails behind `count` operations.

        `names` says what became of names that no folder sync covers (keep, drop), `data` of bytes that no file sync
        covers (keep, drop, half, hole).
        """
        platter = _Platter(self)
        for operation in self.operations[:count]:
            platter.take(operation)
        platter.write_to(root, names, data)


class _Platter:
    def __init__(self, disk: RecordingDisk) -> None:
        self.root = disk.root
        self.inodes = {disk._inodes_at_first[path]: _Inode(data) for path, data in disk._at_first.items()}
        self.names: dict[Path, int | None] = dict(disk._inodes_at_first) | dict.fromkeys(disk._folders_at_first)
        self.pending: list[tuple[Path, tuple[object, ...]]] = []

    def take(self, operation: tuple[object, ...]) -> None:
        match operation:
            case ("create", Path() as path, int() as inode):
                self.inodes[inode] = _Inode()
                self.pending.append((path.parent, operation))
            case ("folder" | "rename" | "unlink", Path() as path, *_):
                self.pending.append((path.parent, operation))
            case ("write", int() as inode, int() as offset, data):
                assert data is None or isinstance(data, bytes)
                self.inodes[inode].pending.append((offset, data))
            case ("sync", int() as inode):
                self.inodes[inode] = _Inode(self.inodes[inode].after_cut("keep"))
            case ("sync_folder", Path() as folder):
                for parent, change in self.pending:
                    if parent == folder:
                        self._name(change)
                self.pending = [(parent, change) for parent, change in self.pending if parent != folder]

    def _name(self, change: tuple[object, ...]) -> None:
        match change:
            case ("create", Path() as path, int() as inode):
                self.names[path] = inode
            case ("folder", Path() as path):
                self.names[path] = None
            case ("rename", Path() as old, Path() as new):
                self.names[new] = self.names.pop(old)
            case ("unlink", Path() as path):
                del self.names[path]

    def write_to(self, root: Path, names: str, data: str) -> None:
        for _, change in self.pending if names == "keep" else []:
            self._name(change)
        for path, inode in sorted(self.names.items(), key=lambda item: len(item[0].parts)):
            target = root / path.relative_to(self.root)
            if inode is None:
                if target.parent.exists():
                    target.mkdir(exist_ok=True)
            elif target.parent.exists():
                target.write_bytes(self.inodes[inode].after_cut(data))
