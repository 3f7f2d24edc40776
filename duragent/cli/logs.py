"""The logs of a workspace for commands that need no server: the only place that knows which store they are in."""

from pathlib import Path
from typing import TYPE_CHECKING

from duragent.cli.session_ids import check_prefix, not_one

if TYPE_CHECKING:
    from duragent.stores.reader import StoreReader


def open_logs(sessions_dir: Path) -> "StoreReader":
    """A reader of all sessions that rest there; the folder need not exist."""
    from duragent.stores.files.reader import FileLogReader

    return FileLogReader(sessions_dir)


def find_log(reader: "StoreReader", prefix: str) -> str:
    """The id of the only stored session that starts so. Raises InvalidRequest, SessionNotFound, AmbiguousId."""
    check_prefix(prefix)
    names = reader.named(prefix, f"session_{prefix}")
    for exact in (prefix, f"session_{prefix}"):
        if exact in names:
            return exact
    if len(names) != 1:
        raise not_one(prefix, names)
    return names[0]
