"""A process that dies at a chosen point, again and again, and what is left of its turn: the simulator of tool calls.

A `World` outlives its processes: the log, the spool of commands, and what tools have done. Whatever a process does that
the world can see is a *point*: each write before and after it, each effect before and after it. A process that dies at
a point stays there for ever, and so does all else that it has under way; then the next one opens what is left.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from duragent.agent.load import Agent, load_agent
from duragent.agent.surroundings import Surroundings
from duragent.errors import AlreadyDecided, NothingToDo, RunnerLost
from duragent.journal.events import (
    Event,
    ToolStarted,
)
from duragent.journal.inputs import Cancel, Decision, Message
from duragent.journal.record import Record, crc_seed, decode
from duragent.journal.state import SessionState
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest, ToolCall
from duragent.policy.files import load_policy
from duragent.policy.tiers import Policy
from duragent.process.base import CallEvidence, Commands, Finished, Output
from duragent.process.spool import Spool
from duragent.sandboxes.base import Command
from duragent.sandboxes.settings import SandboxSettings
from duragent.session.means import Means
from duragent.session.ports import Ports
from duragent.session.sessions import NewSession, Sessions
from duragent.session.settings import SessionsSettings
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult
from duragent.tools.toolset import Toolset
from tests.context.wellformed import refusal
from tests.session.house import Speakers, write_agent

Mode = Literal["ask", "dangerous"]
Along = Literal["", "runners", "spool"]

LIFE_SECONDS = 15.0
REPEATABLE = ("pure", "idempotent")
ACTS = ("look", "peek", "put", "send", "pay", "run")


@dataclass(frozen=True)
class Plan:
    """What is to happen. `calls` are the tools that the model asks for in one reply; a name with `_asked` needs a yes.

    `crashes`: for each process, at which of its points it dies. `takes_along`: what else a crash destroys.
    `message_at`, `cancel_at`, and `lose_at` where all runners are killed, count the points of all processes together.
    `seed` decides what people answer.
    """

    calls: tuple[str, ...]
    crashes: tuple[int, ...] = ()
    takes_along: Along = ""
    message_at: int | None = None
    cancel_at: int | None = None
    lose_at: int | None = None
    mode: Mode = "ask"
    seed: int = 0


@dataclass
class World:
    """What outlives a process. `effects` are the calls that took effect, once for each time."""

    plan: Plan
    store: "DyingStore" = field(init=False)
    spool: "FakeSpool" = field(init=False)
    clock: FakeClock = field(default_factory=lambda: FakeClock(hurried=True))
    effects: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    points: int = 0
    points_of_life: int = 0
    lives: int = 0
    died: asyncio.Event = field(default_factory=asyncio.Event)
    on_point: Callable[[int], None] = field(default=lambda _: None)

    def __post_init__(self) -> None:
        self.store, self.spool = DyingStore(self), FakeSpool(self)
        self.random = random.Random(self.plan.seed)

    async def point(self) -> None:
        """Here the process may die; one that is dead never comes back from here."""
        if not self.died.is_set():
            self.points += 1
            self.points_of_life += 1
            self.on_point(self.points)
            if self.points == self.plan.lose_at:
                self.spool.crash("runners")
            crashes = self.plan.crashes
            if self.lives <= len(crashes) and self.points_of_life == crashes[self.lives - 1]:
                self.died.set()
                self.spool.crash(self.plan.takes_along)
        if self.died.is_set():
            await asyncio.Event().wait()

    async def take_effect(self, call: str, attempt: int) -> None:
        await self.point()
        self.done(call, attempt)
        await self.point()

    def done(self, call: str, attempt: int) -> None:
        started = [event for event in self.events() if isinstance(event, ToolStarted)]
        if not any(event.call == call and event.attempt == attempt for event in started):
            self.faults.append(f"{call} took effect without tool_started for attempt {attempt}")
        self.effects.append(call)

    def events(self) -> list[Event]:
        return [record.event for record in self.records()]

    def records(self) -> list[Record]:
        """The log as it is in the store."""
        for session_id, stream in self.store._streams.items():
            seed = crc_seed(session_id)
            return [decode(line, seed, stream.blobs.__getitem__) for line in stream.lines]
        return []


class DyingStore(MemoryStore):
    """Each write is two points: before it nothing is stored, behind it everything is and nobody knows."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def create(self, session_id: str, lines: Sequence[bytes]) -> Claim:
        await self._world.point()
        claim = await super().create(session_id, lines)
        await self._world.point()
        return claim

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        await self._world.point()
        await super().append(claim, lines, expect=expect)
        await self._world.point()

    async def put_snapshot(self, claim: Claim, data: bytes) -> None:
        if not self._world.died.is_set():
            await super().put_snapshot(claim, data)


