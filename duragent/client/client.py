"""Every route of the HTTP API as a method that gives a wire model.

A request that fails for want of a connection is sent again, for `patience_seconds`: reads as they are, POSTs with the
same Idempotency-Key, so that a server that was killed and restarted in the middle has one message. A URL that a person
named must answer once before it deserves patience: it may be a slip. Errors are `ProblemResponse` (the server refused)
and `ServerUnreachable` (there was none, for all our patience).
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from duragent.client.address import Endpoint, Locate, why
from duragent.client.backoff import pause_seconds
from duragent.client.connections import Connections, refuse_v0_5
from duragent.client.http import httpx
from duragent.client.problem import problem_of
from duragent.client.watch import Item, Position, watch
from duragent.clock import SystemClock
from duragent.errors import ProblemResponse, ServerUnreachable
from duragent.wire import (
    Accepted,
    AgentDetail,
    AgentList,
    Answer,
    ApprovalList,
    Asked,
    CancelResult,
    ChangeSession,
    Completed,
    CreateSession,
    Decide,
    EventList,
    ForkSession,
    MessageList,
    Ready,
    SendMessage,
    SessionInfo,
    SessionList,
    Version,
    Waiting,
)

PATIENCE_SECONDS = 15.0
ANSWER_SECONDS = 3600.0
ENDPOINT_SECONDS = 2.0
_SURROGATE = re.compile("[\ud800-\udfff]")
_TRY_AGAIN = (502, 503, 504)
_FINAL_PROBLEMS = ("model-failed",)
"""What our own server says with a status that is otherwise a proxy's: its answer does not change by asking again."""
M = TypeVar("M", bound=BaseModel)


def new_key() -> str:
    """A fresh Idempotency-Key: a ULID, because a session that is made under it ends its id with it."""
    return SystemClock().new_id("key").removeprefix("key_")


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    params: Mapping[str, Any] | None = None
    body: Asked | None = None
    headers: Mapping[str, str] | None = None
    read_seconds: float = 60.0

    def content(self) -> bytes | None:
        if self.body is None:
            return None
        # A body has a largest size, so no letter becomes six bytes that does not have to: only a lone surrogate does.
        text = json.dumps(self.body.model_dump(exclude_none=True), ensure_ascii=False)
        return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


