"""What outlives a process: the logs, the spool of commands, what tools have done and what people remember.

Whatever a process does that the world can see is a *point*: each write before and after it, each effect before and
after it, each piece of an answer. A process that dies at a point stays there for ever, and so does all else that it has
under way; then the next one opens what is left.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from duragent.clock import ulid_of
from duragent.errors import RunnerLost
from duragent.journal.events import Event, ToolStarted
from duragent.journal.record import Record, crc_seed, decode
from duragent.process.base import CallEvidence, Commands, Finished, Output
from duragent.sandboxes.base import Command
from duragent.stores.base import SESSION, Claim, StreamKind
from duragent.stores.memory import MemoryStore
from tests.campaigns.turns_loop import LoopClock
from tests.campaigns.turns_plan import Happening, Plan


def session_key(number: int) -> str:
    return f"session-{number}"


@cache
def session_id(number: int) -> str:
    """Under the same key it is always the same session."""
    return f"session_{ulid_of(session_key(number))}"


@dataclass
class World:
    """See the module docstring. `effects` are the calls that took effect, once for each time."""

    plan: Plan
    store: "DyingStore" = field(init=False)
    spool: "FakeSpool" = field(init=False)
    chance: random.Random = field(init=False)
    clock: LoopClock = field(default_factory=LoopClock)
    effects: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    always: list[str] = field(default_factory=list)
    """Patterns that a person has allowed for ever; they are in a file of the agent's."""
    requests: int = 0
    failed: list[str] = field(default_factory=list)
    """How questions to the model have failed by themselves."""
    points: int = 0
    points_of_life: int = 0
    lives: int = 0
    crashes: int = 0
    died: asyncio.Event = field(default_factory=asyncio.Event)
    told_to_stop: asyncio.Event = field(default_factory=asyncio.Event)
    on_happening: Callable[[Happening], None] = field(default=lambda _: None)
    _records: dict[str, list[Record]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store, self.spool = DyingStore(self), FakeSpool(self)
        self.chance = random.Random(self.plan.seed)

    async def point(self) -> None:
        """Here the process may die; one that is dead never comes back from here."""
        if self.passes_point():
            await asyncio.Event().wait()
        for _ in range(self.chance.choice((0, 0, 0, 1, 2))):
            # Who comes first is a matter of chance.
            await asyncio.sleep(0)

    def passes_point(self) -> bool:
        """For what blocks: whether the process is dead behind this point."""
        if not self.died.is_set():
            self.points += 1
            self.points_of_life += 1
            for happening in self.plan.happenings:
                if happening.at == self.points:
                    self.on_happening(happening)
            if self.points == self.plan.lose_at:
                self.spool.crash("runners")
            self._end_life()
        return self.died.is_set()

    def _end_life(self) -> None:
        if self.lives > len(self.plan.ends):
            return
        end = self.plan.ends[self.lives - 1]
        if end.grace is not None and self.points_of_life == end.at:
            self.told_to_stop.set()
        dies_at = end.at if end.grace is None else end.at + end.then if end.then else None
        if self.points_of_life == dies_at:
            self.died.set()
            self.crashes += 1
            self.spool.crash(self.plan.takes_along)

    async def take_effect(self, name: str, call: str, attempt: int) -> None:
        await self.point()
        self.done(name, call, attempt)
        await self.point()

    def done(self, name: str, call: str, attempt: int) -> None:
        started = (event for event in self.events(name) if isinstance(event, ToolStarted))
        if not any(event.call == call and event.attempt == attempt for event in started):
            self.faults.append(f"{call} took effect without tool_started for attempt {attempt}")
        self.effects.append(call)

    def events(self, name: str = "") -> list[Event]:
        """Of one session; without a name, of all."""
        names = [name] if name else [session_id(number) for number in range(len(self.plan.scripts))]
        return [record.event for each in names for record in self.records(each)]

    def records(self, name: str) -> list[Record]:
        """The log as it is in the store."""
        stream = self.store.streams.get(name)
        if stream is None:
            return []
        known, seed = self._records.setdefault(name, []), crc_seed(name)
        known += [decode(line, seed, stream.blobs.__getitem__) for line in stream.lines[len(known) :]]
        return known


class DyingStore(MemoryStore):
    """Each write is two points: before it nothing is stored, behind it everything is, without an acknowledgement."""

    def __init__(self, world: World, kind: StreamKind = SESSION) -> None:
        super().__init__(kind)
        self._world = world

    @property
    def streams(self) -> dict[str, Any]:
        return self._streams

    async def create(self, session_id: str, lines: Sequence[bytes]) -> Claim:
        await self._world.point()
        claim = await super().create(session_id, lines)
        await self._world.point()
        return claim

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        await self._world.point()
        await super().append(claim, lines, expect=expect)
        await self._world.point()

    async def put_blob(self, claim: Claim, sha256: str, data: bytes) -> None:
        await self._world.point()
        await super().put_blob(claim, sha256, data)
        await self._world.point()

    async def put_partial(self, claim: Claim, data: bytes, *, append: bool) -> None:
        await self._world.point()
        await super().put_partial(claim, data, append=append)
        await self._world.point()

    async def put_snapshot(self, claim: Claim, data: bytes) -> None:
        await self._world.point()
        await super().put_snapshot(claim, data)

    async def put_index(self, data: bytes) -> None:
        await self._world.point()
        await super().put_index(data)


class FakeSpool:
    """Commands that go on when the process dies: each is `made`, then it runs (and has taken effect), then it ended."""

    def __init__(self, world: World) -> None:
        self.id = "spool_1"
        self.world = world
        self.stages: dict[tuple[str, str], str] = {}

    async def ready(self) -> None:
        pass

    def commands(self, session_id: str, call: str, show: Callable[[str], None] = lambda _: None) -> Commands:
        return FakeCommands(self, (session_id, call))

    async def evidence(self, session_id: str, call: str, spool_id: str) -> CallEvidence:
        await self.world.point()
        stage = self.stages.get((session_id, call), "absent")
        if spool_id != self.id or stage == "lost":
            return "unknown"
        if stage in ("absent", "made", "voided"):
            self.stages[session_id, call] = "voided"
            return "never_started"
        return "running" if stage == "running" else "finished"

    async def forget(self, session_id: str, call: str) -> None:
        await self.world.point()
        self.stages.pop((session_id, call), None)

    async def sweep(self, known: Callable[[str, str], bool]) -> int:
        await self.world.point()
        left = [key for key in self.stages if not known(*key)]
        for key in left:
            self.stages.pop(key)
        return len(left)

    def crash(self, takes_along: str) -> None:
        if takes_along == "spool":
            self.id += "1"
            self.stages.clear()
        elif takes_along == "runners":
            self.stages = {key: "lost" if stage == "running" else stage for key, stage in self.stages.items()}


class FakeCommands:
    def __init__(self, spool: FakeSpool, key: tuple[str, str]) -> None:
        self._spool, self._key = spool, key

    async def run(self, command: Command, *, timeout_seconds: float) -> Finished:
        spool, world = self._spool, self._spool.world
        if world.plan.runners_die:
            raise RunnerLost("its runner is gone")
        if self._stage in ("absent", "voided"):
            await world.point()
            spool.stages[self._key] = "made"
            await world.point()
            if self._stage == "made":
                world.done(*self._key, int(command.argv[0]))
                spool.stages[self._key] = "running"
            await world.point()
        await world.clock.sleep(world.chance.choice((0, 0, 1, 8)))
        if self._stage == "lost":
            raise RunnerLost("its runner is gone")
        if self._stage == "running":
            spool.stages[self._key] = "ended"
        await world.point()
        return Finished("cancelled" if self._stage == "cancelled" else "exited", 0, Output(), Output())

    async def end(self) -> None:
        await self._spool.world.point()
        if self._stage in ("made", "running"):
            self._spool.stages[self._key] = "cancelled"

    @property
    def _stage(self) -> str:
        return self._spool.stages.get(self._key, "absent")
