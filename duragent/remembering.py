"""What agents remember, wired: made when the first agent with `spec.memory` is asked, and not before.

The law: where no agent remembers, nothing of it is imported, opened or started, and no file is made.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duragent.agent.load import Agent
from duragent.clock import Clock
from duragent.config import Config
from duragent.errors import AgentBroken, AgentNotFound, DuragentError

if TYPE_CHECKING:
    from duragent.agent.memory_spec import EmbeddingSpec
    from duragent.embedders.breaker import Guarded
    from duragent.embedders.choose import EmbedderChooser
    from duragent.memory.base import Memory
    from duragent.memory.folder import MemoryFolder
    from duragent.memory.prose import SummaryBudget
    from duragent.memory.recall import NoteRecall
    from duragent.mind.agent_memory import AgentMemory
    from duragent.mind.forgetting import Forgetter
    from duragent.mind.memories import AgentMemories
    from duragent.mind.session_logs import ListedSessions
    from duragent.server.memories import ServedMemories
    from duragent.session.sessions import Sessions
    from duragent.stores.files.store import FileStore
    from duragent.streams.stream_log import StreamPorts
    from duragent.subscribers.base import LogSource
    from duragent.tools.base import AnyTool, ToolOwner
    from duragent.tools.toolset import Factories
    from duragent.turn.ports import Agents

OPEN_SECONDS = 10.0
"""So long a turn waits for a memory that is opened, at most."""

_log = logging.getLogger(__name__)


@dataclass
class Remembering:
    """The `Memories` of a server, its listener, and the factory of the tool."""

    config: Config
    """Where things are."""
    store: "FileStore"
    """The sessions' store; streams rest beside it."""
    agents: "Agents"
    """The agents by name."""
    clock: Clock
    """The source of time."""
    node: str
    """Names this process in logs."""
    spawn: "Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]"
    """Starts a task of the server's."""
    sessions: "Callable[[], Sessions]"
    """The sessions; called when the first agent is asked."""
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    """On which everything runs but what threads ask for."""
    _logs: "LogSource | None" = None
    _made: "AgentMemories | None" = None
    _chooser: "EmbedderChooser | None" = None
    _forgets: "Forgetter | None" = None

    # --- what sessions know of it -----------------------------------------------------------------------------------

    def of(self, agent: Agent) -> "Memory | None":
        """See `Memories`."""
        return None if agent.spec.memory is None else self.memories.of(agent)

    def told(self, stream: str, head: int) -> None:
        """See `Listener`."""
        if self._made is not None:
            self._made.told(stream, head)

    async def run(self, source: "LogSource") -> None:
        """See `Listener`. There is no task while nothing is to be read."""
        self._logs = source

    def factories(self) -> "Factories":
        """The tool `memory`."""

        def memory(owner: "ToolOwner") -> "AnyTool":
            from duragent.tools.memory import MemoryTool

            if owner.agent.spec.memory is None or not owner.session_id:
                return MemoryTool()
            from duragent.session.session_memory import SessionMemory

            return MemoryTool(
                SessionMemory(lambda: self.memory(owner.agent), owner.session_id, self.sessions, self._read_by)
            )

        return {"memory": memory}

    def summary_budget(self, agent: Agent) -> "SummaryBudget | None":
        """See `Ports.summary_budget`."""
        if agent.spec.memory is None:
            return None
        from duragent.mind.budget import DayBudget

        return DayBudget(self.memory(agent).mind, agent.spec.memory.sleep, self.clock)

    def _read_by(self, session_id: str) -> dict[str, str]:
        return self.memories.read_by(session_id)

    @asynccontextmanager
    async def watched_notes(self, agent: Agent, attached: bool = False) -> AsyncIterator[None]:
        """See `Ports.watched_notes`. A memory that cannot be opened holds no command up."""
        from duragent.mind.commands import watched

        async with AsyncExitStack() as stack:
            try:
                memory = await self.opened(agent)
                await stack.enter_async_context(watched(await memory.mind(), attached=attached))
                if memory.world.root.is_dir():
                    await stack.enter_async_context(watched(await memory.world_mind(), attached=attached))
            except DuragentError as error:
                _log.warning("the memory of agent %s cannot be opened: %s", agent.name, error)
            yield

    async def opened(self, agent: Agent) -> "AgentMemory":
        """The same as `memory`, ready to be searched. Raises what `Minds.of` raises."""
        memory = self.memory(agent)
        await memory.open()
        return memory

    def memory(self, agent: Agent) -> "AgentMemory":
        """The memory of an agent that has `spec.memory`."""
        found = self.memories.memory(agent)
        assert found is not None
        return found

    def served(self) -> "ServedMemories":
        """What the HTTP routes work with."""
        from duragent.server.memories import ServedMemories

        async def recall(agent: str) -> "NoteRecall":
            return (await self.opened(self.agents.get(agent))).notes

        def trouble(agent: str) -> str:
            return self._made.trouble(agent) if self._made is not None else ""

        return ServedMemories(lambda: self.memories.room.minds, recall, self._forgetter, self.renew, trouble)

    async def close(self) -> None:
        """End what is under way, and give the minds back."""
        if self._made is not None:
            await self._made.close()
        if self._chooser is not None:
            await self._chooser.close()

    # --- what is made with the first agent that remembers -----------------------------------------------------------

    @property
    def memories(self) -> "AgentMemories":
        """All of it."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> "AgentMemories":
        from duragent.mind.agent_memory import MemoryRoom
        from duragent.mind.memories import AgentMemories
        from duragent.mind.minds import MindPorts, Minds

        room = MemoryRoom(
            minds=Minds(MindPorts(self._streams, self._folder)),
            folder=self._folder,
            index=self._index,
            embedder=self._embedder,
            clock=self.clock,
            spawn=self.spawn,
            logs=self._log_source,
            sessions=self._listed,
            go_on_forgetting=self._go_on_forgetting,
        )
        return AgentMemories(room, lambda name: self.agents.get(name).name)

    def _forgetter(self) -> "Forgetter":
        if self._forgets is None:
            from duragent.mind.forgetting import Forgetter
            from duragent.session.note_traces import NoteTraces

            traces = NoteTraces(self.sessions, lambda name: _names_of(self.agents.get(name)))
            self._forgets = Forgetter(lambda: self.memories.room.minds, traces, self.renew)
        return self._forgets

    async def _go_on_forgetting(self, agent: str) -> None:
        try:
            await self._forgetter().go_on(agent)
        except DuragentError as error:
            _log.warning("what was to be forgotten is not gone yet; it is tried again at the next start: %s", error)

    async def renew(self, agent: str, session_id: str = "", *, deleted: bool = False) -> None:
        """Make an agent's index again, without what is gone; with "" as its name, those of all agents.

        `session_id`: what is said there is read again, or it was `deleted`. Where there is no index none is made.
        """
        # One that is made for the first time right now may have read what is gone: it has a file beside, or none yet.
        folders = {path.parent for path in self.config.streams_dir.glob("mind-*/index.sqlite*")}
        opened = {self._index(name).parent for name in self._made.opened} if self._made is not None else set()
        for index in (folder / "index.sqlite" for folder in sorted(folders | opened)):
            name = index.parent.name.removeprefix("mind-")
            if agent and name not in (agent, self._named(agent)):
                continue
            of = self._known(name)
            if of is not None and of.spec.memory is not None and self._index(of.name) == index:
                await (await self.opened(of)).renew(session_id, deleted=deleted)
            else:
                from duragent.memory.index_schema import remove_index

                # No agent reads it, and it can be made again.
                for file in (index, index.with_name(f"{index.name}.new")):
                    await asyncio.to_thread(remove_index, file)

    def _known(self, name: str) -> Agent | None:
        try:
            return self.agents.get(name)
        except (AgentNotFound, AgentBroken):
            return None

    def _named(self, agent: str) -> str:
        """The name that it has now."""
        return found.name if (found := self._known(agent)) is not None else agent

    def _streams(self) -> "StreamPorts":
        from duragent.mind.kind import MIND
        from duragent.streams.stream_log import StreamPorts

        return StreamPorts(self.store.beside(self.config.streams_dir, MIND), self.clock, self.node, self.spawn)

    def _index(self, agent: str) -> Path:
        from duragent.mind.kind import stream_of

        return self.config.streams_dir / stream_of(agent) / "index.sqlite"

    def _folder(self, agent: str) -> "MemoryFolder":
        from duragent.memory.folder import MemoryFolder
        from duragent.memory.zone import zone_of

        if agent:
            of = self.agents.get(agent)
            root, zone = of.folder / "memory", of.spec.memory.timezone if of.spec.memory else None
        else:
            root, zone = self.config.world_dir, None
        return MemoryFolder(root, zone_of(zone), self.store.disk, is_world=not agent)

    def _embedder(self, spec: "EmbeddingSpec") -> "Guarded":
        import os

        from duragent.embedders.choose import EmbedderChooser

        if self._chooser is None:
            hosts = self.config.file.web.allow_hosts
            self._chooser = EmbedderChooser(self.clock, self.config.keys(os.environ), hosts)
        return self._chooser.embedder_for(spec)

    def _log_source(self) -> "LogSource":
        from duragent.session.log_source import SessionLogs

        return self._logs or SessionLogs(self.sessions().live)

    def _listed(self) -> "ListedSessions":
        return self.sessions()


@dataclass(frozen=True)
class MindChanges:
    """The `KnownChanges` of `equipment`."""

    remembering: Remembering
    """Whose minds know them."""

    def may_show(self, agent: Agent, file: str) -> bool:
        """See `KnownChanges`. Opens the memory, before a search needs it."""
        opened = asyncio.run_coroutine_threadsafe(self.remembering.opened(agent), self.remembering.loop)
        try:
            return opened.result(OPEN_SECONDS).attributed(file)
        except (DuragentError, TimeoutError) as error:
            _log.warning("the memory of agent %s cannot be opened: %s", agent.name, error)
            return False

    def own_since(self, agent: Agent, file: str, sha256: str) -> str | None:
        """See `KnownChanges`. What `may_show` opened is looked at."""
        mind = self.remembering.memories.room.minds.loaded(agent.name)
        return mind.state.own_since(file, sha256) if mind is not None else None


def _names_of(agent: Agent) -> tuple[str, ...]:
    return (agent.name, *agent.metadata.aliases)
