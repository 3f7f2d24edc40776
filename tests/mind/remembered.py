"""The memory of an agent over real files and minds, beside sessions whose records a test writes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from duragent.agent.load import Agent, load_agent
from duragent.embedders.choose import EmbedderChooser
from duragent.errors import SessionNotFound
from duragent.journal.events import Event, MessageReceived
from duragent.journal.record import Record
from duragent.memory.base import OWNER, RecallQuery
from duragent.memory.folder import MemoryFolder
from duragent.memory.zone import zone_of
from duragent.mind.agent_memory import AgentMemory, MemoryRoom
from duragent.stores.files.disk import Disk
from tests.mind.house import MindHouse, mind_house
from tests.support.bounds import LIMIT_SECONDS

SECONDS = 30.0
"""More than any search takes; the fake clock does not move meanwhile."""


@dataclass
class Part:
    """Some records of a session."""

    agent: str
    records: Sequence[Record]
    gateway: str = ""
    chat_id: str | None = None


@dataclass
class Listed:
    """As much of a session's state as a list of sessions is asked for here."""

    session_id: str
    seq: int


@dataclass
class Told:
    """Sessions of one agent: a `SessionLogSource` and `ListedSessions`."""

    logs: dict[str, list[Event]] = field(default_factory=dict)
    read: list[tuple[str, int]] = field(default_factory=list)
    agent: str = "ada"
    hidden: set[str] = field(default_factory=set)
    """Those of which it is not known yet whose they are."""

    async def part(self, stream: str, after: int, limit: int) -> Part:
        self.read.append((stream, after))
        if stream not in self.logs:
            raise SessionNotFound(stream)
        events = self.logs[stream][after : after + limit]
        return Part(self.agent, [Record(after + at, "2026-01-01T00:00:00Z", one) for at, one in enumerate(events, 1)])

    async def list(
        self, *, agent: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> tuple[Sequence[Any], str | None]:
        """One session a page."""
        names = [name for name in sorted(self.logs) if name not in self.hidden and name > (cursor or "")]
        page = [Listed(name, len(self.logs[name])) for name in names[:1]]
        return page, names[0] if len(names) > 1 else None

    def unread(self) -> set[str]:
        return self.hidden


def said(*texts: str) -> list[Event]:
    return [MessageReceived(message_id=f"m{at}", text=text, source="http") for at, text in enumerate(texts)]


@dataclass
class Remembered:
    """One process with the memory of `ada`."""

    house: MindHouse
    told: Told
    room: MemoryRoom
    agent: Agent
    memory: AgentMemory

    async def found(self, text: str) -> list[str]:
        """What a question is shown, and what stays out only because it is weak is not asked."""
        recalled = await self.memory.recall(RecallQuery(text, (OWNER,)), SECONDS)
        assert recalled.silent not in ("late", "off"), (recalled.silent, self.memory.trouble)
        return [each.note.text for each in recalled.candidates if not each.left_out]

    async def rest(self) -> None:
        """Until nothing is to be done in the background."""
        async with asyncio.timeout(LIMIT_SECONDS):
            await self.house.clock.advance(1)
            await self.memory.idle()

    def spec(self, block: str) -> Agent:
        """The agent with other settings."""
        return write_agent(self.house.folder, block)


def write_agent(folder: Path, block: str) -> Agent:
    home = folder / "agents" / "ada"
    home.mkdir(parents=True, exist_ok=True)
    head = "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {name: ada}\nspec:\n  model: {provider: demo}\n"
    (home / "agent.yaml").write_text(f"{head}  memory: {block}\n")
    return load_agent(home)


@asynccontextmanager
async def remembered(folder: Path, block: str = "{}", told: Told | None = None) -> AsyncIterator[Remembered]:
    """Leaving the block is the end of the process."""
    told = told or Told()
    agent = write_agent(folder, block)
    async with mind_house(folder) as house:

        def files(name: str) -> MemoryFolder:
            root = folder / "agents" / name / "memory" if name else folder / "world"
            return MemoryFolder(root, zone_of(None), Disk(), is_world=not name)

        chooser = EmbedderChooser(house.clock, {})
        room = MemoryRoom(
            minds=house.minds,
            folder=files,
            index=_index(folder),
            embedder=chooser.embedder_for,
            clock=house.clock,
            spawn=asyncio.ensure_future,
            logs=lambda: told,
            sessions=lambda: told,
            go_on_forgetting=_nothing,
        )
        memory = AgentMemory(room, agent)
        try:
            yield Remembered(house, told, room, agent, memory)
        finally:
            await memory.close()
            await chooser.close()


async def _nothing(agent: str) -> None:
    """No crash came while something was forgotten."""


def _index(folder: Path) -> Callable[[str], Path]:
    def index(agent: str) -> Path:
        place = folder / "streams" / f"mind-{agent}"
        place.mkdir(parents=True, exist_ok=True)
        return place / "index.sqlite"

    return index
