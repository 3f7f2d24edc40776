"""uvicorn on a socket that is bound already, without its signal handlers, its logging and its surprises."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from duragent.server.problems import RequestRefused, problem_response
from duragent.server.stop import Stop
from duragent.system.descriptors import for_connections
from duragent.system.private_folder import peer_uid

HEAD_MAX_BYTES = 64 << 10
KEEP_ALIVE_SECONDS = 60

_log = logging.getLogger(__name__)


class HttpServer:
    """Serves `app` on `sockets` while the block runs: `async with HttpServer(app, sockets, dependencies.stop)`."""

    def __init__(
        self,
        app: ASGIApp,
        sockets: Sequence[socket.socket],
        stop: Stop,
        connections_max: Callable[[], int] = for_connections,
    ) -> None:
        """`connections_max`: how many may be open, asked at each new one."""
        # No trust in X-Forwarded-* headers: a proxy in front of this server must not be believed about who a client is.
        config = uvicorn.Config(
            app,
            http=partial(_Protocol, connections_max),  # type: ignore[arg-type]  # anything that makes a protocol
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        # The app logs requests itself, and lost connections are no news.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._uvicorn = _Uvicorn(config)
        self._sockets = list(sockets)
        self._stop = stop
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._uvicorn.serve(self._sockets), name="http")
        up = asyncio.create_task(self._uvicorn.up.wait())
        await asyncio.wait({self._task, up}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self._task.done():
            await self._task
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop(0)

    async def stop(self, grace_seconds: float) -> None:
        """Takes no more requests and ends all streams and waits; what is being answered has `grace_seconds` to end."""
        if self._task is None:
            return
        self._stop.begin()
        self._uvicorn.config.timeout_graceful_shutdown = grace_seconds  # type: ignore[assignment]  # any number will do
        self._uvicorn.should_exit = True
        await asyncio.shield(self._task)


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals are the runtime's.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


class _Protocol(HttpToolsProtocol):
    """Bounds the head of a request and the number of connections, which uvicorn's own does not."""

    def __init__(self, connections_max: Callable[[], int], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connections_max = connections_max

    _in_head = False
    _head_bytes = 0
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection.family == socket.AF_UNIX and peer_uid(connection) not in (None, os.getuid()):
            # The mode of its folder keeps other users away; this check holds when the mode was changed.
            self._refused = True
            transport.abort()
        elif len(self.connections) > self._connections_max():
            self._refused = True
            transport.write(_TOO_MANY)
            transport.close()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_MAX_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()


def _raw(refused: RequestRefused) -> bytes:
    """The answer to a request that is not read."""
    response = problem_response(refused)
    head = b"".join(b"%s: %s\r\n" % header for header in response.raw_headers)
    return b"HTTP/1.1 %d \r\n%sconnection: close\r\n\r\n%s" % (response.status_code, head, response.body)


_TOO_MANY = _raw(
    RequestRefused(
        "too-many-connections",
        "too many connections are open, and each one needs a file descriptor; try again when some are closed, or start "
        "the server with a higher limit (`ulimit -n`, or `LimitNOFILE=` of its service)",
        {"Retry-After": "5"},
    )
)
