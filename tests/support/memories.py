"""ServedMemories of the agents of a `House`, over real files, for tests of the door and of commands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path

from duragent.agent.memory_spec import MemorySpec
from duragent.memory.base import Cause, NewNote
from duragent.memory.folder import MemoryFolder
from duragent.memory.recall import FolderNotes, NoteRecall
from duragent.mind.actor import Mind
from duragent.mind.forgetting import Forgetter
from duragent.mind.kind import MIND, stream_of
from duragent.mind.minds import MindPorts, Minds
from duragent.server.memories import ServedMemories
from duragent.session.note_traces import NoteTraces
from duragent.stores.files.disk import Disk
from duragent.stores.files.store import FileStore
from duragent.streams.stream_log import StreamPorts
from tests.support.http_house import AGENT, House

REMEMBERS = AGENT + "  memory: {{}}\n"


@dataclass
class Remembering:
    """A house with an agent `ada` that has a memory."""

    house: House
    memories: ServedMemories
    folder: Path

    @property
    def memory(self) -> Path:
        return self.folder / "agents" / "ada" / "memory"

    async def ada(self) -> Mind:
        return await self.memories.minds().of("ada")

    async def remember(self, text: str, call: str = "c1", **fields: object) -> str:
        """A note of the agent's; its id."""
        session_id, seq = str(fields.pop("session", "session_1")), int(str(fields.pop("seq", 1)))
        new = NewNote(text, cause=Cause(session_id, seq, call), **fields)  # type: ignore[arg-type]
        note, _ = await (await self.ada()).remember(new)
        return note.id

    async def waits(self, text: str, call: str = "c1", **fields: object) -> str:
        return await self.remember(text, call, trust="unreviewed", **fields)


@asynccontextmanager
async def remembering(house: House, folder: Path) -> AsyncIterator[Remembering]:
    """Leaving the block ends the memories."""
    house.write_agent("ada", REMEMBERS.format(name="ada"))
    await asyncio.to_thread(house.dependencies.catalog.reload)
    store = FileStore(folder / "sessions")
    store.open()
    streams, recalls = store.beside(folder / "streams", MIND), dict[str, NoteRecall]()

    def memory(agent: str) -> MemoryFolder:
        root = folder / "agents" / agent / "memory" if agent else folder / "memory" / "world"
        root.mkdir(parents=True, exist_ok=True)
        return MemoryFolder(root, UTC, Disk(), is_world=not agent)

    async def recall(agent: str) -> NoteRecall:
        if agent not in recalls:
            path = folder / "streams" / stream_of(agent) / "index.sqlite"
            sources = [FolderNotes(memory(agent)), FolderNotes(memory(""))]
            recalls[agent] = NoteRecall(path, MemorySpec(), sources, house.clock)
        return recalls[agent]

    minds = Minds(MindPorts(lambda: StreamPorts(streams, house.clock, "test", asyncio.ensure_future), memory))

    async def renew(agent: str, session_id: str = "", *, deleted: bool = False) -> None:
        for each in [agent] if agent else recalls:
            await (await recall(each)).rewrite()

    traces = NoteTraces(lambda: house.sessions, lambda name: (name,))
    forgetter = Forgetter(lambda: minds, traces, renew)
    memories = ServedMemories(lambda: minds, recall, lambda: forgetter, renew)
    house.dependencies = replace(house.dependencies, memories=memories)
    before, house.http = house.http, house.with_dependencies()
    await before.aclose()
    try:
        yield Remembering(house, memories, folder)
    finally:
        for each in recalls.values():
            each.close()
        await minds.close()
        store.close()
