"""A stream of server-sent events to one client, and its end: by itself, by the client, or by the server's stop.

Memory is bounded: the next frame is made when the connection has taken the one before.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from duragent.errors import DuragentError, SessionDeleted, SessionNotFound, Stopping
from duragent.server.dependencies import Dependencies
from duragent.server.frames import KEEP_ALIVE
from duragent.server.presence import pause_when_left
from duragent.server.stop import end

FAREWELL_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EventStream:
    """An answer (an ASGI app) that lasts until its frames end, the client leaves, or the server stops."""

    dependencies: Dependencies

    session_id: str
    """The session that is watched."""

    frames: Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]
    """Is entered before the answer begins, so that its errors are still problems."""

    deleted: bytes
    """The last frame of a stream whose session was deleted; without it clients would reconnect for ever."""

    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Besides those that every event stream has."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self.frames() as frames:
            headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
            await send({"type": "http.response.start", "status": 200, "headers": [*headers, *self.headers]})
            farewell = await self._send_until_end(frames, receive, send)
        if farewell is None:
            await pause_when_left(self.dependencies, self.session_id)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await send({"type": "http.response.body", "body": farewell, "more_body": False})

    async def _send_until_end(self, frames: AsyncIterator[bytes], receive: Receive, send: Send) -> bytes | None:
        """The last bytes for the client; None when the client has gone."""
        try:
            async with self.dependencies.stop.ends() as patience:
                await self._pump(frames, patience, receive, send)
        except TimeoutError:
            return None
        except Stopping:
            pass
        except SessionNotFound:
            return self.deleted
        except DuragentError as error:
            # The session was given up while it was read, or cannot be read: a client that reconnects gets the error.
            _log.info("a stream of session %s ended: %s", self.session_id, error)
        return b""

    async def _pump(
        self, frames: AsyncIterator[bytes], patience: asyncio.Timeout, receive: Receive, send: Send
    ) -> None:
        beside = (asyncio.ensure_future(_until_gone(receive, patience)), asyncio.ensure_future(self._keep_alive(send)))
        try:
            async for chunk in frames:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _keep_alive(self, send: Send) -> None:
        while True:
            await self.dependencies.clock.sleep(self.dependencies.settings.keep_alive_interval_seconds)
            await send({"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True})


async def raise_if_deleted(dependencies: Dependencies, session_id: str) -> None:
    """For the end of a watch: raises SessionDeleted when there is no such session any more."""
    try:
        await dependencies.sessions.state(session_id)
    except SessionNotFound as error:
        raise SessionDeleted(session_id) from error
    except DuragentError:
        return


async def _until_gone(receive: Receive, patience: asyncio.Timeout) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    end(patience)
