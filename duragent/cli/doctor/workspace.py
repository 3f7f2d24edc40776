"""The workspace as `duragent doctor` sees it: is it there, may it be used, is there room?"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from duragent.cli.doctor.finding import Diagnosis, Status
from duragent.cli.doctor.server import server

if TYPE_CHECKING:
    from duragent.config import Config

LEAST_FREE_BYTES = 1 << 30
_ALL = os.R_OK | os.W_OK | os.X_OK


def workspace(config: "Config") -> Iterator[Diagnosis]:
    """Whether the workspace is there and can be used, and how its server is."""
    folder = config.workspace
    if not os.path.isdir(folder):
        # One that was named with -w is not made: its name may be a slip.
        status: Status = "warning" if config.path else "problem"
        yield Diagnosis("workspace", status, f"{folder} is not there", "`duragent init` makes a workspace")
        return
    places = (folder, folder / "run", config.sessions_dir)
    faults = [unwritable(place) for place in places if os.path.isdir(place) and not os.access(place, _ALL)]
    yield from faults or [Diagnosis("workspace", "ok", f"{folder} is there, and you may read and write it")]
    for place in dict.fromkeys((folder, config.sessions_dir)):
        yield from file_system(place, allowed=config.store.allow_network_fs)
    yield from free_space(shutil.disk_usage(folder).free)
    yield from server(config)


def unwritable(place: Path, mount_flags: int | None = None) -> Diagnosis:
    """Why a place that may not be written to is not. `mount_flags`: as statvfs(3) has them; None asks it."""
    flags = os.statvfs(place).f_flag if mount_flags is None and os.access(place, os.R_OK | os.X_OK) else mount_flags
    if flags is not None and flags & os.ST_RDONLY:
        text = f"{place} is on a file system that is mounted read-only: sessions can be read, and do not go on"
        return Diagnosis("workspace", "problem", text, "mount it read-write")
    return Diagnosis(
        "workspace", "problem", f"you may not read and write {place}", f"`ls -ld {place}` shows whose it is"
    )


def file_system(place: Path, *, allowed: bool, mountinfo: str | None = None) -> Iterator[Diagnosis]:
    """A warning or a problem when the place is on a network file system. `mountinfo`: see proc(5); None reads it."""
    from duragent.errors import UnsafeFileSystem
    from duragent.stores.files.locks import refuse_network_file_system

    try:
        refuse_network_file_system(place, mountinfo)
    except UnsafeFileSystem as error:
        text = f"{place} is on {error.kind}, a network file system, where locks and fsync cannot be trusted"
        hint = "put it on a local disk" + ("" if allowed else ", or set `allow_network_fs: true` if you know better")
        yield Diagnosis("workspace", "warning" if allowed else "problem", text, hint)


def free_space(free_bytes: int) -> Iterator[Diagnosis]:
    free = f"{free_bytes / (1 << 30):,.1f} GiB are free on its disk"
    if free_bytes < LEAST_FREE_BYTES:
        yield Diagnosis("workspace", "warning", free, "make room: sessions stand still when the disk is full")
    else:
        yield Diagnosis("workspace", "ok", free)
