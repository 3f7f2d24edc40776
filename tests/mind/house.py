"""Minds over real files, and what a process that was killed leaves behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from duragent.memory.base import Cause, NewNote
from duragent.memory.folder import MemoryFolder
from duragent.mind.actor import Mind
from duragent.mind.kind import MIND
from duragent.mind.minds import MindPorts, Minds
from duragent.stores.files.disk import Disk
from duragent.stores.files.store import FileStore
from duragent.streams.stream_log import StreamPorts
from duragent.testing import FakeClock


@dataclass
class MindHouse:
    """One process with the minds of a workspace."""

    folder: Path
    minds: Minds
    store: FileStore
    clock: FakeClock

    @property
    def memory(self) -> Path:
        return self.folder / "agents" / "ada" / "memory"

    @property
    def log_file(self) -> Path:
        return self.folder / "streams" / "mind-ada" / "events.jsonl"

    async def ada(self) -> Mind:
        return await self.minds.of("ada")

    async def events(self) -> list[str]:
        return [record.event.type for record in await (await self.ada()).log.records(0, 1000)]


@asynccontextmanager
async def mind_house(folder: Path, node: str = "n1") -> AsyncIterator[MindHouse]:
    """Leaving the block is the end of the process."""
    store, clock = FileStore(folder / "sessions"), FakeClock()
    store.open()
    streams = store.beside(folder / "streams", MIND)

    def memory(agent: str) -> MemoryFolder:
        root = folder / "agents" / agent / "memory" if agent else folder / "world"
        root.mkdir(parents=True, exist_ok=True)
        return MemoryFolder(root, UTC, Disk(), is_world=not agent)

    ports = MindPorts(lambda: StreamPorts(streams, clock, node, asyncio.ensure_future), memory)
    minds = Minds(ports)
    try:
        yield MindHouse(folder, minds, streams, clock)
        await minds.close()
    finally:
        store.close()


def note(text: str, call: str = "c1", **fields: object) -> NewNote:
    return NewNote(text=text, cause=Cause("session_1", 41, call), **fields)  # type: ignore[arg-type]
