"""What every transfer needs: the stored lines and blobs of a session, and blocking work on a file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from duragent.errors import NotNow, StoreFull
from duragent.journal.line import last_seq, lines_between
from duragent.session.sessions import Sessions
from duragent.shield import to_its_end
from duragent.system.os_errors import in_words
from duragent.transfer.log_copy import LogCopy

LINES = 1_000
"""Lines that are read at once."""
_T = TypeVar("_T")


async def stored_lines(sessions: Sessions, session_id: str, upto: int) -> AsyncIterator[bytes]:
    """The session's log up to record `upto`, in blocks of whole lines."""
    after = 0
    while after < upto and (lines := await sessions.read(session_id, after, min(LINES, upto - after))):
        last = last_seq(lines)
        yield lines if last <= upto else lines_between(lines, after, upto)
        # Not the number of lines: the beginning of a log of duragent-rust may have been compacted away.
        after = last


async def stored_blobs(sessions: Sessions, session_id: str, copying: LogCopy) -> AsyncIterator[tuple[str, bytes]]:
    """(SHA-256, bytes) of all that the lines refer to which `copying` has seen, when this is read to its end.

    What was forgotten is left out. Raises NotNow when that happened while the lines were read.
    """
    for name in sorted(copying.blobs):
        log = (await sessions.live.open(session_id)).log
        if (data := await log.kept_blob(name)) is not None:
            yield name, data
        elif name not in copying.forgotten:
            raise NotNow(f"texts of session '{session_id}' are being forgotten: try again")


async def in_thread(work: Callable[[], _T]) -> _T:
    """Blocking work in a thread; a caller that is cancelled goes on only when the work has ended. Raises StoreFull."""
    try:
        return await to_its_end(asyncio.to_thread(work))
    except OSError as error:
        raise no_room(error) from error


def no_room(error: OSError) -> StoreFull:
    return StoreFull(f"there is no room for a temporary file: {in_words(error)}")
