"""Workspaces in which a server of this user runs or ran: commands of every other workspace see nothing of them.

One small file a workspace in the private folder, written at each start of a server and kept when it stops, because
what was said there is still on the disk. Their number is bounded; those that are gone are forgotten.
"""

import functools
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from duragent.errors import UnsafePrivateFolder
from duragent.system.private_folder import lasting_places, make_place, opened, places, read_text, write_text

FOLDER_NAME = "known"
_COARSE_NS = 2_000_000_000
"""Two changes of a folder within this time may leave it with one and the same time of change."""

_read_before: dict[tuple[int, int], tuple[int, tuple[Path, ...]]] = {}
"""By device and inode of a folder: when it was changed, and what it said."""

MOST = 100
"""So many workspaces are remembered; each costs every command two mounts."""


class KnownWorkspace(BaseModel):
    """A file in `known/`."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    workspace: str
    hidden: tuple[str, ...]
    """Absolute paths with its conversations, the results of its commands and its address."""


def remember(key: str, known: KnownWorkspace, environ: Mapping[str, str] = os.environ) -> bool:
    """Keep it under this key; False when there is no place that can be written. Raises UnsafePrivateFolder."""
    for place in dict.fromkeys((*lasting_places(environ), *places(environ))):
        if make_place(place, environ):
            with suppress(OSError):
                _write(place, key, known)
                return True
    return False


def hidden_everywhere(environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """What no command of another workspace may see, as it is known now."""
    hidden: dict[Path, None] = {}
    for place in places(environ):
        with suppress(OSError, UnsafePrivateFolder), opened(place) as base, opened(FOLDER_NAME, base) as folder:
            hidden.update((path, None) for path in _hidden_in(folder))
    return tuple(hidden)


def _hidden_in(folder: int) -> tuple[Path, ...]:
    """What the files of this folder name. They are read again when one came, went or was replaced.

    Every turn looks here; on a busy machine there are a hundred files.
    """
    now = os.fstat(folder)
    where, changed = (now.st_dev, now.st_ino), now.st_mtime_ns
    before = _read_before.get(where)
    if before is not None and before[0] == changed:
        return before[1]
    files = [_read(folder, name) for name in _names(folder)]
    hidden = tuple(Path(path) for known in files if known for path in known.hidden if os.path.isabs(path))
    # One that could not be read may be readable the next time.
    if None not in files and time.time_ns() - changed > _COARSE_NS:
        _read_before[where] = (changed, hidden)
    return hidden


@functools.lru_cache(64)
def not_around(paths: tuple[Path, ...], folder: Path) -> tuple[Path, ...]:
    """Those that `folder` does not lie in: a workspace whose sessions rest in `/home` must not hide everything."""
    return tuple(path for path in paths if not folder.is_relative_to(path))


def _write(place: Path, key: str, known: KnownWorkspace) -> None:
    with opened(place) as base:
        with suppress(FileExistsError):
            os.mkdir(FOLDER_NAME, 0o700, dir_fd=base)
        with opened(FOLDER_NAME, base) as folder:
            write_text(folder, key, known.model_dump_json() + "\n")
            _forget(folder)


def _forget(folder: int) -> None:
    """Remove those that are gone, and the oldest of too many."""
    left: list[tuple[int, str]] = []
    for name in _names(folder):
        with suppress(OSError):
            known = _read(folder, name)
            if known is None or not os.path.isdir(known.workspace):
                os.unlink(name, dir_fd=folder)
            else:
                left.append((os.stat(name, dir_fd=folder).st_mtime_ns, name))
    for _, name in sorted(left)[:-MOST]:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)


def _names(folder: int) -> list[str]:
    # What begins with a dot is being written.
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def _read(folder: int, name: str) -> KnownWorkspace | None:
    try:
        return KnownWorkspace.model_validate(json.loads(read_text(folder, name)))
    except (OSError, ValueError, ValidationError, RecursionError, UnsafePrivateFolder):
        return None
