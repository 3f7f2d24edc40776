"""Where this user's running servers keep what no other user may read: tokens, keys and sockets.

The law: a folder counts only after its owner and mode were seen on an open descriptor, and files in it are opened
relative to that descriptor, so that a link or a folder that another user put in the way leads nowhere.

    <place>/                 0700, made when it is missing, and never removed: a sandbox covers it with a mount, and
                             the kernel lifts such a cover together with the folder
        <workspace key>/     one running server; locked with flock while it lives
"""

import os
import socket
import stat
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from duragent.errors import UnsafePrivateFolder
from duragent.system.homes import own_homes

FOLDER_NAME = "duragent"
MAX_FILE_BYTES = 64 << 10
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Opening a pipe must not block.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def places(environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Every path where a private folder of this user may be, the preferred one first. Sandboxes hide all of them.

    A server and its clients may see different environments (a login, systemd, cron), so what the environment does not
    name is listed too: `/run/user/UID` is where systemd has XDG_RUNTIME_DIR, and the last place is for machines on
    which nothing but memory can be written. The XDG Base Directory Specification says that relative paths are ignored.
    """
    uid = os.getuid()
    bases = [environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{uid}", environ.get("XDG_STATE_HOME", "")]
    bases += [f"{home}/.local/state" for home in own_homes(environ)]
    named = [Path(os.path.normpath(base), FOLDER_NAME) for base in bases if os.path.isabs(base)]
    return tuple(dict.fromkeys([*named, Path(f"/dev/shm/{FOLDER_NAME}-{uid}")]))


def lasting_places(environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Those of `places` that are there after a logout and a restart of the machine."""
    passing = (*_runtime_folders(environ), Path("/dev/shm"))
    return tuple(place for place in places(environ) if place.parent not in passing)


def make_place(path: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """Make the private folder `path`, one of `places`, where it is missing; False when it cannot be there.

    Raises UnsafePrivateFolder when something that another user can reach is in its place.
    """
    try:
        if path.parent in _runtime_folders(environ):
            # Not ours to make: systemd does, and removes it when the user has logged out.
            if not _is_private(os.lstat(path.parent)):
                return False
        else:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        with opened(path):
            return True
    except OSError:
        return False


@contextmanager
def opened(path: Path | str, within: int | None = None) -> Iterator[int]:
    """A descriptor of a folder that only this user can enter; `within`: the descriptor of the folder it is in.

    Raises UnsafePrivateFolder, and OSError where there is no folder.
    """
    descriptor = open_folder(path, within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_folder(path: Path | str, within: int | None = None) -> int:
    """As `opened`, for a caller that closes the descriptor itself."""
    descriptor = _without_link(path, _FOLDER, within)
    status = os.fstat(descriptor)
    if _is_private(status):
        return descriptor
    os.close(descriptor)
    raise UnsafePrivateFolder(str(path), _why(status, "a folder"))


def read_text(folder: int, name: str) -> str:
    """A file in an opened folder. Raises UnsafePrivateFolder when others can reach it, and OSError."""
    descriptor = _without_link(name, _FILE, folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not _is_private(status):
            raise UnsafePrivateFolder(name, _why(status, "a file"))
        return os.read(descriptor, MAX_FILE_BYTES).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def write_text(folder: int, name: str, text: str, *, durable: bool = False) -> None:
    """A file with mode 0600 in an opened folder, as a whole or not at all; `durable`: synced too. Raises OSError."""
    temporary = f".{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)
    descriptor = os.open(temporary, _NEW_FILE, 0o600, dir_fd=folder)
    with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    if durable:
        os.fsync(folder)


def has_socket(folder: int, name: str) -> bool:
    """Whether an opened folder has a socket of this user with that name."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISSOCK(status.st_mode) and _is_private(status)


def peer_uid(connection: socket.socket) -> int | None:
    """The user at the other end of a Unix socket; None where the kernel does not tell it in this way (unix(7))."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid: int = struct.unpack("3i", credentials)[1]
    return uid


def _runtime_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    named = environ.get("XDG_RUNTIME_DIR", "")
    return (*([Path(os.path.normpath(named))] if named else []), Path(f"/run/user/{os.getuid()}"))


def _without_link(path: Path | str, flags: int, within: int | None) -> int:
    try:
        return os.open(path, flags, dir_fd=within)
    except OSError as error:
        with suppress(OSError):
            if stat.S_ISLNK(os.stat(path, dir_fd=within, follow_symlinks=False).st_mode):
                raise UnsafePrivateFolder(str(path), "it is a symbolic link") from error
        raise


def _is_private(status: os.stat_result) -> bool:
    return status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077


def _why(status: os.stat_result, wanted: str) -> str:
    if status.st_uid != os.getuid():
        return f"it belongs to another user (uid {status.st_uid})"
    if stat.S_IMODE(status.st_mode) & 0o077:
        return f"other users may reach it (mode {stat.S_IMODE(status.st_mode):04o}): chmod go-rwx would close it"
    return f"it is not {wanted}"


def workspace_key(workspace_hash: str) -> str:
    """The name of a server's folder: short, because the path of a socket has room for about 100 bytes (unix(7))."""
    return workspace_hash[:20]
