"""Where tools may read and write: from the path that a model wrote to an open file.

The law of this file: `find` decides by the real path, and whatever is opened afterwards is opened from the allowed
root downwards, one name after the other, following no symbolic link. So a link that is put there in between leads
nowhere. What is closed is known by its identity too, so that a second name for it (a hard link, another spelling on a
file system without letter case) does not help.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from duragent.errors import BadInput
from duragent.policy.place import is_private
from duragent.policy.shell.commands import is_guarded
from duragent.tools.base import Places

# Passing through a folder needs no right to list it. Where O_PATH does not exist, it does.
_PASS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SORTS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}

Identity = tuple[int, int]
"""Device and inode."""


class PathRefused(BadInput):
    """The path cannot be used; the message is a sentence for the model."""

    code = "path-refused"


@dataclass(frozen=True, slots=True)
class Spot:
    """A path that may be used; the file may be missing."""

    real: Path
    """Symlinks resolved."""
    root: Path
    """One of the folders that may be used; `real` is below it."""
    shown: str
    """Its name for the model."""
    writing: bool
    """Whether it may be written, too."""
    places: Places
    """Where the call happens."""

    @property
    def parts(self) -> tuple[str, ...]:
        return self.real.relative_to(self.root).parts


def find(written: str, places: Places, *, writing: bool = False) -> Spot:
    """The spot that a model's path means, relative to the working directory. Raises PathRefused.

    Symbolic links are followed, `~` and variables are not expanded.
    """
    if not written:
        raise PathRefused("the path is empty")
    if Path(written).parts[:1] == ("~",):
        raise PathRefused(
            f"`~` is not expanded; give a path relative to the working directory {places.folder}, or an absolute one"
        )
    try:
        real = Path(os.path.realpath(places.folder / written))
        os.fsencode(real)
    except (OSError, ValueError):
        raise PathRefused(f"{one_line(written)!r} cannot be a path") from None
    spot = judge(real, places, writing=writing)
    # What was allowed is the path as it is written: a link must not hide from the policy what it leads to.
    if writing and is_guarded("/".join(spot.parts)) and not is_guarded(written):
        raise PathRefused(f"{one_line(written)} leads to {spot.shown}, which decides what runs later: name that itself")
    return spot


def judge(real: Path, places: Places, *, writing: bool = False) -> Spot:
    """Whether a real path may be used; pure. Raises PathRefused."""
    shown = name_for_model(real, places)
    if is_closed(real, places):
        raise PathRefused(f"{shown} is closed to tools")
    roots = (places.folder,) if writing else (places.folder, *places.roots)
    root = next((each for each in roots if real.is_relative_to(each)), None)
    if root is None:
        verb = "written" if writing else "read"
        allowed = ", ".join(str(each) for each in roots)
        raise PathRefused(f"{shown} is outside of what may be {verb}, which is what is below: {allowed}")
    if writing and _is_below(real, places.frozen):
        raise PathRefused(f"{shown} may be read, but not changed")
    return Spot(real, root, shown, writing, places)


def is_closed(real: Path, places: Places) -> bool:
    """Whether tools must not touch it: it is closed, or private wherever it lies."""
    return _is_below(real, places.closed) or is_private(str(real))


def name_for_model(real: Path, places: Places) -> str:
    """Relative when it is below the working directory, else absolute; always printable text."""
    near = real.relative_to(places.folder) if real.is_relative_to(places.folder) else real
    return one_line(str(near))


def one_line(name: str) -> str:
    """A file's name as text that can be stored and sent: bytes that are not UTF-8 and line breaks are replaced."""
    text = name.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _is_below(real: Path, folders: Iterable[Path]) -> bool:
    return any(real.is_relative_to(each) for each in folders)


# --- opening ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def open_file(spot: Spot) -> Iterator[BinaryIO]:
    """The regular file at the spot, for reading. Raises PathRefused, FileNotFoundError and other OSErrors."""
    with open_folder(spot, spot.parts[:-1]) as parent:
        name = spot.parts[-1] if spot.parts else "."
        _must_be_regular(os.stat(name, dir_fd=parent, follow_symlinks=False), spot)
        # By an opener, because `open` closes the descriptor when it refuses it, as it does that of a folder.
        with open(name, "rb", opener=lambda name, _: os.open(name, _READ, dir_fd=parent)) as file:
            found = os.fstat(file.fileno())
            _must_be_regular(found, spot)
            _must_not_be(found, _barred(spot), spot)
            yield file


