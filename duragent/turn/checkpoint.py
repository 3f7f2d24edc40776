"""What a call is to change is kept before it runs: as blobs of the session, named in `tool_started.before`.

The law: a tool of ours overwrites nothing that is not durable here. What commands change is not known, and not kept.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping

from duragent.clock import Clock
from duragent.crashpoint import crashpoint
from duragent.errors import BadInput
from duragent.journal.events import FileBefore, FileChange
from duragent.stores.base import BlobStore
from duragent.tools.base import Places, PlannedChange
from duragent.tools.threads import in_pool
from duragent.turn.authorize import ResolvedCall
from duragent.turn.host import TurnHost, keep_blob

LOOK_SECONDS = 20.0
"""A disk that does not answer must not hold the turn up here: the call itself has its own time limit."""

_log = logging.getLogger(__name__)


async def keep(
    host: TurnHost, store: BlobStore, clock: Clock, files: Iterable[PlannedChange]
) -> tuple[FileBefore, ...]:
    """Make what the files are, and what they are to become, durable. Raises StoreError."""
    kept = []
    for file in files:
        before = None if file.mode is None else ""
        if file.old is not None:
            before = await keep_blob(host, store, clock, file.old)
        after = await keep_blob(host, store, clock, file.new)
        kept.append(FileBefore(path=file.path, sha256=before, mode=file.mode, after=after))
    if kept:
        crashpoint("files.kept")
    return tuple(kept)


async def planned(resolved: ResolvedCall, places: Places) -> tuple[PlannedChange, ...]:
    """The files that the call is to change; none where it cannot say, and then its result says why."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return tuple(await in_pool(lambda: resolved.tool.planned(resolved.arguments, places)))
    except (BadInput, OSError):
        return ()
    except Exception:
        # A tool is foreign code: a fault in it must not take the turn along.
        _log.exception("the tool %s cannot say which files it would change", resolved.tool.name)
        return ()


def kept_by_path(before: Iterable[FileBefore]) -> Mapping[str, str | None]:
    """As a tool is given it; see `ToolContext.kept`."""
    return {file.path: file.sha256 for file in before}


def changed(before: Iterable[FileBefore]) -> tuple[FileChange, ...]:
    """What a call that ended well has made of its files."""
    return tuple(FileChange(path=file.path, before=file.sha256, after=file.after) for file in before)
