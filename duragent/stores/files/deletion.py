"""Deleting a stream: its folder gets a name that no stream has, durably, before anything in it goes. Blocking.

The law: a stream is there whole, or not at all; the next start finishes what was cut short.
"""

import contextlib
import shutil
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.stores.files.disk import Disk
from duragent.stores.files.import_log import DELETED


def delete(disk: Disk, root: Path, stream_id: str) -> None:
    """No error when it is not there. Raises OSError; when its folder could not be renamed nothing has changed."""
    folder, gone = root / stream_id, root / f"{DELETED}{stream_id}"
    if gone.exists():
        # Of an earlier attempt, whose rename may not have been synced.
        disk.sync_folder(root)
        shutil.rmtree(gone, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        disk.rename(folder, gone)
    crashpoint("delete.renamed")
    disk.sync_folder(root)
    shutil.rmtree(gone, ignore_errors=True)
    crashpoint("delete.removed")
