"""The folder of an agent's memory: its files are read with care, and written whole, by compare and swap.

The law: a write names what the file had (its SHA-256, "" for no file). It happens only when the file still has that,
and what a person saved in the last moment is kept beside it as `<NAME>.theirs-<digits>.md`. All functions block on the
disk. One writer at a time for a folder; readers need no lock.
"""

import difflib
import hashlib
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Protocol

from duragent.agent.folder_files import inside, names_in, read_inside, signature
from duragent.crashpoint import crashpoint
from duragent.errors import InvalidFile, MemoryChanged, MemoryFull
from duragent.memory.base import MemoryNote
from duragent.memory.notes import LONG_TERM, UNREVIEWED, notes_in

MAX_FILE_BYTES = 256 * 1024
MAX_FILES = 2_000
_FOLDERS = ("daily", "people", "chats")
_WORLD = "world"
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<before>[0-9a-f]{8}|new)-(?P<after>[0-9a-f]{8})-[0-9]+-[0-9]+\.tmp")
_UNFINISHED = ".part"
_THEIRS = re.compile(r".+\.theirs-[0-9a-f]{8}\.md")


class NoteDisk(Protocol):
    """The file operations of a write, as `stores/files/disk.Disk` has them, so that tests can record or fail them."""

    def make_folder(self, path: Path) -> None: ...
    def create(self, path: Path) -> int: ...
    def open_to_read(self, path: Path) -> int: ...
    def read_file(self, path: Path, limit_bytes: int) -> bytes: ...
    def close(self, fd: int) -> None: ...
    def write(self, fd: int, data: bytes, offset: int) -> None: ...
    def sync(self, fd: int) -> None: ...
    def sync_folder(self, path: Path) -> None: ...
    def rename(self, old: Path, new: Path) -> None: ...
    def exchange(self, one: Path, other: Path) -> bool: ...
    def link(self, old: Path, new: Path) -> None: ...
    def unlink(self, path: Path) -> None: ...


@dataclass(frozen=True, slots=True)
class FileText:
    """A file as it was read."""

    file: str
    """Relative to the memory folder, or `world/<topic>.md`."""
    text: str
    """Its text; "" when there is no file."""
    sha256: str
    """Of its bytes; "" when there is no file."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a write did."""

    file: str
    """The file that was written."""
    path: Path
    """Where it is."""
    before_sha256: str
    """What it had; "" when it was not there."""
    after_sha256: str
    """What it has now."""
    theirs: str = ""
    """The name of the file that keeps what a person saved in the moment of the write; "" when nothing was."""


@dataclass(frozen=True, slots=True)
class ReadMemory:
    """All notes of a folder."""

    notes: tuple[MemoryNote, ...]
    """By file, in the order in which they stand there."""
    files: tuple[FileText, ...]
    """What was read."""
    faults: tuple[str, ...]
    """Sentences for people about what is left out."""


