"""The HTTP API: the app around its routes."""

import asyncio
import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duragent.errors import Fenced, Stopping
from duragent.server.auth import Guard
from duragent.server.bounds import USUAL_BOUNDS, Bounds
from duragent.server.dependencies import Dependencies
from duragent.server.peers import is_own_process
from duragent.server.problems import problem_response
from duragent.server.responses import text
from duragent.server.stop import Stop

_log = logging.getLogger(__name__)

_SAFE_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


def build_app(dependencies: Dependencies, bounds: Bounds = USUAL_BOUNDS) -> ASGIApp:
    """The whole API: from inside to outside the routes, who may come in, and errors as problems."""
    settings = dependencies.settings
    is_own = is_own_process if settings.auth == "local" else None
    routes = _Routes(dependencies, bounds)
    return _Outside(Guard(routes, dependencies.tokens, settings.host, is_own, bounds), dependencies.stop)


class _Routes:
    """All routes, loaded by the first request for one of them. That the process lives can be said without."""

    def __init__(self, dependencies: Dependencies, bounds: Bounds) -> None:
        self._dependencies, self._bounds = dependencies, bounds
        self._router: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._router is None and scope["path"] == "/livez" and scope["method"] in ("GET", "HEAD"):
            await text("ok")(scope, receive, send)
            return
        self._router = self._router or self._loaded()
        await self._router(scope, receive, send)

    def _loaded(self) -> ASGIApp:
        from duragent.server.routes.table import ROUTES
        from duragent.server.routing import Router

        return Router(self._dependencies, ROUTES, self._bounds)


class _Outside:
    """Tells every error as a problem, gives every answer its safe headers, and logs a line."""

    def __init__(self, app: ASGIApp, stop: Stop) -> None:
        self._app, self._stop = app, stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 0

        async def send_safe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], *_SAFE_HEADERS]}
            await send(message)

        try:
            await self._app(scope, receive, send_safe)
        except asyncio.CancelledError:
            if self._stop.begun and not status:
                # It took longer than the grace. Without this the client would see a fault, and would not try again.
                await problem_response(Stopping())(scope, receive, send_safe)
            raise
        except Exception as error:
            if status:
                if not (self._stop.begun and isinstance(error, Fenced)):
                    _log.exception("an answer broke off")
                raise
            await problem_response(error)(scope, receive, send_safe)
        if _log.isEnabledFor(logging.DEBUG) and scope["type"] == "http":
            # The raw path: a decoded one could write lines of its own into the log.
            path, milliseconds = scope.get("raw_path", b"").decode("latin-1"), (time.perf_counter() - began) * 1000
            _log.debug("%s %s %d %.1f ms", scope["method"], path, status, milliseconds)
