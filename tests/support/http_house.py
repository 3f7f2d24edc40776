"""The HTTP door with everything real behind it but the model, the clock and the disk."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from duragent.agent.catalog import Catalog
from duragent.equipment import notes_of, past_tools
from duragent.http.sse import Decoder
from duragent.memory.base import Memories
from duragent.server.app import build_app
from duragent.server.bounds import USUAL_BOUNDS, Bounds
from duragent.server.dependencies import AccessTokens, Dependencies
from duragent.server.serve import HttpServer
from duragent.server.settings import ServerSettings
from duragent.server.stop import Stop
from duragent.session.session_reader import session_tools
from duragent.session.sessions import Sessions
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.ports import Ports
from duragent.turn.settings import SessionsSettings
from duragent.wire import Version
from tests.support.bounds import LIMIT_SECONDS
from tests.support.open_store import OpenStore
from tests.support.tool_calls import bash
from tests.support.workbench import workbench_in

TOKEN, ADMIN_TOKEN = "the-api-token", "the-admin-token"
AGENT = "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\nspec:\n  model: {{provider: demo}}\n"
PAUSER = AGENT + "  session: {{on_disconnect: pause}}\n"
WORKER = AGENT + "  tools: [{{type: builtin, name: bash}}]\n"
COUNTED = "echo once >> count"
"""A command about which the worker asks. `House.count` says how often it took effect."""


@dataclass
class Event:
    name: str
    data: Any
    id: str


class Stream:
    """A live stream of events, read with bounded waits."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.raw = b""
        self._chunks = response.aiter_bytes()
        self._decoder = Decoder()
        self._ready: list[Event] = []

    async def next(self) -> Event | None:
        """The next event, None at the end of the stream."""
        while not self._ready:
            async with asyncio.timeout(LIMIT_SECONDS):
                chunk = await anext(self._chunks, None)
            if chunk is None:
                return None
            self.raw += chunk
            for event in self._decoder.feed(chunk):
                if event.data:
                    self._ready.append(Event(event.event, json.loads(event.data), event.id))
        return self._ready.pop(0)

    async def until(self, name: str) -> list[Event]:
        """The events up to the next one with this name, which is the last of them."""
        events: list[Event] = []
        while not events or events[-1].name != name:
            event = await self.next()
            assert event is not None, f"the stream ended before {name}, after {[e.name for e in events]}"
            events.append(event)
        return events

    async def rest(self) -> list[Event]:
        events: list[Event] = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events

    async def until_raw(self, mark: bytes) -> None:
        while mark not in self.raw:
            async with asyncio.timeout(LIMIT_SECONDS):
                self.raw += await anext(self._chunks)


