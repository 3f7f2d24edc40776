"""The client of duragent v0.5.4, as far as it reads answers: typed structs and closed enums, as serde reads them.

Fields that it does not know are ignored; a missing field, another type, an unknown word in an enum, an unknown event
name, a number that does not fit and a time without an offset are errors. Written from the wire types of that version.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

T = TypeVar("T", bound="Struct")


def _rfc3339(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or len(text) < len("2026-01-01T00:00:00Z") or text[10] != "T":
        raise ValueError(f"'{text}' is no time with an offset")
    return text


U16 = Annotated[int, Field(ge=0, lt=1 << 16)]
U32 = Annotated[int, Field(ge=0, lt=1 << 32)]
Time = Annotated[str, AfterValidator(_rfc3339)]
Status = Literal["active", "paused", "running", "completed"]


class Struct(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class Ready(Struct):
    status: str
    workspace_hash: str


class Version(Struct):
    version: str
    commit: str
    build_date: str
    variant: Literal["core", "full"]


class AgentSummary(Struct):
    name: str
    description: str | None = None
    version: str | None = None


class Agents(Struct):
    agents: list[AgentSummary]


class Metadata(AgentSummary):
    labels: dict[str, str] = {}


class ModelSpec(Struct):
    provider: str
    name: str
    temperature: float | None = None
    max_input_tokens: U32 | None = None
    max_output_tokens: U32 | None = None
    base_url: str | None = None


class Spec(Struct):
    model: ModelSpec
    system_prompt: str | None = None
    instructions: str | None = None


class AgentDetail(Struct):
    api_version: str
    kind: str
    metadata: Metadata
    spec: Spec


class Session(Struct):
    session_id: str
    agent: str
    status: Status
    created_at: Time


class SessionDetail(Session):
    updated_at: Time


class Sessions(Struct):
    sessions: list[Session]


class Message(Struct):
    role: Literal["system", "user", "assistant", "tool", "steering"]
    content: str


class Messages(Struct):
    messages: list[Message]


class Sent(Struct):
    message_id: str
    role: Literal["assistant"]
    content: str


class Waits(Struct):
    session_id: str
    call_id: str
    command: str


class Approved(Struct):
    status: Literal["complete"]
    message_id: str
    content: str


class WaitsAgain(Struct):
    status: Literal["pending_approval"]
    call_id: str
    command: str


class Problem(Struct):
    type: str
    title: str
    status: U16
    detail: str | None = None
    instance: str | None = None


class Usage(Struct):
    prompt_tokens: U32
    completion_tokens: U32
    total_tokens: U32


class Start(Struct):
    pass


class Token(Struct):
    content: str


class Done(Struct):
    message_id: str
    usage: Usage | None


class Error(Struct):
    message: str


class Cancelled(Struct):
    pass


class ApprovalRequired(Struct):
    call_id: str
    command: str


EVENTS: Mapping[str, type[Struct]] = {
    "start": Start,
    "token": Token,
    "done": Done,
    "error": Error,
    "cancelled": Cancelled,
    "approval_required": ApprovalRequired,
}
LAST = (Done, Error, Cancelled)


class Refused(Exception):
    """The server's problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.detail or problem.title)


class UnknownEvent(Exception):
    """An event name that v0.5 does not know: it ends with an error there."""


def event_of(name: str, data: str) -> Struct:
    """Raises UnknownEvent, and ValidationError for data that does not fit the name."""
    if name not in EVENTS:
        raise UnknownEvent(name)
    return EVENTS[name].model_validate_json(data)


@dataclass
class V05Client:
    """The requests of v0.5.4, with their bodies and headers as it sends them: no keys, no preferences, no `Accept`."""

    http: httpx.AsyncClient
    token: str
    admin_token: str = ""

    async def ready(self) -> Ready:
        return Ready.model_validate(await self._json("GET", "/readyz", token=""))

    async def version(self) -> Version:
        return Version.model_validate(await self._json("GET", "/version", token=""))

    async def alive(self) -> str:
        return (await self._sent("GET", "/livez", token="")).text

    async def agents(self) -> list[AgentSummary]:
        return Agents.model_validate(await self._json("GET", "/api/v1/agents")).agents

    async def agent(self, name: str) -> AgentDetail:
        return AgentDetail.model_validate(await self._json("GET", f"/api/v1/agents/{name}"))

    async def sessions(self) -> list[Session]:
        return Sessions.model_validate(await self._json("GET", "/api/v1/sessions")).sessions

    async def create(self, agent: str) -> Session:
        return Session.model_validate(await self._json("POST", "/api/v1/sessions", {"agent": agent}))

    async def session(self, session_id: str) -> SessionDetail:
        return SessionDetail.model_validate(await self._json("GET", f"/api/v1/sessions/{session_id}"))

    async def delete(self, session_id: str) -> None:
        assert (await self._sent("DELETE", f"/api/v1/sessions/{session_id}")).status_code == 204

    async def messages(self, session_id: str, limit: int | None = None) -> list[Message]:
        query = "" if limit is None else f"?limit={limit}"
        found = await self._json("GET", f"/api/v1/sessions/{session_id}/messages{query}")
        return Messages.model_validate(found).messages

    async def send(self, session_id: str, content: str) -> Sent | Waits:
        response = await self._sent("POST", f"/api/v1/sessions/{session_id}/messages", {"content": content})
        return (Waits if response.status_code == 202 else Sent).model_validate(response.json())

    async def approve(self, session_id: str, waits: Waits | WaitsAgain, decision: str) -> Approved | WaitsAgain:
        body = {"call_id": waits.call_id, "command": waits.command, "decision": decision}
        response = await self._sent("POST", f"/api/v1/sessions/{session_id}/approve", body)
        return (WaitsAgain if response.status_code == 202 else Approved).model_validate(response.json())

    async def shutdown(self) -> str:
        return (await self._sent("POST", "/api/admin/v1/shutdown", token=self.admin_token)).text

    async def reload_agents(self) -> str:
        return (await self._sent("POST", "/api/admin/v1/reload-agents", token=self.admin_token)).text

    async def stream(self, session_id: str, content: str) -> AsyncIterator[Struct]:
        """The events; ends behind the last one. Raises Refused, and what `event_of` raises."""
        path = f"/api/v1/sessions/{session_id}/stream"
        async with self.http.stream("POST", path, **self._options({"content": content}, self.token)) as response:
            if response.status_code != 200:
                await response.aread()
                raise Refused(Problem.model_validate_json(response.content))
            assert response.headers["content-type"].startswith("text/event-stream")
            name, data = "", list[str]()
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data.append(line.removeprefix("data: "))
                elif not line and name:
                    event = event_of(name, "\n".join(data))
                    yield event
                    name, data = "", []
                    if isinstance(event, LAST):
                        return

    async def _json(self, method: str, path: str, body: object = None, token: str | None = None) -> Any:
        return (await self._sent(method, path, body, token)).json()

    async def _sent(self, method: str, path: str, body: object = None, token: str | None = None) -> httpx.Response:
        response = await self.http.request(method, path, **self._options(body, self.token if token is None else token))
        if not response.is_success:
            assert response.headers["content-type"] == "application/problem+json"
            raise Refused(Problem.model_validate_json(response.content))
        return response

    @staticmethod
    def _options(body: object, token: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is None:
            return {"headers": headers}
        return {"headers": {**headers, "Content-Type": "application/json"}, "content": json.dumps(body)}
