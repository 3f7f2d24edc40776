"""The minds of a server: opened when they are needed, one for each agent and one for what all share.

The law: a mind is opened, compared with its files, unloaded and closed under its lock; there is never a second writer.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from duragent.clock import Clock
from duragent.errors import Damaged, DuragentError, NotDamaged, Stopping, Unavailable
from duragent.journal.mind.events import MindCreated
from duragent.memory.folder import MemoryFolder
from duragent.mind.actor import Mind
from duragent.mind.commands import after_start
from duragent.mind.kind import MIND, MIND_FOLD, stream_of
from duragent.mind.pending import drop_old, has_old
from duragent.shield import to_its_end
from duragent.streams.repair import mend_stream
from duragent.streams.stream_log import StreamLog, StreamPorts

IDLE_SECONDS = 600.0
"""After so long without use a mind is unloaded."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MindPorts:
    """What the minds need of the rooms around them."""

    streams: Callable[[], StreamPorts]
    """Ports to the streams; called when the first mind is opened."""
    folder: Callable[[str], MemoryFolder]
    """The memory folder of an agent; "" is what all agents share. Raises AgentNotFound, AgentBroken."""


class Minds:
    """`async with` is not needed: `close` gives all of them back."""

    def __init__(self, ports: MindPorts) -> None:
        self._ports = ports
        self._streams: StreamPorts | None = None
        self._minds: dict[str, Mind] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._stopping = False
        self.written: Callable[[str], None] = lambda agent: None
        """Called with the agent's name, or "" for the world's, after each operation that may have changed notes."""

    def __iter__(self) -> Iterator[Mind]:
        """Those in memory now."""
        return iter(list(self._minds.values()))

    def loaded(self, agent: str) -> Mind | None:
        """The mind of an agent, or with "" the world's, if it is in memory."""
        return self._minds.get(agent)

    async def world(self) -> Mind:
        """What all agents share. Raises as `of`."""
        return await self.of("")

    async def of(self, agent: str) -> Mind:
        """The mind of an agent; one that the disk failed is opened again.

        Raises AgentNotFound, AgentBroken, Unavailable, StoreFull, Stopping.
        """
        async with self._lock(agent):
            mind = self._minds.get(agent)
            if mind is not None and not isinstance(mind.log.problem, Unavailable):
                mind.last_used = self._of_streams().clock.monotonic()
                return mind
            if self._stopping:
                raise Stopping
            if mind is not None:
                await self._minds.pop(agent).log.close()
            return await to_its_end(self._open(agent))

    async def _open(self, agent: str) -> Mind:
        ports, folder = self._of_streams(), self._ports.folder(agent)
        log = await StreamLog.open_or_create(ports, stream_of(agent), MIND_FOLD, lambda: [MindCreated(agent=agent)])
        try:
            mind = Mind(log, folder, ports.clock)
            mind.written = lambda: self.written(agent)
            if log.problem is None:
                await after_start(mind)
                await _tidy(mind, ports.clock)
        except BaseException:
            await log.close()
            raise
        self._minds[agent] = mind
        return mind

    async def repair(self, agent: str) -> None:
        """Let a damaged log go on behind its last good record. Raises NotDamaged, Damaged where it cannot be done."""
        async with self._lock(agent):
            if (mind := self._minds.pop(agent, None)) is not None:
                await mind.log.close()
            ports, name = self._of_streams(), stream_of(agent)
            damage: Damaged | None = None
            try:
                await ports.store.verify(name)
            except Damaged as error:
                damage = error
            claim = await ports.store.claim(name)
            damage = claim.damage or damage
            if damage is None:
                await ports.store.release(claim)
                raise NotDamaged(name, MIND.name)
            await mend_stream(ports, claim, MIND_FOLD, damage)

    async def tick_idle(self) -> None:
        """Unload those that were not used for long; one with a problem stays, so that the problem stays known.

        What has waited for a person for too long is dropped.
        """
        for agent, mind in list(self._minds.items()):
            async with self._lock(agent):
                if mind.log.problem is None and has_old(mind, self._of_streams().clock.now()):
                    await _tidy(mind, self._of_streams().clock)
                old = self._of_streams().clock.monotonic() - IDLE_SECONDS
                if mind.last_used < old and not mind.busy and mind.log.problem is None:
                    self._minds.pop(agent, None)
                    await mind.log.close()

    async def close(self) -> None:
        """Open none any more; let what is under way end, and give all claims back."""
        self._stopping = True
        for agent in list(self._minds):
            async with self._lock(agent):
                if (mind := self._minds.pop(agent, None)) is not None:
                    await mind.close()

    def _of_streams(self) -> StreamPorts:
        if self._streams is None:
            self._streams = self._ports.streams()
        return self._streams

    def _lock(self, agent: str) -> asyncio.Lock:
        return self._locks.setdefault(agent, asyncio.Lock())


async def _tidy(mind: Mind, clock: Clock) -> None:
    """Drop what has waited too long. Where that cannot be done now, the mind is opened all the same."""
    try:
        await drop_old(mind, clock.now())
    except (DuragentError, OSError) as error:
        _log.warning("notes of %s that wait for a review were not dropped: %s", mind.log.name, error)
