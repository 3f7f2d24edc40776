"""Sends one client's requests: finds the server, shows it the token, and tries again for as long as is promised.

A request that fails for want of a connection is sent again, for `patience_seconds`: reads as they are, POSTs with the
same Idempotency-Key, so that a server that was killed and restarted in the middle has one message. A URL that a person
named must answer once before it deserves patience: it may be a slip. Errors are `ProblemResponse` (the server refused)
and `ServerUnreachable` (there was no server within `patience_seconds`).
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from duragent.client.address import Endpoint, Locate, why
from duragent.client.backoff import USUAL_BACKOFF, Backoff
from duragent.client.connections import Connections, refuse_v0_5
from duragent.client.problem import problem_of
from duragent.clock import SystemClock
from duragent.errors import ProblemResponse, ServerUnreachable
from duragent.http.library import httpx
from duragent.wire import Asked

PATIENCE_SECONDS = 15.0
ANSWER_SECONDS = 3600.0
"""The longest silence while a turn runs, or an archive is taken in."""

ENDPOINT_SECONDS = 2.0
"""How long a server's address is believed before it is looked up again."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_TRY_AGAIN = (502, 503, 504)
_FINAL_PROBLEMS = ("model-failed",)
"""What our own server says with a status that is otherwise a proxy's: its answer does not change by asking again."""
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""The connection was not made, so the server has seen nothing of the request."""

M = TypeVar("M", bound=BaseModel)


def new_key() -> str:
    """A fresh Idempotency-Key: a ULID, because a session that is made under it ends its id with it."""
    return SystemClock().new_id("key").removeprefix("key_")


def session_path(session_id: str) -> str:
    """The path of a session's routes."""
    return f"/api/v1/sessions/{quote(session_id, safe='')}"


@dataclass(frozen=True)
class Request:
    """One request to the API; the token is added when it is sent."""

    method: str
    """GET, POST, PATCH or DELETE."""

    path: str
    """Begins with a slash; names in it are quoted already."""

    params: Mapping[str, Any] | None = None
    """The query; a value that is None is left out."""

    body: Asked | None = None
    """Is sent as JSON; None sends no body, or `data`."""

    data: bytes | None = None
    """In place of `body`: is sent as it is."""

    headers: Mapping[str, str] | None = None
    """Besides `Authorization`, and `Content-Type` for `body`."""

    read_seconds: float = 60.0
    """The longest silence of the server."""

    def content(self) -> bytes | None:
        if self.body is None:
            return self.data
        # A body has a largest size, so no letter becomes six bytes that does not have to: only a lone surrogate does.
        text = json.dumps(self.body.model_dump(exclude_none=True), ensure_ascii=False)
        return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()


