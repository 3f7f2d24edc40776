"""What every session shares: the seams to the rooms below, handed in by the wiring."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from duragent.agent.load import Agent
from duragent.clock import Clock
from duragent.models.base import Model, ModelChoice
from duragent.session.settings import SessionsSettings
from duragent.stores.base import Store

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Run a coroutine as a child of the wiring's task group."""


class Agents(Protocol):
    """Who speaks, by name."""

    def get(self, name: str) -> Agent:
        """Raises AgentNotFound, AgentBroken."""
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
    idle_timeout_seconds: float = 60.0
