"""One process after the other, until there is nothing more to do: a run of the turn simulator."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

from duragent.agent.load import Agent, load_agent
from duragent.errors import Fenced
from duragent.journal import snapshot
from duragent.journal.apply import reduce
from duragent.journal.limits import TurnLimits
from duragent.journal.next_step import next_step
from duragent.journal.state import SessionState
from duragent.policy.files import load_policy
from duragent.policy.tiers import Policy
from duragent.process.spool import Spool
from duragent.sandboxes.settings import SandboxSettings
from duragent.session.sessions import Sessions
from duragent.tools.toolset import Toolset
from duragent.turn.ports import Ports
from duragent.turn.settings import SessionsSettings
from tests.campaigns.turns_cast import Caller, FakeWorkbench, deeds
from tests.campaigns.turns_loop import run
from tests.campaigns.turns_memory import (
    AGENT,
    NOTE,
    SETTINGS,
    FoundNotes,
    KeptMemory,
    NoteTool,
    RememberingCaller,
    memory_folder,
)
from tests.campaigns.turns_people import Person
from tests.campaigns.turns_plan import ACTS, Mode, Plan
from tests.campaigns.turns_world import World
from tests.support.house import Speakers, write_agent

LIFE_SECONDS = 3600.0
"""Of the loop's own time. A process that is not done by then waits for something that never comes."""

CLOSE_MARGIN_SECONDS = 30.0
"""How much longer than its grace a stop may take."""

APPROVAL_HOURS = 0.1


@cache
def an_agent(few_steps: bool, remembers: bool = False) -> Agent:
    """Read once from real files, which no run changes."""
    rest = "  session:\n    max_tool_iterations: 1" if few_steps else SETTINGS if remembers else ""
    with tempfile.TemporaryDirectory() as name:
        return load_agent(write_agent(Path(name), rest=rest))


@cache
def a_policy(mode: Mode) -> Policy:
    """The same."""
    with tempfile.TemporaryDirectory() as name:
        allowed = ", ".join(f"'builtin:{act}'" for act in (*ACTS, NOTE))
        (Path(name) / "policy.yaml").write_text(f"mode: {mode}\nallow: [{allowed}]\n")
        return load_policy(Path(name), Path(name) / "assistant")


@asynccontextmanager
async def process(world: World, kept: KeptMemory | None) -> AsyncIterator[tuple[Sessions, FoundNotes | None]]:
    """Sessions and memories of a new process. Leaving it is its death."""
    before = asyncio.all_tasks()

    def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.ensure_future(work)

    world.lives, world.points_of_life = world.lives + 1, 0
    world.died.clear()
    world.told_to_stop.clear()
    node = f"node-{world.lives}"
    memory = FoundNotes(world, kept.minds(node), kept.folder) if kept is not None else None
    workbench = FakeWorkbench(
        workspace=_NOWHERE,
        project=_NOWHERE,
        closed=(),
        frozen=(),
        spool=cast(Spool, world.spool),
        sandbox=SandboxSettings(mode="trust"),
        world=world,
        tools=deeds(world) if memory is None else Toolset((NoteTool(world, memory.minds),)),
        judged_by=a_policy(world.plan.mode),
    )
    model = Caller(world) if memory is None else RememberingCaller(world)
    speakers = Speakers({AGENT: an_agent(world.plan.few_steps, world.plan.remembers)})
    settings = SessionsSettings(approval_ttl_hours=APPROVAL_HOURS if world.plan.unanswered else 0)
    ports = Ports(
        world.store, world.clock, node, speakers, lambda _: model, settings, spawn, workbench, memories=memory
    )
    try:
        yield Sessions(ports), memory
    finally:
        world.died.set()
        world.on_happening = lambda _: None
        while left := asyncio.all_tasks() - before:
            for task in left:
                task.cancel()
            # What a dying task does last may be at a point, from which it does not come back by itself.
            await asyncio.wait(left, timeout=1)


async def play(plan: Plan, folder: Path | None = None) -> tuple[World, list[Person]]:
    """One process after the other until the sessions have nothing more to do. `folder`: for what is remembered."""
    world = World(plan)
    kept = KeptMemory(world, folder) if folder else None
    people = [Person(world, number) for number in range(len(plan.scripts))]
    while not await _live(world, people, kept):
        pass
    return world, people


