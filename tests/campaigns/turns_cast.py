"""Who acts in the turn simulator: tools that have effects in the world, and a model with a script."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from duragent.agent.load import Agent
from duragent.errors import BadModelRequest, ModelUnavailable, RateLimited
from duragent.journal.events import Event, MessageReceived, ModelCalled
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest, ToolCall
from duragent.policy.tiers import Policy
from duragent.sandboxes.base import Command
from duragent.tools.base import Places, Tool, ToolArguments, ToolContext, ToolResult
from duragent.tools.toolset import Toolset
from duragent.turn.workbench import LoadedAgent, Workbench
from tests.campaigns.turns_plan import ACTS, Fault, Plan
from tests.campaigns.turns_world import World, session_id
from tests.support.wellformed import refusal

EFFECTS: dict[str, Any] = {"look": "pure", "peek": "pure", "put": "idempotent", "pay": "never", "note": "idempotent"}
REPEATABLE = ("pure", "idempotent")
FULL = b"all that it wrote"
_DENIES = Policy("restrict", "nobody")


def effect_of(name: str) -> str:
    return str(EFFECTS.get(name.removesuffix("_asked"), "unsafe"))


class Deed(Tool["Deed.Arguments"]):
    """Do something."""

    class Arguments(ToolArguments):
        number: int

    def __init__(self, world: World, name: str) -> None:
        self.name, self._world = name, world
        self.effect = EFFECTS.get(name.removesuffix("_asked"), "unsafe")
        self.by_command = name.startswith(("run", "peek"))

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        call, world = context.call, self._world
        if not self.by_command:
            await world.clock.sleep(world.chance.choice((0, 0, 0, 1, 8)))
            await world.take_effect(call.session_id, call.call, call.attempt)
            return ToolResult("done")
        command = Command((str(call.attempt),), Path("/"), {}, b"")
        finished = await context.commands.run(command, timeout_seconds=60)
        full = FULL if self.name.startswith("run") else None
        return ToolResult("done", "ok" if finished.ending == "exited" else finished.ending, full=full)


def deeds(world: World) -> Toolset:
    return Toolset(tuple(Deed(world, f"{name}{asked}") for name in ACTS for asked in ("", "_asked")))


@dataclass(frozen=True, slots=True)
class FakeWorkbench(Workbench):
    """A workbench with given tools, and a policy that a person's "always" is added to."""

    world: World = field(default_factory=lambda: World(Plan(())))
    tools: Toolset = field(default_factory=Toolset)
    judged_by: Policy = _DENIES

    def places(self, agent: Agent, private: tuple[Path, ...] = ()) -> Places:
        return Places(self.workspace, self.workspace, agent.folder, (self.workspace,))

    def place(self, agent: Agent) -> str:
        return "here"

    async def load(self, agent: Agent, session_id: str = "") -> LoadedAgent:
        return LoadedAgent(agent, self.tools)

    async def policy(self, agent: Agent, unasked: Iterable[str] = (), private: tuple[Path, ...] = ()) -> Policy:
        return self.judged_by.allowing(self.world.always)

    async def allow_always(self, agent: Agent, patterns: Sequence[str]) -> None:
        await self.world.point()
        self.world.always += [pattern for pattern in patterns if pattern not in self.world.always]
        await self.world.point()


class Caller:
    """A model that asks for what its session's script says, reply by reply, and then says that it is done.

    It refuses what providers refuse, and notes what no request may look like. It is slow: each piece is a point.
    """

    label = "caller"

    def __init__(self, world: World) -> None:
        self._world = world

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        world = self._world
        world.requests += 1
        number = world.requests
        said = [message.content for message in request.messages if message.role == "user"]
        session = int(said[0].split()[0])
        world.faults += _faults_of(request, world.events(session_id(session)), said)
        fault = dict(world.plan.faults).get(number)
        await world.point()
        if fault in ("rate", "refuse", "foreign"):
            self.fail(fault)
        for piece in range(world.plan.pieces):
            yield ModelDelta(text=f"w{piece} ")
            await world.clock.sleep(world.chance.choice((0, 0, 0.5)))
            await world.point()
            if fault:
                break
        if fault == "silence":
            world.failed.append(fault)
            await asyncio.Event().wait()
        if fault == "break":
            self.fail(fault)
        if fault == "end":
            world.failed.append(fault)
            return
        yield _reply(world, session, request)

    def fail(self, fault: Fault) -> None:
        _fail(self._world, fault)


def _reply(world: World, session: int, request: ModelRequest) -> ModelReply:
    asked, script = sum(bool(message.calls) for message in request.messages), world.plan.scripts[session]
    text = "".join(f"w{piece} " for piece in range(world.plan.pieces))
    names = script[asked] if asked < len(script) else ()
    calls = tuple(
        ToolCall(id=f"m{10 * asked + number}", name=name, arguments=f'{{"number": {10 * asked + number}}}')
        for number, name in enumerate(names)
    )
    return ModelReply(
        text=text if calls or text else "done", calls=calls, finish_reason="tool_calls" if calls else "stop"
    )


def _fail(world: World, fault: Fault) -> None:
    world.failed.append(fault)
    match fault:
        case "rate":
            raise RateLimited("too many", retry_after_seconds=world.chance.choice((None, 0.0, 7.0)))
        case "break":
            raise ModelUnavailable("the connection broke")
        case "refuse":
            raise BadModelRequest("the provider does not want this")
        case _:
            raise ZeroDivisionError("a fault in foreign code")


def _faults_of(request: ModelRequest, events: Sequence[Event], said: Sequence[str]) -> Iterator[str]:
    """What is wrong with a request that has left."""
    if refused := refusal(request):
        yield f"a provider refuses the request: {refused.message}"
    intents = [event for event in events if isinstance(event, ModelCalled)]
    if not intents or not _open(events, intents[-1]):
        yield "a question has left without model_called"
        return
    wanted = [event.text for event in events[: intents[-1].input_seq] if isinstance(event, MessageReceived)]
    if list(said) != wanted:
        yield f"the model was shown the messages {said}, and not {wanted}"


def _open(events: Sequence[Event], intent: ModelCalled) -> bool:
    behind = events[events.index(intent) + 1 :]
    return not any(event.type in ("model_replied", "model_failed") for event in behind)
