"""Reading text files that must lie in one folder, wherever their symbolic links lead."""

import os
from pathlib import Path

from duragent.errors import InvalidFile
from duragent.yaml.document import decoded, refuse_odd, unreadable


def inside(folder: Path, path: Path) -> Path:
    """Where `path` really is. Raises InvalidFile when that is not in `folder`, or cannot be followed."""
    real = followed(path)
    if not real.is_relative_to(followed(folder)):
        raise InvalidFile(str(path), f"leads out of {folder}")
    return real


def followed(path: Path) -> Path:
    """Where `path` really is. Raises InvalidFile when it cannot be followed, as in a circle of links."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidFile(str(path), f"cannot be followed: {error}") from error


def read_inside(folder: Path, path: Path, limit_bytes: int) -> bytes:
    """The file's first `limit_bytes + 1` bytes. Raises InvalidFile for what is no regular file in the folder."""
    real = inside(folder, path)
    try:
        refuse_odd(path, real.stat())
        # By an opener, because `open` closes the descriptor when it refuses it.
        with open(real, "rb", opener=_opened) as file:
            refuse_odd(path, os.fstat(file.fileno()))
            return file.read(limit_bytes + 1)
    except FileNotFoundError:
        raise InvalidFile(str(path), "does not exist") from None
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def _opened(path: str, flags: int) -> int:
    # A pipe must not block, and what became a link since it was followed must not be followed again.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)


def read_text_inside(folder: Path, path: Path, limit_bytes: int) -> str:
    """The UTF-8 text, without a byte order mark. Raises InvalidFile also for what is too long or no text."""
    content = read_inside(folder, path, limit_bytes)
    if b"\0" in content:
        raise InvalidFile(str(path), "is not text")
    return decoded(content, path, limit_bytes)


def names_in(folder: Path) -> list[str]:
    """The names in the folder, sorted, without hidden ones; none when it is not there. Raises InvalidFile."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidFile(str(folder), f"cannot be read as a folder: {error.strerror}") from error


def signature(path: Path | str) -> tuple[int, ...]:
    """Numbers that differ when the file has been changed or replaced; () when there is no file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
