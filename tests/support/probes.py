"""A store to look into while something is on its way, and a tool that does what a test says."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from duragent.agent.load import Agent
from duragent.errors import StoreError
from duragent.journal.events import (
    EffectClass,
    Event,
)
from duragent.journal.record import crc_seed, decode
from duragent.models.messages import ModelReply, ToolCall
from duragent.policy.tiers import Mode, Policy
from duragent.stores.base import Claim
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult
from duragent.tools.toolset import Toolset
from duragent.turn.workbench import LoadedAgent, Workbench
from tests.support.open_store import OpenStore
from tests.support.workbench import workbench_in

DO_IT = ModelReply(calls=(ToolCall(id="m", name="deed", arguments="{}"),), finish_reason="tool_calls")
_E = TypeVar("_E", bound=Event)


class Watched(OpenStore):
    """A store that takes its time, and in which a test can look around before anything is stored."""

    def __init__(self) -> None:
        super().__init__()
        self.gate: asyncio.Event | None = None
        self.at_gate = asyncio.Event()
        self.failures: dict[bytes, list[StoreError]] = {}
        self.before: Callable[[bytes], None] = lambda lines: None
        self.while_storing: Callable[[bytes], Awaitable[object]] | None = None
        self.happened: list[str] = []
        self.dead = False

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        data = b"".join(lines)
        self.before(data)
        for mark, errors in self.failures.items():
            if mark in data and errors:
                raise errors.pop(0)
        if self.gate is not None:
            self.at_gate.set()
            await self.gate.wait()
        if self.while_storing is not None:
            await self.while_storing(data)
        for _ in range(20):
            await asyncio.sleep(0)
        if self.dead:
            await asyncio.Event().wait()
        await super().append(claim, lines, expect=expect)
        self.happened.append("append")

    async def put_blob(self, claim: Claim, sha256: str, data: bytes) -> None:
        await super().put_blob(claim, sha256, data)
        self.happened.append("put_blob")

    def stored(self) -> list[Event]:
        """What would be there after a crash now."""
        session_id = self.only_id()
        return [decode(line, crc_seed(session_id)).event for line in self.lines_of(session_id)]


async def a_while() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


class Deed(Tool["Deed.Arguments"]):
    """Do something."""

    class Arguments(ToolArguments):
        pass

    name = "deed"
    by_command = False

    def __init__(self, effect: EffectClass, does: Callable[[ToolContext], Awaitable[object]]) -> None:
        self.effect, self._does = effect, does
        self.runs = 0

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        self.runs += 1
        await self._does(context)
        return ToolResult("done")


@dataclass(frozen=True, slots=True)
class GivenWorkbench(Workbench):
    """A workbench with one tool. `judging` is awaited whenever a call is judged."""

    tool: Deed | None = None
    judged_by: Policy = field(default_factory=lambda: Policy("dangerous", "the test"))
    judging: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    async def load(self, agent: Agent, session_id: str = "") -> LoadedAgent:
        assert self.tool is not None
        return LoadedAgent(agent, Toolset((self.tool,)))

    async def policy(self, agent: Agent, unasked: Iterable[str] = (), private: tuple[Path, ...] = ()) -> Policy:
        for each in self.judging:
            await each()
        return self.judged_by


def given(workspace: Path, tool: Deed, mode: Mode = "dangerous") -> GivenWorkbench:
    """A workbench in that folder with this tool. In `judging` a test puts what happens while a call is judged."""
    usual = workbench_in(workspace)
    shared = {each.name: getattr(usual, each.name) for each in fields(Workbench) if each.init}
    return GivenWorkbench(**shared, tool=tool, judged_by=Policy(mode, "the test"))


async def nothing(context: ToolContext) -> None: ...


async def for_ever(context: ToolContext) -> None:
    await asyncio.Event().wait()


def of_kind(events: Sequence[Event], kind: type[_E]) -> list[_E]:
    return [event for event in events if isinstance(event, kind)]
