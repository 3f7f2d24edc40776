"""One writer: the lock of a workspace.

`flock` on `.lock` and on its folder, never POSIX `fcntl` locks, which vanish when any other descriptor of the file is
closed. The kernel drops it when the process dies, however it dies. What stands in the file is for people only.
"""

import contextlib
import fcntl
import os
import re
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.errors import UnsafeFileSystem, WorkspaceLocked

_NETWORK_KINDS = frozenset(
    """9p afs beegfs ceph cifs fuse.glusterfs fuse.s3fs fuse.sshfs gfs2 glusterfs lustre ncpfs nfs nfs4 ocfs2 smb3
    smbfs""".split()
)
"""File systems whose locks or fsync other machines may not see, as `/proc/self/mountinfo` names them."""

_OCTAL = re.compile(r"\\([0-7]{3})")


class WorkspaceLock:
    """Held from `acquire` to `release` or the death of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self._folder_fd: int | None = None

    def acquire(self, note: str) -> None:
        """Raises WorkspaceLocked with what the holder wrote about itself, OSError where there are no locks.

        The folder's lock is the one that counts, so a disk that takes no new file does not matter. The file's is for
        servers of version 0.1.0, and for people: it has the note.
        """
        # The folder is locked too: `git clean` may remove the file, and another server would make a new one.
        folder_fd = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fd = _lock_file(self._path)
        try:
            for each in (fd, folder_fd):
                if each is not None:
                    fcntl.flock(each, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = "" if fd is None else _note_in(fd)
            for each in (fd, folder_fd):
                if each is not None:
                    os.close(each)
            if not isinstance(error, BlockingIOError):
                raise
            raise WorkspaceLocked(str(self._path.parent), holder or "another process") from error
        self._fd, self._folder_fd = fd, folder_fd
        self.describe(note)
        crashpoint("lock.taken")

    def describe(self, note: str) -> None:
        """Say who holds it: process, start, address."""
        if self._fd is not None:
            # A note for people: a full disk must not keep a server from starting.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
                os.pwrite(self._fd, f"{note}\n".encode(), 0)

    def release(self) -> None:
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None
        if self._folder_fd is not None:
            os.close(self._folder_fd)
            self._folder_fd = None


def _lock_file(path: Path) -> int | None:
    """For writing where that can be, else only for reading; None when it is not there and cannot be made."""
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        with contextlib.suppress(OSError):
            return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    return None


def _note_in(fd: int) -> str:
    with contextlib.suppress(OSError):
        return os.pread(fd, 500, 0).decode(errors="replace").strip()
    return ""


def refuse_network_file_system(path: Path, mountinfo: str | None = None) -> None:
    """Raises UnsafeFileSystem when `path` lies on one. Where there is no mountinfo (macOS) nothing is refused."""
    if mountinfo is None:
        try:
            mountinfo = os.fsdecode(Path("/proc/self/mountinfo").read_bytes())
        except OSError:
            return
    kind = _kind_of(os.path.realpath(path), mountinfo)
    if kind in _NETWORK_KINDS:
        raise UnsafeFileSystem(str(path), kind)


def _kind_of(path: str, mountinfo: str) -> str:
    # proc(5): field 5 is the mount point with octal escapes; the type is the first field after " - ".
    best, kind = "", ""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        if len(fields := left.split()) < 5:
            continue
        mount = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
        if len(mount) >= len(best) and (path == mount or path.startswith(mount.rstrip("/") + "/")):
            best, kind = mount, right.split()[0]
    return kind