class Client:
    """One server, wherever it is at the moment: `async with Client(locate) as client`. `source`: for whom it speaks."""

    def __init__(
        self, locate: Locate, *, patience_seconds: float = PATIENCE_SECONDS, source: Literal["http", "cli"] = "http"
    ) -> None:
        self._source: Literal["http", "cli"] = source
        self._locate = locate
        self._patience = patience_seconds
        self._endpoint: Endpoint | None = None
        self._endpoint_until = 0.0
        self._answered = False
        self._looked_at = False
        self._connections = Connections()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connections.close()

    # --- agents and the server itself -------------------------------------------------------------------------------

    async def agents(self) -> AgentList:
        return await self._get(AgentList, "/api/v1/agents")

    async def agent(self, name: str) -> AgentDetail:
        return await self._get(AgentDetail, f"/api/v1/agents/{quote(name, safe='')}")

    async def ready(self) -> Ready:
        """How the server is; one that cannot store anything says so with a 503, which is no failure of the question."""
        try:
            return self._model(Ready, await self._send_once(_Request("GET", "/readyz")))
        except httpx.RequestError as error:
            raise self._unreachable(error) from error

    async def alive(self) -> None:
        """Returns when the server answers."""
        await self._send(_Request("GET", "/livez"))

    async def version(self) -> Version:
        return await self._get(Version, "/version")

    async def shutdown(self) -> str:
        return (await self._post("/api/admin/v1/shutdown")).text

    async def reload_agents(self) -> str:
        return (await self._post("/api/admin/v1/reload-agents")).text

    # --- sessions ---------------------------------------------------------------------------------------------------

    async def sessions(
        self,
        *,
        agent: str | None = None,
        status: str | None = None,
        prefix: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> SessionList:
        asked = {"agent": agent, "status": status, "prefix": prefix, "limit": limit, "cursor": cursor}
        return await self._get(SessionList, "/api/v1/sessions", asked)

    async def create_session(self, agent: str, title: str | None = None, *, key: str | None = None) -> SessionInfo:
        body = CreateSession(agent=agent, title=title, source=self._source)
        return self._model(SessionInfo, await self._post("/api/v1/sessions", body, key=key))

    async def session(self, session_id: str) -> SessionInfo:
        return await self._get(SessionInfo, _session(session_id))

    async def rename_session(self, session_id: str, title: str) -> SessionInfo:
        request = _Request("PATCH", _session(session_id), body=ChangeSession(title=title))
        return self._model(SessionInfo, await self._send(request))

    async def delete_session(self, session_id: str) -> None:
        """Deleting what is gone already is an error, unless it was this very request that deleted it."""
        await self._send(_Request("DELETE", _session(session_id)))

    async def messages(self, session_id: str, *, limit: int | None = None, before: int | None = None) -> MessageList:
        return await self._get(MessageList, f"{_session(session_id)}/messages", {"limit": limit, "before": before})

    async def post_message(self, session_id: str, message: SendMessage, *, key: str | None = None) -> Accepted:
        """Returns when the message is durable; the answer comes on `watch`."""
        headers = {"Prefer": "respond-async"}
        body = message.model_copy(update={"source": self._source})
        response = await self._post(f"{_session(session_id)}/messages", body, key=key, headers=headers)
        return self._model(Accepted, response)

    async def ask(self, session_id: str, message: SendMessage, *, key: str | None = None) -> Answer | Waiting:
        """Returns when the answer is durable, or when a person has to decide about a tool call first."""
        path = f"{_session(session_id)}/messages"
        body = message.model_copy(update={"source": self._source})
        return self._or_waiting(Answer, await self._post(path, body, key=key, read_seconds=ANSWER_SECONDS))

    async def cancel(self, session_id: str, *, key: str | None = None) -> CancelResult:
        return self._model(CancelResult, await self._post(f"{_session(session_id)}/cancel", key=key))

    # --- sessions from other sessions -------------------------------------------------------------------------------

    async def fork(
        self, session_id: str, *, at: int | None = None, title: str | None = None, key: str | None = None
    ) -> SessionInfo:
        """A session that shares the past of this one, up to record `at`; nothing of it is run again."""
        body = ForkSession(at=at, title=title)
        return self._model(SessionInfo, await self._post(f"{_session(session_id)}/fork", body, key=key))

    async def repair(self, session_id: str) -> SessionInfo:
        return self._model(SessionInfo, await self._post(f"{_session(session_id)}/repair"))

    async def export(self, session_id: str, write: Callable[[bytes], object]) -> None:
        """The session as one file, piece by piece."""
        endpoint = await self._surely_there()
        url = f"{endpoint.url}{_session(session_id)}/export"
        try:
            async with self._connections.of(endpoint).stream("GET", url, headers=_headers(endpoint, "")) as response:
                if not response.is_success:
                    await response.aread()
                    raise problem_of(response)
                async for piece in response.aiter_bytes():
                    write(piece)
        except httpx.RequestError as error:
            raise self._unreachable(error) from error

    async def import_session(
        self,
        pieces: AsyncIterable[bytes],
        *,
        new_id: bool = False,
        again: Callable[[], AsyncIterable[bytes]] | None = None,
    ) -> SessionInfo:
        """Take in what `export` wrote. `again` gives the same pieces from the beginning.

        Under a new id, and with `again`, it is sent a second time when the connection is lost: there is one session of
        it all the same. Else whether it was taken in before the loss is not known, and the error says so.
        """
        key = new_key() if new_id else None
        endpoint = await self._surely_there()
        try:
            try:
                response = await self._post_archive(endpoint, pieces, key)
            except httpx.RequestError:
                if key is None or again is None:
                    raise
                response = await self._post_archive(await self._surely_there(), again(), key)
        except (httpx.RequestError, ServerUnreachable) as error:
            failure = error if isinstance(error, ServerUnreachable) else self._unreachable(error)
            reason = f"{failure.reason}; the session may have been taken in: `duragent session list` shows it then"
            raise ServerUnreachable(failure.url, reason, named=failure.named) from error
        if not response.is_success:
            raise problem_of(response)
        return self._model(SessionInfo, response)

    async def _post_archive(self, endpoint: Endpoint, pieces: AsyncIterable[bytes], key: str | None) -> httpx.Response:
        headers = {**_headers(endpoint, ""), "Content-Type": "application/zip"}
        if key is not None:
            headers["Idempotency-Key"] = key
        url, params = f"{endpoint.url}/api/v1/imports", {"new_id": str(key is not None).lower()}
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=5.0)
        http = self._connections.of(endpoint)
        return await http.post(url, params=params, content=pieces, headers=headers, timeout=timeout)

    async def _surely_there(self) -> Endpoint:
        """Where a server answers right now, with its token of now: for what is not simply sent again."""
        self._endpoint = None
        await self.alive()
        return await self._current_endpoint()

    # --- approvals --------------------------------------------------------------------------------------------------

    async def approvals(self, *, agent: str | None = None, session_id: str | None = None) -> ApprovalList:
        """What people are asked, the oldest first."""
        return await self._get(ApprovalList, "/api/v1/approvals", {"agent": agent, "session_id": session_id})

    async def decide(self, session_id: str, decision: Decide, *, key: str | None = None) -> Completed | Waiting:
        """Decides, and returns when the rest of the turn is durable or waits again.

        Raises ProblemResponse: `already-decided` when somebody was first, `call-changed` when it is another call.
        """
        response = await self._post(f"{_session(session_id)}/approve", decision, key=key, read_seconds=ANSWER_SECONDS)
        return self._or_waiting(Completed, response)

    async def post_decision(self, session_id: str, decision: Decide, *, key: str | None = None) -> Accepted:
        """As `decide`, but returns when the decision is durable; what comes of it comes on `watch`."""
        headers = {"Prefer": "respond-async"}
        response = await self._post(f"{_session(session_id)}/approve", decision, key=key, headers=headers)
        return self._model(Accepted, response)

    # --- what happens -----------------------------------------------------------------------------------------------

    async def events(
        self, session_id: str, *, after: int | None = None, before: int | None = None, limit: int | None = None
    ) -> EventList:
        asked = {"after": after, "before": before, "limit": limit}
        return await self._get(EventList, f"{_session(session_id)}/events", asked)

    def watch(
        self, session_id: str, *, after: int | None = None, tail: int | None = None
    ) -> AsyncGenerator[Item, None]:
        """The session as it happens, for as long as it is wanted: see `watch.py`. Close it (`contextlib.aclosing`)."""
        position = Position(last=after, tail=tail)
        return watch(self._stream_place, session_id, f"{_session(session_id)}/events", position)

    # --- sending ----------------------------------------------------------------------------------------------------

    async def _get(self, model: type[M], path: str, params: Mapping[str, Any] | None = None) -> M:
        return self._model(model, await self._send(_Request("GET", path, params=params)))

    async def _post(
        self,
        path: str,
        body: Asked | None = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        read_seconds: float = 60.0,
    ) -> httpx.Response:
        headers = {**(headers or {}), "Idempotency-Key": key or new_key()}
        return await self._send(_Request("POST", path, body=body, headers=headers, read_seconds=read_seconds))

    async def _send(self, request: _Request) -> httpx.Response:
        deadline = time.monotonic() + self._patience
        attempt = 0
        while True:
            attempt += 1
            failure: ProblemResponse | ServerUnreachable
            known = self._endpoint
            try:
                response = await self._send_once(request)
                if response.status_code == 401 and known is not None and not known.named:
                    # The server may have been started again since we looked, and have a new token.
                    self._endpoint = None
                    continue
                if response.is_success or (request.method == "DELETE" and attempt > 1 and response.status_code == 404):
                    return response
                failure = problem_of(response)
                if response.status_code not in _TRY_AGAIN or failure.problem in _FINAL_PROBLEMS:
                    raise failure
            except (httpx.RequestError, ServerUnreachable) as error:
                failure = error if isinstance(error, ServerUnreachable) else self._unreachable(error)
                if failure.named and not self._answered:
                    raise failure from error
                self._endpoint = None
            pause = pause_seconds(attempt)
            if time.monotonic() + pause > deadline:
                raise failure
            await asyncio.sleep(pause)

    async def _send_once(self, request: _Request) -> httpx.Response:
        endpoint = await self._current_endpoint()
        headers = {**_headers(endpoint, request.path), **(request.headers or {})}
        content = request.content()
        if content is not None:
            headers["Content-Type"] = "application/json"
        params = {name: value for name, value in (request.params or {}).items() if value is not None}
        response = await self._connections.of(endpoint).request(
            request.method,
            endpoint.url + request.path,
            params=params,
            content=content,
            headers=headers,
            timeout=httpx.Timeout(request.read_seconds, connect=5.0),
        )
        self._answered = True
        return response

    def _or_waiting(self, model: type[M], response: httpx.Response) -> M | Waiting:
        return self._model(Waiting, response) if response.status_code == 202 else self._model(model, response)

    def _model(self, model: type[M], response: httpx.Response) -> M:
        try:
            return model.model_validate(json.loads(response.content))
        except (ValueError, ValidationError) as error:
            reason = f"what answers there is not duragent ({why(error)})"
            named = self._endpoint is not None and self._endpoint.named
            raise ServerUnreachable(str(response.url), reason, named=named) from error

    def _unreachable(self, error: httpx.RequestError) -> ServerUnreachable:
        endpoint = self._endpoint or Endpoint("", None)
        return ServerUnreachable(endpoint.url, why(error), named=endpoint.named)

    async def _current_endpoint(self) -> Endpoint:
        # Looked up again after a while: a port may have got another owner, and the token is not for it.
        if self._endpoint is None or time.monotonic() > self._endpoint_until:
            endpoint = await self._locate(wanted=True)
            if endpoint.named and not self._looked_at:
                await refuse_v0_5(self._connections.of(endpoint), endpoint.url)
                self._looked_at = True
            self._endpoint = endpoint
            self._endpoint_until = time.monotonic() + ENDPOINT_SECONDS
        return self._endpoint

    async def _stream_place(self) -> tuple[httpx.AsyncClient, Endpoint, dict[str, str]]:
        endpoint = await self._locate(wanted=False)
        return self._connections.of(endpoint), endpoint, _headers(endpoint, "")


def _session(session_id: str) -> str:
    return f"/api/v1/sessions/{quote(session_id, safe='')}"


def _headers(endpoint: Endpoint, path: str) -> dict[str, str]:
    token = endpoint.token_for(path)
    return {"Authorization": f"Bearer {token}"} if token else {}
