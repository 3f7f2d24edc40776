"""The logs of a workspace for commands that need no server: the only place that knows which store they are in."""

from pathlib import Path
from typing import TYPE_CHECKING

from duragent.cli.session_ids import check_part, not_one

if TYPE_CHECKING:
    from duragent.config import Config
    from duragent.stores.reader import StoreReader

STREAMS = "streams"
"""The folder in a workspace of the streams that are no sessions."""
STREAM_PREFIX = "mind-"
"""How the names of these streams begin; then comes the agent's name."""


def open_logs(sessions_dir: Path) -> "StoreReader":
    """A reader of all sessions that rest there; the folder need not exist."""
    from duragent.stores.files.reader import FileLogReader

    return FileLogReader(sessions_dir)


def open_streams(workspace: Path) -> "StoreReader":
    """A reader of the streams that are no sessions, such as agents' minds; the folder need not exist."""
    from duragent.mind.kind import MIND
    from duragent.stores.files.reader import FileLogReader

    return FileLogReader(workspace / STREAMS, kind=MIND)


def is_stream(name: str) -> bool:
    """Whether a name is that of a stream that is no session, whether there is one or not."""
    return name.startswith(STREAM_PREFIX)


def find_any(config: "Config", part: str) -> tuple["StoreReader", str]:
    """The stream of that name, or else the only session with that part. Raises NotFound too, and as `find_log`."""
    from duragent.errors import SessionNotFound

    sessions = open_logs(config.sessions_dir)
    if not is_stream(part):
        return sessions, find_log(sessions, part)
    streams = open_streams(config.workspace)
    if part in streams.stream_ids():
        return streams, part
    try:
        return sessions, find_log(sessions, part)
    except SessionNotFound:
        from duragent.mind.kind import MIND

        raise MIND.not_found(part) from None


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