@contextlib.contextmanager
def open_folder(spot: Spot, parts: tuple[str, ...] | None = None, *, make: bool = False) -> Iterator[int]:
    """A descriptor of the folder at the spot, or of the one that `parts` lead to, to pass on as `dir_fd`.

    `make` makes the folders that are missing. Raises as `open_file` does.
    """
    barred = _barred(spot)
    descriptor = os.open(spot.root, _PASS)
    try:
        for name in spot.parts if parts is None else parts:
            inner = _enter(descriptor, name, spot, make)
            os.close(descriptor)
            descriptor = inner
            _must_not_be(os.fstat(descriptor), barred, spot)
        yield descriptor
    finally:
        os.close(descriptor)


def _enter(parent: int, name: str, spot: Spot, make: bool) -> int:
    try:
        return os.open(name, _PASS, dir_fd=parent)
    except FileNotFoundError:
        if not make:
            raise
    except NotADirectoryError:
        raise PathRefused(f"{spot.shown}: {one_line(name)} is not a folder") from None
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=parent)
        sync_folder(parent)
    return os.open(name, _PASS, dir_fd=parent)


def _barred(spot: Spot) -> frozenset[Identity]:
    paths = (*spot.places.closed, *(spot.places.frozen if spot.writing else ()))
    return frozenset(_identities(paths))


def _identities(paths: Iterable[Path]) -> Iterator[Identity]:
    for path in paths:
        with contextlib.suppress(OSError):
            found = path.stat()
            yield (found.st_dev, found.st_ino)


def _must_not_be(found: os.stat_result, barred: frozenset[Identity], spot: Spot) -> None:
    if (found.st_dev, found.st_ino) in barred:
        raise PathRefused(f"{spot.shown} is {'not to be changed' if spot.writing else 'closed to tools'}")


def _must_be_regular(found: os.stat_result, spot: Spot) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    if stat.S_ISDIR(found.st_mode):
        raise PathRefused(f"{spot.shown} is a folder, not a file; list_files shows what is in it")
    if stat.S_ISLNK(found.st_mode):
        raise PathRefused(f"{spot.shown} became a symbolic link while it was opened")
    raise PathRefused(f"{spot.shown} is {_SORTS.get(stat.S_IFMT(found.st_mode), 'something else')}, not a file")


# --- writing ---------------------------------------------------------------------------------------------------------


def replace_file(spot: Spot, content: bytes, seen: os.stat_result | None, *, mode: int | None = None) -> None:
    """Replace the file at once: a reader sees all of the old or all of the new. On the disk when it returns.

    Missing folders are made; a file that is there keeps its mode, a new one gets `mode` if it is given. It must
    still be the file that was looked at; `seen` None: nothing was there. Raises PathRefused and OSError.
    """
    if not spot.parts:
        raise PathRefused(f"{spot.shown} is a folder, not a file")
    name, temporary = spot.parts[-1], f".duragent-{secrets.token_hex(8)}.tmp"
    with open_folder(spot, spot.parts[:-1], make=True) as parent:
        there = _there(name, parent, spot)
        _must_be_as_seen(there, seen, spot)
        try:
            _write(temporary, parent, content, mode if there is None else stat.S_IMODE(there.st_mode))
            os.replace(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=parent)
            raise
        sync_folder(parent)


def remove_file(spot: Spot, seen: os.stat_result | None) -> None:
    """Remove the file if it is still the one that was looked at; durable. Raises PathRefused and OSError."""
    with open_folder(spot, spot.parts[:-1]) as parent:
        there = _there(spot.parts[-1], parent, spot)
        if there is None:
            return
        _must_be_as_seen(there, seen, spot)
        os.unlink(spot.parts[-1], dir_fd=parent)
        sync_folder(parent)


def _there(name: str, parent: int, spot: Spot) -> os.stat_result | None:
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    _must_be_regular(found, spot)
    _must_not_be(found, _barred(spot), spot)
    return found


def _must_be_as_seen(there: os.stat_result | None, seen: os.stat_result | None, spot: Spot) -> None:
    """Raises PathRefused when it is another file, or the same one changed; None: nothing is, or was, there."""
    if _version(there) != _version(seen):
        raise PathRefused(f"{spot.shown} was changed by someone else in the meantime; read it again")


def _version(found: os.stat_result | None) -> tuple[int, ...]:
    return () if found is None else (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _write(name: str, parent: int, content: bytes, mode: int | None) -> None:
    with open(os.open(name, _CREATE, 0o666, dir_fd=parent), "wb") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(descriptor: int) -> None:
    """Make the names in a folder durable."""
    # A descriptor that can only be passed through cannot be synced itself.
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
    try:
        os.fsync(readable)
    finally:
        os.close(readable)