@dataclass(slots=True)
class MemoryFolder:
    """One agent's memory, or the world's."""

    root: Path
    """`agents/<agent>/memory`; for the world, its folder."""
    zone: tzinfo
    """For the days of files and the times of headings."""
    disk: NoteDisk
    """Does the writes."""
    is_world: bool = False
    """Whether `root` holds the topics that all agents share."""
    _count: int = field(default=0, repr=False)

    # --- reading ----------------------------------------------------------------------------------------------------

    def path(self, file: str) -> Path:
        """Where a file is. Raises InvalidFile for a name that is none of this folder."""
        if not self._is_ours(file):
            raise InvalidFile(file[:200], "is no file of this memory")
        return self.root / (file.removeprefix(f"{_WORLD}/") if self.is_world else file)

    def files(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of the files that have notes, sorted, and what is left out, as sentences."""
        found: list[str] = []
        faults: list[str] = []
        for folder in (_WORLD,) if self.is_world else ("", *_FOLDERS):
            at = self.root if self.is_world else self.root / folder
            try:
                names = names_in(at)
            except InvalidFile as error:
                faults.append(str(error))
                continue
            found += (f"{folder}/{name}" if folder else name for name in names if self._has_notes(folder, name))
        if len(found) > MAX_FILES:
            faults.append(f"{self.root}: has {len(found):,} files; the newest {MAX_FILES:,} of them count")
            # Names of days sort by time.
            kept = [name for name in found if not name.startswith("daily/")]
            days = [name for name in found if name.startswith("daily/")]
            room = max(MAX_FILES - len(kept), 0)
            found = kept[:MAX_FILES] + (days[-room:] if room else [])
        return tuple(sorted(found)), tuple(faults)

    def read(self, file: str) -> FileText:
        """A file's text. Raises InvalidFile for what is no readable text file in the folder."""
        path = self.path(file)
        if not os.path.lexists(path):
            return FileText(file, "", "")
        content = read_inside(self.root, path, MAX_FILE_BYTES)
        if len(content) > MAX_FILE_BYTES:
            raise InvalidFile(str(path), f"is larger than {MAX_FILE_BYTES // 1024} KiB")
        if b"\0" in content:
            raise InvalidFile(str(path), "is not text")
        try:
            return FileText(file, content.decode(), _sha256(content))
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise InvalidFile(str(path), "is not UTF-8 text", line=line, hint="save it as UTF-8") from None

    def read_all(self) -> ReadMemory:
        """Every note. A file that cannot be read is left out, with a sentence in `faults`."""
        names, faults = self.files()
        notes: list[MemoryNote] = []
        files: list[FileText] = []
        found = list(faults)
        for name in names:
            try:
                files.append(read := self.read(name))
            except InvalidFile as error:
                found.append(str(error))
                continue
            notes += notes_in(read.text, name, self.zone)
        return ReadMemory(tuple(notes), tuple(files), tuple(found))

    def notes_of(self, file: str) -> tuple[MemoryNote, ...]:
        """The notes of one file. Raises InvalidFile."""
        return notes_in(self.read(file).text, file, self.zone)

    def signatures(self) -> dict[str, tuple[int, ...]]:
        """Of all files that have notes."""
        # A search begins with it: a path for each file would cost more than the look at it.
        root, skip = f"{self.root}/", len(f"{_WORLD}/") if self.is_world else 0
        return {file: signature(root + file[skip:]) for file in self.files()[0]}

    def signature(self, file: str) -> tuple[int, ...]:
        """Numbers that differ when the file was changed; () when there is none."""
        return signature(self.path(file))

    def changed_at(self, file: str) -> str:
        """When the file was changed last, in UTC; "" when there is none. Raises InvalidFile."""
        try:
            moment = datetime.fromtimestamp(self.path(file).stat().st_mtime, UTC)
        except (OSError, ValueError, OverflowError):
            return ""
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _is_ours(self, file: str) -> bool:
        folder, _, name = file.rpartition("/")
        if not name.endswith(".md") or name.startswith(".") or "\0" in name:
            return False
        if self.is_world:
            return folder == _WORLD
        return folder in _FOLDERS or (not folder and name in (LONG_TERM, UNREVIEWED))

    def _has_notes(self, folder: str, name: str) -> bool:
        return self._is_ours(f"{folder}/{name}" if folder else name) and not _THEIRS.fullmatch(name)

    # --- writing ----------------------------------------------------------------------------------------------------

    def write(self, file: str, text: str, before_sha256: str) -> Saved:
        """The file has `text`, durable; not when it raises MemoryChanged, MemoryFull, InvalidFile or OSError."""
        data = text.encode("utf-8", "replace")
        if len(data) > MAX_FILE_BYTES:
            raise MemoryFull(file, len(data), MAX_FILE_BYTES)
        before = self.read(file)
        if before.sha256 != before_sha256:
            raise MemoryChanged(file, before.text)
        path = self._real_path(file)
        temporary = self._temporary(path, before_sha256, data)
        unfinished = temporary.with_name(temporary.name + _UNFINISHED)
        try:
            self._fill(unfinished, data, path if before_sha256 else None)
            self.disk.rename(unfinished, temporary)
            crashpoint("memory.temporary_written")
            if before_sha256:
                replaced = self._swap(file, path, temporary)
            else:
                replaced = None
                self._place(file, path, temporary)
        except BaseException:
            self._remove(unfinished)
            self._remove(temporary)
            raise
        crashpoint("memory.replaced")
        theirs = self._look_again(path, replaced, before_sha256)
        self.disk.sync_folder(path.parent)
        crashpoint("memory.written")
        return Saved(file, path, before_sha256, _sha256(data), theirs)

    def change(self, file: str, change: Callable[[str], str], *, attempts: int = 20) -> tuple[Saved, FileText]:
        """Read, `change`, write; again when the file was changed in between. The second is what was changed."""
        for attempt in range(attempts):
            before = self.read(file)
            try:
                return self.write(file, change(before.text), before.sha256), before
            except MemoryChanged:
                if attempt == attempts - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    def sweep(self) -> tuple[str, ...]:
        """Remove what a writer left that died. Text of it that stands in no other file is kept under these names."""
        kept: list[str] = []
        for folder in ("",) if self.is_world else ("", *_FOLDERS):
            at = self.root / folder
            try:
                names = os.listdir(at)
            except OSError:
                continue
            for name in names:
                if name.endswith(_UNFINISHED) and _TEMPORARY.fullmatch(name.removesuffix(_UNFINISHED)):
                    self._remove(at / name)
                elif found := _TEMPORARY.fullmatch(name):
                    theirs = self._swept(at / name, found)
                    kept += [f"{folder}/{theirs}" if folder else theirs] if theirs else []
        return tuple(kept)

    def _swept(self, left: Path, found: "re.Match[str]") -> str:
        try:
            digits = _sha256(self.disk.read_file(left, MAX_FILE_BYTES))[:8]
            there = left.with_name(found["name"])
            known = {found["before"], found["after"]}
            if digits not in known and os.path.lexists(there):
                known.add(_sha256(self.disk.read_file(there, MAX_FILE_BYTES))[:8])
            if digits in known:
                self.disk.unlink(left)
                return ""
            return self._kept(there, left, digits)
        except OSError:
            # It stays: the next start looks again.
            return ""

    def _real_path(self, file: str) -> Path:
        """Where it really is, with its folder made. Raises InvalidFile when that is outside of the memory."""
        path = self.path(file)
        made: list[Path] = []
        folder = path.parent
        while not folder.exists():
            made.append(folder)
            folder = folder.parent
        for each in reversed(made):
            self.disk.make_folder(each)
            self.disk.sync_folder(each.parent)
        return inside(self.root, path)

    def _temporary(self, path: Path, before: str, data: bytes) -> Path:
        self._count += 1
        digits = f"{before[:8] or 'new'}-{_sha256(data)[:8]}-{os.getpid()}-{self._count}"
        return path.with_name(f".{path.name}.{digits}.tmp")

    def _fill(self, temporary: Path, data: bytes, like: Path | None) -> None:
        fd = self.disk.create(temporary)
        try:
            if like is not None:
                os.fchmod(fd, stat.S_IMODE(like.stat().st_mode))
            self.disk.write(fd, data, 0)
            self.disk.sync(fd)
        finally:
            self.disk.close(fd)

    def _place(self, file: str, path: Path, temporary: Path) -> None:
        """Give the name to a new file. Raises MemoryChanged when the name is taken by now."""
        try:
            self.disk.link(temporary, path)
        except FileExistsError:
            raise MemoryChanged(file, self.read(file).text) from None
        self.disk.unlink(temporary)

    def _swap(self, file: str, path: Path, temporary: Path) -> Path:
        """The file has its new text; the path that is returned has what was replaced."""
        try:
            if self.disk.exchange(temporary, path):
                return temporary
            # A second name holds what is there, until it has been looked at once more.
            aside = temporary.with_name(temporary.name.removesuffix(".tmp") + "0.tmp")
            self.disk.link(path, aside)
            self.disk.rename(temporary, path)
            return aside
        except FileNotFoundError:
            raise MemoryChanged(file) from None

    def _look_again(self, path: Path, replaced: Path | None, before_sha256: str) -> str:
        """What the replaced file holds by now is kept when it is not what the writer saw."""
        if replaced is None:
            return ""
        try:
            now = _sha256(self.disk.read_file(replaced, 64 * MAX_FILE_BYTES))
        except OSError:
            # A person put there what is no file, or a very long one.
            now = hashlib.sha256(os.fsencode(replaced.name)).hexdigest()
        if now == before_sha256:
            self._remove(replaced)
            return ""
        return self._kept(path, replaced, now[:8])

    def _kept(self, path: Path, replaced: Path, digits: str) -> str:
        name = f"{path.stem}.theirs-{digits}.md"
        self.disk.rename(replaced, path.with_name(name))
        return name

    def _remove(self, path: Path) -> None:
        try:
            self.disk.unlink(path)
        except OSError:
            return  # `sweep` finds it


def difference(old: str, new: str, name: str) -> str:
    """A unified diff, for people and models; "" when they are the same."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"{name} as you read it", name, lineterm="", n=2)
    return "\n".join(lines)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
