"""The memories of a server's agents: each is opened with its agent's first question, and listens to its sessions.

The law: an agent without `spec.memory` has none here, and costs nothing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from duragent.agent.load import Agent
from duragent.errors import DuragentError
from duragent.memory.base import Memory
from duragent.mind.agent_memory import AgentMemory, MemoryRoom

KNOWN_SESSIONS = 10_000
"""Of so many sessions it is remembered whose they are."""
KNOWN_READS = 1_000
"""Of so many sessions it is remembered what they read last."""
IDLE_CHECK_SECONDS = 60.0


class AgentMemories:
    """A `Memories`, and a listener of `subscribers`."""

    def __init__(self, room: MemoryRoom, name_of: Callable[[str], str]) -> None:
        """`name_of` gives the name that an agent has now. Raises AgentNotFound, AgentBroken."""
        self.room = room
        room.minds.written = self._written
        self._name_of = name_of
        self._memories: dict[str, AgentMemory] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._agents: OrderedDict[str, str] = OrderedDict()
        self._told: dict[str, int] = {}
        self._routing: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._reads: OrderedDict[str, dict[str, str]] = OrderedDict()

    def of(self, agent: Agent) -> Memory | None:
        """See `Memories`."""
        return self.memory(agent)

    def memory(self, agent: Agent) -> AgentMemory | None:
        """The same, with all that can be done with it."""
        there = self._memories.get(agent.name)
        if there is not None and there.spec == agent.spec.memory:
            there.agent = agent
            return there
        if there is not None:
            closing = self.room.spawn(self._memories.pop(agent.name).close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        if agent.spec.memory is None:
            return None
        if self._keeping is None:
            self._keeping = self.room.spawn(self._keep())
        made = self._memories[agent.name] = AgentMemory(self.room, agent)
        return made

    @property
    def opened(self) -> list[str]:
        """The names of the agents whose memories are open, or are being opened."""
        return list(self._memories)

    def trouble(self, agent: str) -> str:
        """What is wrong with the memory of an agent; "" when nothing is, or it was not opened."""
        memory = self._memories.get(agent)
        return memory.trouble if memory is not None else ""

    def read_by(self, session_id: str) -> dict[str, str]:
        """What a session read last of files that it may replace: their SHA-256, by name. The caller changes it."""
        read = self._reads.setdefault(session_id, {})
        self._reads.move_to_end(session_id)
        while len(self._reads) > KNOWN_READS:
            self._reads.popitem(last=False)
        return read

    def _written(self, agent: str) -> None:
        for name, memory in self._memories.items():
            if agent in ("", name):
                memory.wake(notes=True)

    # --- listening --------------------------------------------------------------------------------------------------

    def told(self, stream: str, head: int) -> None:
        """See `Listener`."""
        if not self._memories:
            return
        self._told[stream] = head
        if self._routing is None or self._routing.done():
            self._routing = self.room.spawn(self._route())

    async def _route(self) -> None:
        while self._told:
            stream = next(iter(self._told))
            head = self._told.pop(stream)
            agent = await self._agent_of(stream, head)
            if agent in self._memories:
                self._memories[agent].told(stream, head)
            elif head == 0:
                for memory in list(self._memories.values()):
                    memory.told(stream, 0)

    async def _agent_of(self, stream: str, head: int) -> str:
        """The name of the agent of the session; "" when it is not known."""
        if head == 0:
            self._reads.pop(stream, None)
            return self._agents.pop(stream, "")
        if stream not in self._agents:
            try:
                self._agents[stream] = self._name_of((await self.room.logs().part(stream, head, 1)).agent)
            except DuragentError:
                return ""
            while len(self._agents) > KNOWN_SESSIONS:
                self._agents.popitem(last=False)
        return self._agents[stream]

    async def _keep(self) -> None:
        while True:
            await self.room.clock.sleep(IDLE_CHECK_SECONDS)
            await self.room.minds.tick_idle()

    async def close(self) -> None:
        """End what is under way: first what reads, then the writers."""
        tasks = [task for task in (self._routing, self._keeping) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._closing, return_exceptions=True)
        for memory in list(self._memories.values()):
            await memory.close()
        self._memories.clear()
        await self.room.minds.close()
