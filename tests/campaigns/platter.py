"""The disks that a power cut can leave behind what was done.

The model is harder than a journaling file system, and is what POSIX promises:

- **Bytes.** What was written since the last sync of a file is there, or not, or in part: cut short, or with holes
  where whole sectors never arrived. Each write and truncation for itself.
- **A failed sync** leaves its bytes in doubt for ever: the kernel has marked them as clean, so no later sync brings
  them to the platter, while readers see them until the power is gone.
- **Names.** Each change of a folder since its last sync has happened or not, for itself, in any combination. A rename
  is atomic.
"""

import itertools
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

SECTOR = 512
ROOT = 0

Image: TypeAlias = dict[str, bytes | None]
"""A whole disk: relative path -> the bytes of a file, None for a folder."""


@dataclass(frozen=True, slots=True)
class Named:
    """A folder's entry now leads to this inode. `old`: the name that it had in the same folder, for a rename."""

    folder: int
    name: str
    inode: int
    old: str = ""
    new_folder: bool = False


@dataclass(frozen=True, slots=True)
class Unnamed:
    folder: int
    name: str


@dataclass(frozen=True, slots=True)
class Write:
    inode: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """`good` False: the kernel said no."""

    inode: int
    good: bool = True


@dataclass(frozen=True, slots=True)
class SyncFolder:
    inode: int


Operation: TypeAlias = Named | Unnamed | Write | Cut | Sync | SyncFolder


def history_of(image: Image) -> list[Operation]:
    """The operations that make this disk, all of it synced."""
    made: list[Operation] = []
    inodes = {"": ROOT}
    for number, (path, data) in enumerate(sorted(image.items(), key=lambda item: item[0].count("/")), 1):
        parent, _, name = path.rpartition("/")
        inodes[path] = number
        made.append(Named(inodes[parent], name, number, new_folder=data is None))
        if data:
            made.append(Write(number, 0, data))
        if data is not None:
            made.append(Sync(number))
    return [*made, *(SyncFolder(inodes[path]) for path in inodes if path == "" or image[path] is None)]


def write_image(root: Path, image: Image) -> None:
    """Make the folder `root` this disk."""
    base = str(root)
    os.mkdir(base)
    for path, data in sorted(image.items(), key=lambda item: item[0].count("/")):
        if data is None:
            os.mkdir(f"{base}/{path}")
        else:
            with open(f"{base}/{path}", "wb", buffering=0) as file:
                file.write(data)


def read_image(root: Path) -> Image:
    base = str(root)
    image: Image = {}
    for folder, folders, files in os.walk(base):
        inner = folder[len(base) + 1 :]
        start = f"{inner}/" if inner else ""
        image |= {start + name: None for name in folders}
        for name in files:
            with open(f"{folder}/{name}", "rb", buffering=0) as file:
                image[start + name] = file.read()
    return image


# --- what a power cut leaves ----------------------------------------------------------------------------------------


class _File:
    """`base` is on the platter; of `doubtful` any part may be. `lost`: a sync of it has failed."""

    __slots__ = ("base", "changes")

    def __init__(self) -> None:
        self.base = b""
        self.changes: list[tuple[str, Write | Cut]] = []

    def sync(self, good: bool) -> None:
        to = "durable" if good else "lost"
        self.changes = [(to if state == "pending" else state, change) for state, change in self.changes]
        while self.changes and self.changes[0][0] == "durable":
            self.base = _done(self.base, self.changes.pop(0)[1])

    @property
    def doubtful(self) -> int:
        return sum(state != "durable" for state, _ in self.changes)

    def after(self, variants: Sequence["_Variant"]) -> bytes:
        """The bytes when the doubtful changes came out as `variants` say, one for each."""
        data, chosen = self.base, iter(variants)
        for state, change in self.changes:
            data = _done(data, change) if state == "durable" else next(chosen)(data, change)
        return data

    def variants(self) -> list[list["_Variant"]]:
        """What can become of each doubtful change."""
        return [
            _of_write(change) if isinstance(change, Write) else [_keep, _drop]
            for state, change in self.changes
            if state != "durable"
        ]


_Variant: TypeAlias = Callable[[bytes, "Write | Cut"], bytes]


def _done(data: bytes, change: Write | Cut) -> bytes:
    if isinstance(change, Cut):
        return data[: change.size].ljust(change.size, b"\0")
    return data[: change.offset].ljust(change.offset, b"\0") + change.data + data[change.offset + len(change.data) :]


def _keep(data: bytes, change: Write | Cut) -> bytes:
    return _done(data, change)


def _drop(data: bytes, _: Write | Cut) -> bytes:
    return data


def _short(size: int) -> _Variant:
    """Only the first `size` bytes arrived."""

    def short(data: bytes, change: Write | Cut) -> bytes:
        assert isinstance(change, Write)
        return _done(data, Write(change.inode, change.offset, change.data[:size]))

    return short


def _holes(*gaps: tuple[int, int]) -> _Variant:
    """The file has its new length, and NULs where nothing arrived (or what stood there, if it was not new)."""

    def holes(data: bytes, change: Write | Cut) -> bytes:
        assert isinstance(change, Write)
        landed = bytearray(change.data)
        for start, end in gaps:
            before = data[change.offset + start : change.offset + end]
            landed[start:end] = before + bytes(end - start - len(before))
        return _done(data, Write(change.inode, change.offset, bytes(landed)))

    return holes