class Transport:
    """Requests to one server, which may move: it dies, and another process starts with a new address and token."""

    def __init__(
        self, locate: Locate, *, patience_seconds: float = PATIENCE_SECONDS, backoff: Backoff = USUAL_BACKOFF
    ) -> None:
        self.backoff = backoff
        self._locate = locate
        self._patience = patience_seconds
        self._endpoint: Endpoint | None = None
        self._endpoint_until = 0.0
        self._answered = False
        self._checked_version = False
        self._connections = Connections()

    async def close(self) -> None:
        await self._connections.close()

    async def get(self, model: type[M], path: str, params: Mapping[str, Any] | None = None) -> M:
        return self.parse(model, await self.send(Request("GET", path, params=params)))

    async def post(
        self,
        path: str,
        body: Asked | None = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        read_seconds: float = 60.0,
    ) -> httpx.Response:
        """`key`: the Idempotency-Key; None takes a new one."""
        headers = {**(headers or {}), "Idempotency-Key": key or new_key()}
        return await self.send(Request("POST", path, body=body, headers=headers, read_seconds=read_seconds))

    async def send(self, request: Request) -> httpx.Response:
        """The good answer. Raises ProblemResponse, ServerUnreachable.

        A DELETE that finds nothing (404) is good when an earlier attempt of it may have been carried out.
        """
        deadline = time.monotonic() + self._patience
        attempt, may_be_done = 0, False
        while True:
            attempt += 1
            failure: ProblemResponse | ServerUnreachable
            known = self._endpoint
            try:
                response = await self.send_once(request)
                if response.status_code == 401 and known is not None and not known.named:
                    # The server may have been started again since we looked, and have a new token.
                    self._endpoint = None
                    continue
                if response.is_success or (may_be_done and request.method == "DELETE" and response.status_code == 404):
                    return response
                failure = problem_of(response)
                if response.status_code not in _TRY_AGAIN or failure.problem in _FINAL_PROBLEMS:
                    raise failure
                may_be_done = True
            except (httpx.RequestError, ServerUnreachable) as error:
                failure = error if isinstance(error, ServerUnreachable) else self.unreachable(error)
                if failure.named and not self._answered:
                    raise failure from error
                may_be_done |= isinstance(error, httpx.RequestError) and not isinstance(error, _NEVER_SENT)
                self._endpoint = None
            pause = self.backoff.pause_seconds(attempt)
            if time.monotonic() + pause > deadline:
                raise failure
            await asyncio.sleep(pause)

    async def send_once(self, request: Request) -> httpx.Response:
        """The first answer, whatever its status. Raises httpx.RequestError, ServerUnreachable."""
        response = await self.exchange(await self._current_endpoint(), request)
        self._answered = True
        return response

    async def check_alive(self) -> None:
        """Returns when the server answers."""
        await self.send(Request("GET", "/livez"))

    def forget_endpoint(self) -> None:
        """Look the server and its token up for the next request, however short ago that was done."""
        self._endpoint = None

    async def fresh_endpoint(self) -> Endpoint:
        """Where a server answers right now, with its token of now: for what is not simply sent again."""
        self.forget_endpoint()
        await self.check_alive()
        return await self._current_endpoint()

    async def watched_endpoint(self) -> Endpoint:
        """Where the server of an event stream is; one that was stopped is not started for it."""
        return await self._locate(wanted=False)

    async def exchange(
        self, endpoint: Endpoint, request: Request, content: AsyncIterable[bytes] | None = None
    ) -> httpx.Response:
        """As `stream`, with the body of the answer read."""
        async with self.stream(endpoint, request, content) as response:
            await response.aread()
            return response

    @asynccontextmanager
    async def stream(
        self, endpoint: Endpoint, request: Request, content: AsyncIterable[bytes] | None = None
    ) -> AsyncIterator[httpx.Response]:
        """The answer to a request that is sent once, with its body still unread. Raises httpx.RequestError.

        `content`: the body of the request, piece by piece, where it is not the request's own.
        """
        params = {name: value for name, value in (request.params or {}).items() if value is not None}
        async with self._connections.of(endpoint).stream(
            request.method,
            endpoint.url + request.path,
            params=params,
            content=request.content() if content is None else content,
            headers=_headers(endpoint, request),
            timeout=httpx.Timeout(request.read_seconds, connect=5.0),
        ) as response:
            yield response

    def parse(self, model: type[M], response: httpx.Response) -> M:
        """Raises ServerUnreachable for an answer that no duragent gives."""
        try:
            return model.model_validate(json.loads(response.content))
        except (ValueError, ValidationError) as error:
            reason = f"what answers there is not duragent ({why(error)})"
            named = self._endpoint is not None and self._endpoint.named
            raise ServerUnreachable(str(response.url), reason, named=named) from error

    def unreachable(self, error: httpx.RequestError) -> ServerUnreachable:
        """The failed connection as an error with the server's address."""
        endpoint = self._endpoint or Endpoint("", None)
        return ServerUnreachable(endpoint.url, why(error), named=endpoint.named)

    async def _current_endpoint(self) -> Endpoint:
        # Looked up again after a while: a port may have got another owner, and the token is not for it.
        if self._endpoint is None or time.monotonic() > self._endpoint_until:
            endpoint = await self._locate(wanted=True)
            if endpoint.named and not self._checked_version:
                await refuse_v0_5(self._connections.of(endpoint), endpoint.url)
                self._checked_version = True
            self._endpoint = endpoint
            self._endpoint_until = time.monotonic() + ENDPOINT_SECONDS
        return self._endpoint


def _headers(endpoint: Endpoint, request: Request) -> dict[str, str]:
    token = endpoint.token_for(request.path)
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    json_body = {} if request.body is None else {"Content-Type": "application/json"}
    return {**authorization, **json_body, **(request.headers or {})}
