"""What every session shares: the seams to the rooms below, handed in by the wiring."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from duragent.agent.load import Agent
from duragent.clock import Clock
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.models.base import Model, ModelChoice
from duragent.stores.base import Store
from duragent.turn.settings import SessionsSettings
from duragent.turn.workbench import Workbench

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Run a coroutine as a child of the wiring's task group."""


class Agents(Protocol):
    """Who speaks, by name."""

    def get(self, name: str) -> Agent:
        """Raises AgentNotFound, AgentBroken."""
        ...


class Others(Protocol):
    """What one session may know of all: only to read."""

    async def of_agent(self, agent: str, limit: int) -> Sequence[SessionState]:
        """The last changed first."""
        ...

    async def state(self, session_id: str) -> SessionState:
        """Raises SessionNotFound."""
        ...

    async def records_back(self, session_id: str, before: int | None, limit: int) -> list[Record]:
        """Oldest first: the newest with seq < `before` (None: of all). Raises SessionNotFound."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """`node` names this process for the log: work that was claimed by another one is orphaned."""

    store: Store
    clock: Clock
    node: str
    agents: Agents
    model_for: Callable[[ModelChoice], Model]
    settings: SessionsSettings
    spawn: Spawn
    means: Workbench
    others: Others | None = None
    """`Sessions`, which puts itself here."""
    idle_timeout_seconds: float = 60.0