class House:
    def __init__(self, folder: Path, store: OpenStore | None = None, memories: Memories | None = None) -> None:
        self.agents_dir = folder / "agents"
        for name, text in {"assistant": AGENT, "pauser": PAUSER}.items():
            self.write_agent(name, text.format(name=name))
        self.clock = FakeClock()
        self.model = ScriptedModel(otherwise="hello there friend")
        self.store = store or OpenStore()
        self.tasks: set[asyncio.Task[None]] = set()
        self.shutdowns = 0
        factories = {**session_tools(lambda: self.sessions), **past_tools(lambda: self.sessions)}
        self.workbench = replace(workbench_in(folder), factories=factories)
        catalog = Catalog.open(self.agents_dir)
        model = self.model
        ports = Ports(
            store=self.store,
            clock=self.clock,
            node="test",
            agents=catalog,
            model_for=lambda choice: model,
            settings=SessionsSettings(),
            spawn=self._spawn,
            workbench=self.workbench,
            memories=memories,
        )
        self.sessions = Sessions(ports)
        self.dependencies = Dependencies(
            sessions=self.sessions,
            catalog=catalog,
            settings=ServerSettings(),
            clock=self.clock,
            tokens=AccessTokens(TOKEN, ADMIN_TOKEN),
            workspace_hash="0123456789abcdef",
            version=Version(version="1.2.3", commit="abc", build_date="2026-11-20"),
            shutdown=self._shutdown,
            work_place=self.workbench.work_place,
            reload_agents=lambda: asyncio.to_thread(catalog.reload),
            notes=lambda agent: notes_of(agent, folder / "world"),
        )
        self.http = self.client("http://127.0.0.1:8080", transport=httpx.ASGITransport(build_app(self.dependencies)))

    def write_agent(self, name: str, text: str) -> None:
        (self.agents_dir / name).mkdir(parents=True, exist_ok=True)
        (self.agents_dir / name / "agent.yaml").write_text(text)

    @staticmethod
    def client(url: str, **options: Any) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.AsyncClient(base_url=url, headers=headers, timeout=LIMIT_SECONDS, trust_env=False, **options)

    def with_dependencies(self, bounds: Bounds = USUAL_BOUNDS, **changes: Any) -> httpx.AsyncClient:
        """Another API to the same sessions."""
        app = build_app(replace(self.dependencies, **changes), bounds)
        return self.client("http://127.0.0.1:8080", transport=httpx.ASGITransport(app))

    def with_settings(self, bounds: Bounds = USUAL_BOUNDS, **changes: Any) -> httpx.AsyncClient:
        """An API with other settings to the same sessions."""
        return self.with_dependencies(bounds, settings=self.dependencies.settings.model_copy(update=changes))

    async def create(self, agent: str = "assistant") -> str:
        response = await self.http.post("/api/v1/sessions", json={"agent": agent})
        assert response.status_code == 201, response.text
        session_id: str = response.json()["session_id"]
        return session_id

    async def say(self, session_id: str, content: str, **headers: str) -> httpx.Response:
        return await self.http.post(
            f"/api/v1/sessions/{session_id}/messages", json={"content": content}, headers=headers
        )

    async def worker(self) -> None:
        """From now on there is an agent `worker` that has bash."""
        self.write_agent("worker", WORKER.format(name="worker"))
        await asyncio.to_thread(self.dependencies.catalog.reload)

    def script(self, *commands: str, then: str = "done it") -> None:
        """The model asks for these commands, one after another, and says `then`."""
        self.model.add(*map(bash, commands), then)

    async def waits(self, *commands: str) -> dict[str, Any]:
        """A session of the worker whose first command waits for approval: the 202's body."""
        self.script(*commands)
        response = await self.say(await self.create("worker"), "please")
        assert response.status_code == 202, response.text
        body: dict[str, Any] = response.json()
        return body

    async def decide(
        self, waiting: dict[str, Any], decision: str, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """Answer what a session waits for: `waiting` is the body that `waits` gave."""
        body = {"call_id": waiting["call_id"], "decision": decision, **more}
        return await self.http.post(f"/api/v1/sessions/{waiting['session_id']}/approve", json=body, headers=headers)

    def count(self) -> int:
        path = self.workbench.project / "count"
        return len(path.read_text().splitlines()) if path.exists() else 0

    async def log(self, session_id: str) -> list[dict[str, Any]]:
        response = await self.http.get(f"/api/v1/sessions/{session_id}/events", params={"limit": 1000})
        events: list[dict[str, Any]] = response.json()["events"]
        return events

    async def nothing_written(self) -> bool:
        return await self.store.list_streams() == []

    @asynccontextmanager
    async def live(self, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
        """A client of a real server on a port of its own. `options` are those of HttpServer."""
        async with self.served(**options) as (_, client):
            yield client

    @asynccontextmanager
    async def served(self, **options: Any) -> AsyncIterator[tuple[HttpServer, httpx.AsyncClient]]:
        bound = socket.socket()
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        dependencies = replace(self.dependencies, stop=Stop())
        async with (
            HttpServer(build_app(dependencies), [bound], dependencies.stop, **options) as server,
            self.client(url) as client,
        ):
            yield server, client

    async def close(self) -> None:
        await self.http.aclose()
        async with asyncio.timeout(LIMIT_SECONDS):
            await self.sessions.close(0)
        for task in list(self.tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def crash(self) -> None:
        """End without any goodbye: what was durable is all that is left."""
        await self.http.aclose()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def start(self) -> None:
        self._spawn(self.sessions.run())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def _shutdown(self) -> bool:
        self.shutdowns += 1
        return self.shutdowns == 1


@asynccontextmanager
async def opened(client: httpx.AsyncClient, path: str, method: str = "GET", **options: Any) -> AsyncIterator[Stream]:
    headers = {"Accept": "text/event-stream", **options.pop("headers", {})}
    async with client.stream(method, path, headers=headers, **options) as response:
        assert response.status_code == 200, await response.aread()
        yield Stream(response)
