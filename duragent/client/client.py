"""Every route of the HTTP API as a method that gives a wire model.

What is sent again, and for how long, is in `transport.py`. Errors are `ProblemResponse` (the server refused) and
`ServerUnreachable` (there was none within `patience_seconds`).
"""

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from duragent.client.address import Locate
from duragent.client.attachments import SessionAttachments
from duragent.client.backoff import USUAL_BACKOFF, Backoff
from duragent.client.memory import AgentNotes
from duragent.client.models import SessionModels
from duragent.client.recalls import SessionRecalls
from duragent.client.transport import ANSWER_SECONDS, PATIENCE_SECONDS, Request, Transport, session_path
from duragent.client.transport import new_key as new_key
from duragent.client.view import SessionViews
from duragent.http.library import httpx
from duragent.wire import (
    Accepted,
    AgentDetail,
    AgentList,
    Answer,
    CancelResult,
    ChangeSession,
    Completed,
    CreateSession,
    Decide,
    EventList,
    MessageList,
    Ready,
    SendMessage,
    SessionInfo,
    SessionList,
    Version,
    Waiting,
)

if TYPE_CHECKING:
    from duragent.client.watch import Item

M = TypeVar("M", bound=BaseModel)
Source = Literal["http", "cli"]


class Client(SessionViews, SessionModels, SessionRecalls, SessionAttachments, AgentNotes):
    """One server, wherever it is at the moment: `async with Client(locate) as client`.

    `source`: for whom it speaks. `patience_seconds`: how long a request may go without a server. `backoff`: the pauses
    between attempts.
    """

    def __init__(
        self,
        locate: Locate,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        source: Source = "http",
        backoff: Backoff = USUAL_BACKOFF,
    ) -> None:
        super().__init__(Transport(locate, patience_seconds=patience_seconds, backoff=backoff))
        self._source: Source = source

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    # --- agents and the server itself -------------------------------------------------------------------------------

    async def agents(self) -> AgentList:
        return await self._http.get(AgentList, "/api/v1/agents")

    async def agent(self, name: str) -> AgentDetail:
        return await self._http.get(AgentDetail, f"/api/v1/agents/{quote(name, safe='')}")

    async def ready(self) -> Ready:
        """How the server is; one that cannot store anything says so with a 503, which is no failure of the question.

        The token is looked up first: with the one of a server that was started again since, `/readyz` refuses nothing
        but leaves the names out, as it does for strangers.
        """
        self._http.forget_endpoint()
        try:
            return self._http.parse(Ready, await self._http.send_once(Request("GET", "/readyz")))
        except httpx.RequestError as error:
            raise self._http.unreachable(error) from error

    async def alive(self) -> None:
        """Returns when the server answers."""
        await self._http.check_alive()

    async def version(self) -> Version:
        return await self._http.get(Version, "/version")

    async def shutdown(self) -> str:
        return (await self._http.post("/api/admin/v1/shutdown")).text

    async def reload_agents(self) -> str:
        return (await self._http.post("/api/admin/v1/reload-agents")).text

    # --- sessions ---------------------------------------------------------------------------------------------------

    async def sessions(
        self,
        *,
        agent: str | None = None,
        status: str | None = None,
        match: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> SessionList:
        """`match`: any part of an id."""
        asked = {"agent": agent, "status": status, "match": match, "limit": limit, "cursor": cursor}
        return await self._http.get(SessionList, "/api/v1/sessions", asked)

    async def create_session(
        self,
        agent: str,
        title: str | None = None,
        *,
        model: str | None = None,
        system: str | None = None,
        key: str | None = None,
    ) -> SessionInfo:
        """A new session; `model` and `system` stand in it in place of the agent's model and SYSTEM_PROMPT.md."""
        body = CreateSession(agent=agent, title=title, source=self._source, model=model, system=system)
        return self._http.parse(SessionInfo, await self._http.post("/api/v1/sessions", body, key=key))

    async def session(self, session_id: str) -> SessionInfo:
        return await self._http.get(SessionInfo, session_path(session_id))

    async def rename_session(self, session_id: str, title: str) -> SessionInfo:
        request = Request("PATCH", session_path(session_id), body=ChangeSession(title=title))
        return self._http.parse(SessionInfo, await self._http.send(request))

    async def delete_session(self, session_id: str, *, head: int | None = None) -> None:
        """Deleting what is gone already is an error, unless it was this very request that deleted it.

        `head`: only while this is its newest record and nothing is under way; else ProblemResponse `not-now`.
        """
        await self._http.send(Request("DELETE", session_path(session_id), {"head": head}))

    async def messages(self, session_id: str, *, limit: int | None = None, before: int | None = None) -> MessageList:
        return await self._http.get(
            MessageList, f"{session_path(session_id)}/messages", {"limit": limit, "before": before}
        )

    async def post_message(self, session_id: str, message: SendMessage, *, key: str | None = None) -> Accepted:
        """Returns when the message is durable; the answer comes on `watch`."""
        headers = {"Prefer": "respond-async"}
        body = message.model_copy(update={"source": self._source})
        response = await self._http.post(f"{session_path(session_id)}/messages", body, key=key, headers=headers)
        return self._http.parse(Accepted, response)

    async def ask(self, session_id: str, message: SendMessage, *, key: str | None = None) -> Answer | Waiting:
        """Returns when the answer is durable, or when a person has to decide about a tool call first."""
        path = f"{session_path(session_id)}/messages"
        body = message.model_copy(update={"source": self._source})
        return self._or_waiting(Answer, await self._http.post(path, body, key=key, read_seconds=ANSWER_SECONDS))

    async def cancel(self, session_id: str, *, key: str | None = None) -> CancelResult:
        return self._http.parse(CancelResult, await self._http.post(f"{session_path(session_id)}/cancel", key=key))

    # --- approvals --------------------------------------------------------------------------------------------------

    async def decide(self, session_id: str, decision: Decide, *, key: str | None = None) -> Completed | Waiting:
        """Decides, and returns when the rest of the turn is durable or waits again.

        Raises ProblemResponse: `already-decided` when another decision was first, `call-changed` when another call
        waits.
        """
        response = await self._http.post(
            f"{session_path(session_id)}/approve", decision, key=key, read_seconds=ANSWER_SECONDS
        )
        return self._or_waiting(Completed, response)

    # --- what happens -----------------------------------------------------------------------------------------------

    async def events(
        self, session_id: str, *, after: int | None = None, before: int | None = None, limit: int | None = None
    ) -> EventList:
        asked = {"after": after, "before": before, "limit": limit}
        return await self._http.get(EventList, f"{session_path(session_id)}/events", asked)

    def watch(
        self, session_id: str, *, after: int | None = None, tail: int | None = None
    ) -> "AsyncGenerator[Item, None]":
        """The session as it happens, for as long as it is wanted: see `watch.py`. Close it (`contextlib.aclosing`)."""
        # It takes the journal with it, which a command that only asks does not need.
        from duragent.client.watch import Position, watch

        position = Position(last=after, tail=tail)
        return watch(self._http, session_id, position)

    def _or_waiting(self, model: type[M], response: httpx.Response) -> M | Waiting:
        return self._http.parse(Waiting, response) if response.status_code == 202 else self._http.parse(model, response)
