"""A runtime without doors: real sessions on a real or a memory store, a scripted model, a fake clock."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from duragent.agent.load import Agent, load_agent
from duragent.equipment import past_tools
from duragent.errors import AgentNotFound
from duragent.journal.answer import TurnAnswer
from duragent.journal.events import Event, Sender, SessionCreated
from duragent.journal.inputs import Decision, Message
from duragent.journal.record import Record, crc_seed, encode, timestamp
from duragent.models.base import Model, ModelChoice
from duragent.session.log_source import SessionLogs
from duragent.session.session import Session
from duragent.session.session_reader import session_tools
from duragent.session.sessions import NewSession, Sessions
from duragent.stores.base import Store
from duragent.subscribers.base import LogListener
from duragent.testing import FakeClock
from duragent.turn.ports import Ports
from duragent.turn.settings import SessionsSettings
from duragent.turn.workbench import Workbench
from tests.support.workbench import workbench_in

AGENT_YAML = """\
apiVersion: duragent/v1alpha1
kind: Agent
metadata:
  name: {name}
spec:
  model:
    provider: {provider}
{rest}
"""


def write_agent(agents_dir: Path, name: str = "assistant", rest: str = "", provider: str = "demo") -> Path:
    """An agent's folder with the smallest agent.yaml and the given lines below `spec`."""
    folder = agents_dir / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent.yaml").write_text(AGENT_YAML.format(name=name, rest=rest, provider=provider))
    (folder / "SOUL.md").write_text("You are kind.\n")
    (folder / "SYSTEM_PROMPT.md").write_text("You are {{agent.name}}.\n")
    (folder / "INSTRUCTIONS.md").write_text("Be brief.\n")
    return folder


@dataclass
class Speakers:
    """Agents by name, as `Ports` wants them."""

    known: dict[str, Agent] = field(default_factory=dict)

    def get(self, name: str) -> Agent:
        if name not in self.known:
            raise AgentNotFound(name, sorted(self.known))
        return self.known[name]


@dataclass
class House:
    """`sessions` and what stands behind them."""

    sessions: Sessions
    store: Store
    clock: FakeClock
    speakers: Speakers
    ports: Ports

    def live(self, session_id: str) -> Session:
        """The session, which must be in memory."""
        session = self.sessions.live.get(session_id)
        assert session is not None
        return session

    async def new(self, agent: str = "assistant") -> str:
        state, _ = await self.sessions.create(NewSession(agent))
        return state.session_id

    async def new_in_group(self, session_id: str, chat: str = "-100") -> str:
        """A session of a chat, as a gateway makes it."""
        created = SessionCreated(agent="assistant", source="gateway", gateway="telegram", chat_id=chat)
        line = encode(Record(1, timestamp(self.clock.now()), created), crc_seed(session_id)).line
        await self.store.release(await self.store.create(session_id, [line]))
        return session_id

    async def say_as(self, session_id: str, sender: str, text: str) -> int:
        """A message of a person in a chat."""
        message = Message(text=text, source="gateway", sender=Sender(id=sender))
        return (await self.sessions.post(session_id, message)).seq

    async def say(self, session_id: str, text: str, key: str | None = None) -> int:
        return (await self.sessions.post(session_id, Message(text=text, idempotency_key=key))).seq

    async def ask(self, session_id: str, text: str) -> TurnAnswer:
        return await self.sessions.answer(session_id, await self.say(session_id, text))

    async def decide(self, session_id: str, call: str) -> None:
        """Allow it once."""
        await self.sessions.post(session_id, Decision(call=call, decision="allow_once"))

    async def records(self, session_id: str) -> list[Record]:
        found: list[Record] = []
        while lines := await self.sessions.read(session_id, found[-1].seq if found else 0, 1000):
            found += await self.sessions.records(session_id, lines)
        return found

    async def events(self, session_id: str) -> list[Event]:
        return [record.event for record in await self.records(session_id)]

    async def kinds(self, session_id: str) -> list[str]:
        """The types of all records behind the two that begin a log."""
        return [event.type for event in (await self.events(session_id))[2:]]

    async def idle(self, session_id: str) -> None:
        """Wait until the session has nothing more to do by itself."""
        while (await self.sessions.state(session_id)).has_work:
            await asyncio.sleep(0)


@asynccontextmanager
async def open_house(
    store: Store,
    model: Model,
    agents_dir: Path,
    *,
    clock: FakeClock | None = None,
    node: str = "node-1",
    settings: SessionsSettings | None = None,
    agent_rest: str = "",
    model_for: Callable[[ModelChoice], Model] | None = None,
    notices: LogListener | None = None,
    closed_of_others: Callable[[], tuple[Path, ...]] = lambda: (),
    workbench: Workbench | None = None,
    **of_ports: Any,
) -> AsyncIterator[House]:
    """Sessions that run while the block does. Leaving it is a crash as far as they can tell: nothing is closed.

    `workbench`: by default a real one in the folder `agents_dir`. `of_ports`: other fields of `Ports`.
    """
    clock = clock or FakeClock(hurried=True)
    speakers = Speakers({"assistant": load_agent(write_agent(agents_dir, rest=agent_rest), agents_dir)})
    tasks: set[asyncio.Task[None]] = set()

    def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        tasks.add(task)
        return task

    choose = model_for or (lambda _: model)
    bench = workbench or workbench_in(agents_dir)
    factories = {**session_tools(lambda: house.sessions), **past_tools(lambda: house.sessions), **bench.factories}
    workbench = replace(bench, closed_of_others=closed_of_others, factories=factories)
    ports = Ports(store, clock, node, speakers, choose, settings or SessionsSettings(), spawn, workbench)
    ports = replace(ports, **of_ports)
    if notices is not None:
        ports = replace(ports, listeners=(notices,), notices=notices)
    house = House(Sessions(ports), store, clock, speakers, ports)
    if notices is not None:
        spawn(notices.run(SessionLogs(house.sessions.live)))
    # `run` would keep house, which a hurried clock turns into a busy loop.
    house.sessions.index.settle()
    try:
        yield house
    finally:
        for task in tasks:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        faults = [fault for fault in done if isinstance(fault, Exception)]
        if faults:
            raise ExceptionGroup("tasks failed", faults)
