"""From a request to its endpoint: one table says everything about a route, for this and for `/openapi.json`."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from duragent.errors import Stopping
from duragent.server.bounds import USUAL_BOUNDS, Bounds
from duragent.server.dependencies import Dependencies
from duragent.server.in_flight import InFlight, Kind
from duragent.server.params import accepts, prefers_async
from duragent.server.problems import RequestRefused

Endpoint = Callable[[Dependencies, Request], Awaitable[ASGIApp]]
Shape = type[BaseModel]
MediaType = Literal["text/plain", "text/html", "text/event-stream", "application/json", "application/zip", "*/*"]
Answers = Mapping[int, Shape | tuple[Shape, ...] | MediaType | None]
ARCHIVE: Literal["application/zip"] = "application/zip"
ANY_FILE: Literal["*/*"] = "*/*"

LIMITED_PREFIX = "/api/v1/"


@dataclass(frozen=True)
class Route:
    """All that is known of a route: where it is, what it takes, what it gives."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]

    path: str
    """A name in braces is one part of the path: `/api/v1/agents/{name}`."""

    endpoint: Endpoint
    """The function that answers."""

    summary: str
    """One sentence for the reference."""

    answers: Answers
    """For each good status the shape of its JSON (one of several), or a media type, or None for nothing."""

    query: type[BaseModel] | None = None
    """The shape of the query; None: it is not looked at."""

    body: type[BaseModel] | Literal["application/zip", "*/*"] | None = None
    """The shape of the JSON in the body, or a media type; None: it is not looked at."""

    streams: bool = False
    """200 comes as `text/event-stream` too, when the client asks for it."""

    repeatable: bool = False
    """The same request twice leaves what it leaves once, so that it takes no `Idempotency-Key`."""


class Router:
    """An ASGI app over the table.

    Under `/api/v1/` the number of requests is limited (`in_flight.py`), and the time until an endpoint has its answer
    ready. Streams, and answers that a turn still writes, are sent after that.
    """

    def __init__(self, dependencies: Dependencies, routes: Sequence[Route], bounds: Bounds = USUAL_BOUNDS) -> None:
        self._dependencies = dependencies
        settings = dependencies.settings
        self._in_flight = InFlight(
            settings.max_connections, settings.request_timeout_seconds, dependencies.stop, bounds.queue_max
        )
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            by_path.setdefault(route.path, {})[route.method] = route
        self._places = [(compile_path(path)[0], methods) for path, methods in by_path.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods, scope["path_params"] = self._place(scope["path"])
        request = Request(scope, receive)
        allowed = _allowed(methods)
        if request.method == "OPTIONS":
            await Response(status_code=204, headers={"Allow": allowed})(scope, receive, send)
            return
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            raise RequestRefused("method-not-allowed", f"{request.method} is not possible here", {"Allow": allowed})
        if not route.path.startswith(LIMITED_PREFIX):
            response = await route.endpoint(self._dependencies, request)
            await response(scope, receive, send)
            return
        if self._dependencies.stop.begun:
            raise Stopping
        kind = kind_of(route, request)
        # The turn of what lasts comes first, and so nothing of it has happened when it is refused.
        async with contextlib.nullcontext() if kind == "request" else self._in_flight.turn(kind):
            response = await self._response(route, request)
            await response(scope, receive, send)

    async def _response(self, route: Route, request: Request) -> ASGIApp:
        seconds = self._dependencies.settings.request_timeout_seconds
        try:
            async with self._in_flight.turn("request"), asyncio.timeout(seconds):
                return await route.endpoint(self._dependencies, request)
        except TimeoutError:
            raise RequestRefused("timeout", f"the request was not done within {seconds:g} seconds") from None

    def _place(self, path: str) -> tuple[dict[str, Route], dict[str, str]]:
        for pattern, methods in self._places:
            if match := pattern.fullmatch(path):
                return methods, match.groupdict()
        raise RequestRefused("not-found", "there is nothing at this path")


def kind_of(route: Route, request: Request) -> Kind:
    """How long this request may last."""
    if "text/event-stream" in route.answers.values() or (route.streams and accepts(request) == "event-stream"):
        return "stream"
    waits_for_turn = 202 in route.answers and not prefers_async(request)
    return "answer" if waits_for_turn or ARCHIVE in route.answers.values() else "request"


def _allowed(methods: Mapping[str, Route]) -> str:
    return ", ".join(sorted({*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))
