"""One writer: the locks of a workspace, and of the folder that its sessions are written to.

`flock` on a folder and on the file `.lock` in it, never POSIX `fcntl` locks, which vanish when any other descriptor of
the file is closed. The kernel drops it when the process dies, however it dies. It belongs to the folder itself (the
inode), so that it counts by whatever path, link or bind mount the folder is reached. What stands in the file is for
people only.
"""

import contextlib
import fcntl
import os
import re
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.errors import SessionsLocked, Unavailable, UnsafeFileSystem, WorkspaceLocked
from duragent.system.safe_read import open_file, read_file

_NETWORK_KINDS = frozenset(
    """9p afs beegfs ceph cifs fuse.glusterfs fuse.s3fs fuse.sshfs gfs2 glusterfs lustre ncpfs nfs nfs4 ocfs2 smb3
    smbfs""".split()
)
"""File systems whose locks or fsync other machines may not see, as `/proc/self/mountinfo` names them."""

_NOTE_MAX_BYTES = 4 << 10
_OCTAL = re.compile(r"\\([0-7]{3})")


class WorkspaceLock:
    """Held from `acquire` to `release` or the death of the process."""

    def __init__(self, path: Path, refused: type[WorkspaceLocked] = WorkspaceLocked) -> None:
        """`refused` is what `acquire` raises when another process holds it."""
        self._path, self._parent, self._refused = path, path.parent, refused
        self._fd: int | None = None
        self._folder_fd: int | None = None
        self._folder: os.stat_result | None = None

    @property
    def held(self) -> bool:
        return self._folder_fd is not None

    def acquire(self, note: str) -> None:
        """Raises WorkspaceLocked with what the holder wrote about itself, OSError where there are no locks.

        The folder's lock is the one that counts, so a disk that takes no new file does not matter. The file's is for
        servers of version 0.1.0, and for people: it has the note.
        """
        # The folder is locked too, and first: `git clean` may remove the file, and another server would make a new one.
        folder_fd, fd = os.open(self._parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), None
        try:
            _lock(folder_fd)
            fd = _lock_file(self._path)
            if fd is not None:
                _lock(fd)
            self._folder = os.fstat(folder_fd)
        except OSError as error:
            for each in (folder_fd, fd):
                if each is not None:
                    os.close(each)
            if isinstance(error, BlockingIOError):
                raise self._refused(str(self._parent), self._holder() or "another process") from error
            raise
        self._fd, self._folder_fd = fd, folder_fd
        self.describe(note)
        crashpoint("lock.taken")

    def _holder(self) -> str:
        with contextlib.suppress(OSError):
            return read_file(self._path, _NOTE_MAX_BYTES).decode(errors="replace").strip()[:500]
        return ""

    def must_hold(self) -> None:
        """Raises Unavailable when the folder that has the name is not the one that is locked."""
        if self._folder is None:
            return
        problem = "it was removed or moved away"
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(self._parent), self._folder):
                return
            problem = "another folder has its name now"
        raise Unavailable(
            f"{self._parent} is not the folder that this server has locked: {problem}; "
            "put the old one back, or start the server again"
        )

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
            self._folder_fd = self._folder = None


class SessionsLock:
    """The lock of a sessions folder, which several workspaces may name. It is taken when the folder is there."""

    def __init__(self, folder: Path, workspace: Path, note: str) -> None:
        """`workspace` is locked already; `note` says who we are."""
        self._folder, self._workspace, self._note = folder, workspace, note
        self._lock = WorkspaceLock(folder / ".lock", SessionsLocked)

    def beside(self, folder: Path) -> "SessionsLock":
        """The same for another folder of the same server."""
        return SessionsLock(folder, self._workspace, self._note) if self._note else self.none()

    @classmethod
    def none(cls) -> "SessionsLock":
        """Locks nothing: for a folder to which no other process writes."""
        return cls(Path(), Path(), "")

    def hold(self) -> None:
        """Take it, unless it is held. Raises SessionsLocked, OSError."""
        # The workspace itself may be the folder, and its lock would refuse us too.
        if not self._lock.held and not self._folder.samefile(self._workspace):
            self._lock.acquire(self._note)

    def must_hold(self) -> None:
        """Raises Unavailable when the folder that was locked is not the one that has the name."""
        self._lock.must_hold()

    def release(self) -> None:
        self._lock.release()


def _lock(fd: int) -> None:
    """Raises BlockingIOError when another open file has it."""
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock_file(path: Path) -> int | None:
    """For writing where that can be, else only for reading; None when it is not there and cannot be made."""
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        with contextlib.suppress(OSError):
            return open_file(path, flags)
    return None


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