def _of_write(change: Write) -> list[_Variant]:
    size = len(change.data)
    # The borders of sectors within the write.
    borders = [0, *range(SECTOR - change.offset % SECTOR, size, SECTOR), size]
    sectors = list(itertools.pairwise(borders))
    lengths = {1, size // 3, size // 2, size - 1, *borders} - {0, size}
    found = [_keep, _drop, _holes((0, size)), *(_short(length) for length in sorted(lengths))]
    if len(sectors) > 1:
        found += [_holes(sector) for sector in sectors]
        found += [_holes((0, sectors[-1][0])), _holes((sectors[0][1], size))]
    if len(sectors) > 3:
        found += [_holes(*sectors[::2]), _holes(*sectors[1::2])]
    return found


class Platter:
    """What is on the disk after some operations, and what may be."""

    def __init__(self, operations: Sequence[Operation] = ()) -> None:
        self._files: dict[int, _File] = {}
        self._folders: dict[int, dict[str, int]] = {ROOT: {}}
        self._pending: list[Named | Unnamed] = []
        for operation in operations:
            self.take(operation)

    def take(self, operation: Operation) -> None:
        match operation:
            case Write(inode) | Cut(inode):
                self._files[inode].changes.append(("pending", operation))
            case Sync(inode, good):
                self._files[inode].sync(good)
            case SyncFolder(inode):
                for change in self._pending:
                    if change.folder == inode:
                        named(self._folders, change)
                self._pending = [change for change in self._pending if change.folder != inode]
            case Named() | Unnamed():
                self._pending.append(operation)
                if isinstance(operation, Named) and operation.new_folder:
                    self._folders[operation.inode] = {}
                elif isinstance(operation, Named):
                    self._files.setdefault(operation.inode, _File())

    def seen(self) -> Image:
        """The disk as processes see it while there is power: everything that was done."""
        return next(self._images(self._pending, lambda options: iter([[_keep] * len(options)])))

    def after_cuts(self, chance: random.Random, most: int) -> Iterator[Image]:
        """The disks after a power cut now: all of them, or about `most` by chance."""
        names = list(_combinations(self._pending, chance))
        each = max(3, most // len(names))
        for chosen in names:
            yield from self._images(chosen, lambda options: _some(options, chance, each))

    def _images(
        self,
        changes: Sequence[Named | Unnamed],
        choose: Callable[[list[list[_Variant]]], Iterator[Sequence[_Variant]]],
    ) -> Iterator[Image]:
        folders = {inode: dict(entries) for inode, entries in self._folders.items()}
        for change in changes:
            named(folders, change)
        image: Image = {}
        doubtful: dict[int, list[str]] = {}
        for path, inode in _paths(folders, ROOT, ""):
            if inode in folders:
                image[path] = None
                continue
            image[path] = self._files[inode].base
            if self._files[inode].changes:
                doubtful.setdefault(inode, []).append(path)
        options = [each for inode in doubtful for each in self._files[inode].variants()]
        for chosen in choose(options):
            rest = list(chosen)
            made = dict(image)
            for inode, paths in doubtful.items():
                file = self._files[inode]
                mine, rest = rest[: file.doubtful], rest[file.doubtful :]
                made |= dict.fromkeys(paths, file.after(mine))
            yield made


def named(folders: dict[int, dict[str, int]], change: Named | Unnamed) -> None:
    entries = folders[change.folder]
    if isinstance(change, Unnamed):
        entries.pop(change.name, None)
        return
    if change.old and entries.get(change.old) == change.inode:
        del entries[change.old]
    entries[change.name] = change.inode


def _paths(folders: Mapping[int, Mapping[str, int]], folder: int, start: str) -> Iterator[tuple[str, int]]:
    for name, inode in sorted(folders[folder].items()):
        yield start + name, inode
        if inode in folders:
            yield from _paths(folders, inode, f"{start}{name}/")


def _combinations(pending: list[Named | Unnamed], chance: random.Random) -> Iterator[list[Named | Unnamed]]:
    """Which of these changes have reached the platter: every choice, or of many the likely ones and some others."""
    count = len(pending)
    if count <= 4:
        masks: Iterator[int] | list[int] = iter(range(1 << count))
    else:
        ordered = [(1 << kept) - 1 for kept in range(count + 1)]
        alone = [1 << one for one in range(count)]
        missing = [((1 << count) - 1) ^ one for one in alone]
        masks = sorted({*ordered, *alone, *missing, *(chance.getrandbits(count) for _ in range(6))})
    for mask in masks:
        yield [change for number, change in enumerate(pending) if mask >> number & 1]


def _some(options: list[list[_Variant]], chance: random.Random, most: int) -> Iterator[Sequence[_Variant]]:
    product = 1
    for each in options:
        product *= len(each)
    if product <= most:
        yield from itertools.product(*options)
        return
    yield [each[0] for each in options]
    yield [each[1] for each in options]
    for number, each in enumerate(options):
        # All that one of them can become, between others that are there or not.
        for variant in each[: max(2, most // (2 * len(options)))]:
            yield [variant if at == number else chance.choice(other[:2]) for at, other in enumerate(options)]
    for _ in range(most // 2):
        yield [chance.choice(each) for each in options]