async def _live(world: World, people: list[Person], kept: KeptMemory | None) -> bool:
    """One process; whether all is done."""
    async with process(world, kept) as (sessions, memory):
        housekeeping = asyncio.ensure_future(sessions.run())
        using = asyncio.ensure_future(_all(person.attend(sessions) for person in people))
        ends = [asyncio.ensure_future(event.wait()) for event in (world.died, world.told_to_stop)]
        world.on_happening = lambda happening: people[happening.session].happens(happening)
        done, _ = await asyncio.wait((using, *ends), timeout=LIFE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            kinds = [event.type for event in world.events()]
            raise AssertionError(f"it waits for ever, without a question\n{kinds}")
        if world.told_to_stop.is_set() and not world.died.is_set():
            await _stop(world, sessions, memory)
        world.faults += _live_states(world, sessions)
        housekeeping.cancel()
        if using in done and not world.died.is_set():
            using.result()
            if kept is not None and memory is not None:
                world.faults += await kept.judged(sessions, memory.minds)
            return True
    return False


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for each in work:
            tasks.create_task(each)


async def _stop(world: World, sessions: Sessions, memory: FoundNotes | None) -> None:
    """As SIGTERM does it: afterwards nothing moves, and what the summaries say is what the logs say."""
    grace, begun = world.plan.ends[world.lives - 1].grace or 0.0, world.clock.monotonic()
    open_before = list(sessions.live)
    closing = asyncio.ensure_future(_close(sessions, memory, grace))
    dead = asyncio.ensure_future(world.died.wait())
    done, _ = await asyncio.wait((closing, dead), timeout=LIFE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    dead.cancel()
    if closing not in done:
        if not done:
            world.faults.append("a stop never ended")
        return
    closing.result()
    if (took := world.clock.monotonic() - begun) > grace + CLOSE_MARGIN_SECONDS:
        world.faults.append(f"a stop with {grace} s of grace took {took} s")
    before = (len(world.effects), [len(stream.lines) for stream in world.store.streams.values()])
    await world.clock.sleep(CLOSE_MARGIN_SECONDS)
    if before != (len(world.effects), [len(stream.lines) for stream in world.store.streams.values()]):
        world.faults.append("something moved when all had been stopped")
    for session in open_before:
        data = world.store.streams[session.id].snapshot
        saved = snapshot.load(data, session.id) if data else None
        # A tool that takes longer to be cancelled than a stop waits leaves its session as it was.
        late = isinstance(session.problem, Fenced)
        records = world.records(session.id)
        state = reduce(SessionState(session.id), records[: saved.state.seq] if late and saved else records)
        if session.writer.last_crc and (saved.state != state if saved else not late):
            world.faults.append("the summary of a stopped session is not what its log says")


async def _close(sessions: Sessions, memory: FoundNotes | None, grace: float) -> None:
    await sessions.close(grace)
    if memory is not None:
        await memory.minds.close()


def _live_states(world: World, sessions: Sessions) -> list[str]:
    """Whether what the process holds in its memory is what the logs say."""
    found = []
    for session in sessions.live:
        records = world.records(session.id)
        if session.state != reduce(SessionState(session.id), records[: session.state.seq]):
            found.append(f"the live state at record {session.state.seq} is not what the log says")
    return found


def round_trip(state: SessionState) -> list[str]:
    """Whether the state is the same, and leads to the same step, when it comes back from a summary."""
    saved = snapshot.load(snapshot.dump(snapshot.Snapshot(state, "0" * 8)), state.session_id)
    limits = TurnLimits()
    if saved is None or saved.state != state or next_step(saved.state, limits) != next_step(state, limits):
        return [f"the state at record {state.seq} does not come back from its summary"]
    return []


_NOWHERE = Path("/nowhere")


def played(plan: Plan) -> tuple[World, list[Person]]:
    """Run the plan in a loop of its own."""
    if not plan.remembers:
        return run(play(plan))
    with memory_folder() as folder:
        return run(play(plan, folder))