# --- tools ----------------------------------------------------------------------------------------------------------


class Deed(Tool["Deed.Arguments"]):
    """Do something."""

    class Arguments(ToolArguments):
        number: int

    def __init__(self, world: World, name: str) -> None:
        self.name, self._world = name, world
        kinds: dict[str, Any] = {"look": "pure", "peek": "pure", "put": "idempotent", "pay": "never"}
        self.effect = kinds.get(name.removesuffix("_asked"), "unsafe")
        self.by_command = name.startswith(("run", "peek"))

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        if not self.by_command:
            await self._world.take_effect(context.call.call, context.call.attempt)
            return ToolResult("done")
        command = Command((str(context.call.attempt),), Path("/"), {}, b"")
        finished = await context.commands.run(command, timeout_seconds=60)
        return ToolResult("done", "ok" if finished.ending == "exited" else finished.ending)


NAMES = tuple(f"{name}{asked}" for name in ACTS for asked in ("", "_asked"))


class FakeSpool:
    """Commands that go on when the process dies: each is `made`, then it runs (and has taken effect), then it ended."""

    def __init__(self, world: World) -> None:
        self.id = "spool_1"
        self.world = world
        self.stages: dict[str, str] = {}

    def commands(self, session_id: str, call: str, show: Callable[[str], None] = lambda _: None) -> Commands:
        return FakeCommands(self, call)

    async def evidence(self, session_id: str, call: str, spool_id: str) -> CallEvidence:
        await self.world.point()
        stage = self.stages.get(call, "absent")
        if spool_id != self.id or stage == "lost":
            return "unknown"
        if stage in ("absent", "made", "voided"):
            self.stages[call] = "voided"
            return "never_started"
        return "running" if stage == "running" else "finished"

    async def forget(self, session_id: str, call: str) -> None:
        await self.world.point()
        self.stages.pop(call, None)

    def crash(self, takes_along: str) -> None:
        if takes_along == "spool":
            self.id += "1"
            self.stages.clear()
        elif takes_along == "runners":
            self.stages = {call: "lost" if stage == "running" else stage for call, stage in self.stages.items()}


class FakeCommands:
    def __init__(self, spool: FakeSpool, call: str) -> None:
        self._spool, self._call = spool, call

    async def run(self, command: Command, *, timeout_seconds: float) -> Finished:
        spool, call = self._spool, self._call
        if spool.stages.get(call, "voided") == "voided":
            await spool.world.point()
            spool.stages[call] = "made"
            await spool.world.point()
            if spool.stages.get(call) == "made":
                spool.world.done(call, int(command.argv[0]))
                spool.stages[call] = "running"
            await spool.world.point()
        if spool.stages.get(call) == "lost":
            raise RunnerLost("its runner is gone")
        if spool.stages.get(call) == "running":
            spool.stages[call] = "ended"
        await spool.world.point()
        return Finished("cancelled" if spool.stages.get(call) == "cancelled" else "exited", 0, Output(), Output())

    async def end(self) -> None:
        await self._spool.world.point()
        if self._spool.stages.get(self._call) in ("made", "running"):
            self._spool.stages[self._call] = "cancelled"


@dataclass(frozen=True, slots=True)
class FakeMeans(Means):
    """Means with given tools and a given policy."""

    tools: Toolset = field(default_factory=Toolset)
    judged_by: Policy | None = None

    async def gather(self, agent: Agent) -> tuple[Toolset, Surroundings]:
        return self.tools, Surroundings()

    async def policy(self, agent: Agent) -> Policy:
        assert self.judged_by is not None
        return self.judged_by


