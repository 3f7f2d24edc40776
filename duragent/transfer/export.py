"""An export: the session as one file."""

import tempfile
from collections.abc import Callable
from functools import partial
from typing import IO

from duragent import __version__
from duragent.clock import Clock
from duragent.journal.record import timestamp
from duragent.journal.state import SessionState
from duragent.session.sessions import Sessions
from duragent.transfer import archive
from duragent.transfer.log_copy import CopySource, LogCopy
from duragent.transfer.source import in_thread, no_room, stored_blobs, stored_lines


async def export(
    sessions: Sessions, clock: Clock, session_id: str, new_file: Callable[[], IO[bytes]] = tempfile.TemporaryFile
) -> IO[bytes]:
    """The session as one file (`archive.py`), at its beginning; the caller closes it. Raises Damaged, StoreFull.

    `new_file` makes the file, empty and open for reading and writing.
    """
    state = await sessions.state(session_id)
    if damage := await sessions.damage(session_id):
        raise damage
    try:
        # Not in a thread: a file that is made after the caller was cancelled would stay open.
        file = new_file()
    except OSError as error:
        raise no_room(error) from error
    try:
        await _write(sessions, clock, state, file)
        await in_thread(lambda: file.seek(0))
    except BaseException:
        file.close()
        raise
    return file


async def _write(sessions: Sessions, clock: Clock, state: SessionState, file: IO[bytes]) -> None:
    ts = timestamp(clock.now())
    copying = LogCopy(state.session_id, state.session_id, CopySource("", ts, ""))
    writer = archive.Writer(file)
    try:
        async for block in stored_lines(sessions, state.session_id, state.seq):
            await in_thread(partial(copying.take, block))
            await in_thread(partial(writer.add_lines, block))
        async for name, data in stored_blobs(sessions, state.session_id, copying):
            await in_thread(partial(writer.add_blob, name, data))
        manifest = archive.Manifest(
            format=archive.FORMAT,
            session_id=state.session_id,
            agent=state.agent,
            head=state.seq,
            events_sha256="",
            exported_at=ts,
            duragent=__version__,
        )
        await in_thread(lambda: writer.finish(manifest))
    except BaseException:
        writer.abandon()
        raise
