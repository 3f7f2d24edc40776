"""The logs of a workspace for commands that need no server: the only place that knows which store they are in."""

from pathlib import Path
from typing import TYPE_CHECKING

from duragent.cli.session_ids import check_part, not_one

if TYPE_CHECKING:
    from duragent.stores.reader import StoreReader


def open_logs(sessions_dir: Path) -> "StoreReader":
    """A reader of all sessions that rest there; the folder need not exist."""
    from duragent.stores.files.reader import FileLogReader

    return FileLogReader(sessions_dir)


def find_log(reader: "StoreReader", part: str) -> str:
    """The id of the only stored session with that part. Raises InvalidRequest, SessionNotFound, AmbiguousId."""
    check_part(part)
    names = reader.named(part)
    for exact in (part, f"session_{part}"):
        if exact in names:
            return exact
    if len(names) != 1:
        raise not_one(part, names)
    return names[0]
