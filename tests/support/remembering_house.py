"""A house whose agent remembers for real: minds, notes, an index, the tool `memory`; one process without a door."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from duragent.config import Config, ConfigFile
from duragent.equipment import section_sources
from duragent.journal.events import MemoryRecalled, ToolFinished
from duragent.models.messages import ModelReply, ToolCall
from duragent.remembering import MindChanges, Remembering
from duragent.session.sessions import Sessions
from duragent.stores.files.store import FileStore
from duragent.testing import FakeClock, ScriptedModel
from tests.support.house import House, open_house
from tests.support.logs import QuickDisk
from tests.support.workbench import workbench_in


def call(tool: str = "memory", **arguments: object) -> ModelReply:
    """The model's call of a tool."""
    return ModelReply(
        text="",
        calls=(ToolCall(id="call_1", name=tool, arguments=json.dumps(arguments)),),
        finish_reason="tool_calls",
    )


@dataclass
class RememberingHouse:
    """One process."""

    house: House
    remembering: Remembering
    model: ScriptedModel
    folder: Path

    @property
    def memory(self) -> Path:
        """The agent's notes."""
        return self.folder / "assistant" / "memory"

    async def results(self, session: str) -> list[str]:
        """Of all calls."""
        return [event.content for event in await self.house.events(session) if isinstance(event, ToolFinished)]

    async def recalled(self, session: str) -> list[MemoryRecalled]:
        """What memory gave in it."""
        return [event for event in await self.house.events(session) if isinstance(event, MemoryRecalled)]


@asynccontextmanager
async def remembering_house(
    folder: Path, model: ScriptedModel, rest: str = "  memory: {}", *, clock: FakeClock, node: str = "node-1"
) -> AsyncIterator[RememberingHouse]:
    """Sessions of `assistant`. Leaving the block ends the process. `clock` is none that hurries."""
    store = FileStore(folder / "sessions", disk=QuickDisk())
    store.open()
    config = Config(folder, ConfigFile(workspace=str(folder), agents_dir=str(folder)))
    known: list[House] = []

    class Agents:
        """Those of the house."""

        def get(self, name: str) -> "object":
            return known[0].speakers.get(name)

    def sessions() -> Sessions:
        return known[0].sessions

    remembering = Remembering(config, store, Agents(), clock, node, asyncio.ensure_future, sessions)  # type: ignore[arg-type]
    sources = section_sources(folder.resolve(), MindChanges(remembering))
    bench = replace(workbench_in(folder), sources=sources, factories=remembering.factories())
    try:
        async with open_house(
            store,
            model,
            folder,
            clock=clock,
            node=node,
            agent_rest=rest,
            workbench=bench,
            memories=remembering,
            listeners=(remembering,),
            watched_notes=remembering.watched_notes,
        ) as house:
            known.append(house)
            yield RememberingHouse(house, remembering, model, folder)
            await remembering.close()
    finally:
        store.close()