class Caller:
    """A model that asks for the plan's calls once, and then says that it is done. It refuses what providers refuse."""

    label = "caller"

    def __init__(self, world: World) -> None:
        self._world = world

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        if refused := refusal(request):
            self._world.faults.append(f"a provider refuses the request: {refused.message}")
        yield ModelDelta(text="w")
        if any(message.calls for message in request.messages):
            yield ModelReply(text="done")
            return
        calls = tuple(
            ToolCall(id=f"m{number}", name=name, arguments=f'{{"number": {number}}}')
            for number, name in enumerate(self._world.plan.calls)
        )
        yield ModelReply(text="w", calls=calls, finish_reason="tool_calls")


# --- a life, and all of them ----------------------------------------------------------------------------------------


@asynccontextmanager
async def process(world: World, folder: Path) -> AsyncIterator[Sessions]:
    """Sessions of a new process. Leaving it is its death."""
    before = asyncio.all_tasks()

    def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.ensure_future(work)

    world.lives, world.points_of_life = world.lives + 1, 0
    world.died.clear()
    agent = load_agent(folder / "assistant")
    means = FakeMeans(
        workspace=folder,
        project=folder,
        closed=(),
        frozen=(),
        spool=cast(Spool, world.spool),
        sandbox=SandboxSettings(mode="trust"),
        tools=Toolset(tuple(Deed(world, name) for name in NAMES)),
        judged_by=load_policy(folder, agent.folder),
    )
    model, speakers, settings = Caller(world), Speakers({"assistant": agent}), SessionsSettings()
    node = f"node-{world.lives}"
    sessions = Sessions(Ports(world.store, world.clock, node, speakers, lambda _: model, settings, spawn, means))
    sessions._listed.set()
    try:
        yield sessions
    finally:
        world.died.set()
        world.on_point = lambda _: None
        while left := asyncio.all_tasks() - before:
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)


def prepare(folder: Path, mode: Mode = "ask") -> Path:
    """The agent's files."""
    folder.mkdir(parents=True, exist_ok=True)
    write_agent(folder)
    allowed = ", ".join(f"'builtin:{name}'" for name in ACTS)
    (folder / "policy.yaml").write_text(f"mode: {mode}\nallow: [{allowed}]\n")
    return folder


async def play(plan: Plan, folder: Path) -> World:
    """One process after the other until the session has nothing more to do."""
    world = World(plan)
    while True:
        async with process(world, folder) as sessions:
            client = asyncio.ensure_future(_client(world, sessions))
            dead = asyncio.ensure_future(world.died.wait())
            done, _ = await asyncio.wait((client, dead), timeout=LIFE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in (client, dead):
                task.cancel()
            await asyncio.wait((client, dead))
            if not done:
                kinds = [event.type for event in world.events()]
                raise AssertionError(f"it waits for ever, without a question: {plan}\n{kinds}")
            if client in done:
                client.result()
                return world


async def _client(world: World, sessions: Sessions) -> None:
    """A person who repeats what got no answer, and answers what is asked."""
    posting: list[asyncio.Future[Any]] = []
    state, _ = await sessions.create(NewSession("assistant", idempotency_key="session"))
    name = state.session_id
    inputs: dict[int | None, Message | Cancel] = {
        world.plan.message_at: Message(text="and this", idempotency_key="second"),
        world.plan.cancel_at: Cancel(idempotency_key="cancel"),
    }

    def on_point(number: int) -> None:
        if number in inputs:
            posting.append(asyncio.ensure_future(sessions.post(name, inputs[number])))

    world.on_point = on_point
    # What came before the crash and was not acknowledged is sent again.
    for at, posted in inputs.items():
        if at is not None and at <= world.points:
            await sessions.post(name, posted)
    await sessions.post(name, Message(text="go", idempotency_key="first"))
    while not _at_rest(state := await sessions.state(name)) or not all(each.done() for each in posting):
        if state.asks is not None:
            await _decide(world, sessions, name)
        await asyncio.sleep(0)


def _at_rest(state: SessionState) -> bool:
    return state.turn is None and not state.waiting


async def _decide(world: World, sessions: Sessions, session_id: str) -> None:
    question = await sessions.question(session_id)
    if question is None:
        return
    choices = ("allow_once", "allow_once", "deny") if question.kind == "approval" else ("retry", "done", "failed")
    decision = cast(Any, world.random.choice(choices))
    try:
        await sessions.post(session_id, Decision(call=question.call, decision=decision, by="a person"))
        world.answers.append(decision)
    except (AlreadyDecided, NothingToDo):
        return  # Somebody cancelled in between.
