"""Workspaces in which a server of this user runs or ran: commands of every other workspace see nothing of them.

One small file a workspace in the private folder, written at each start of a server and kept when it stops, because
what was said there is still on the disk. Their number is bounded; those that are gone are forgotten.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from duragent.errors import UnsafePrivateFolder
from duragent.system.private_folder import lasting_places, make_place, opened, places, read_text, write_text

FOLDER_NAME = "known"
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
            for name in _names(folder):
                known = _read(folder, name)
                hidden.update((Path(path), None) for path in (known.hidden if known else ()) if os.path.isabs(path))
    return tuple(hidden)


def not_around(paths: Sequence[Path], folder: Path) -> tuple[Path, ...]:
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
