"""What every session shares: its ports to the rooms below, handed in by the wiring."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from duragent.agent.load import Agent
from duragent.clock import Clock
from duragent.models.base import Model, ModelChoice
from duragent.stores.base import Store
from duragent.subscribers.base import Listener, LogListener
from duragent.turn.settings import SessionsSettings
from duragent.turn.workbench import Workbench

if TYPE_CHECKING:
    from duragent.memory.base import Memories
    from duragent.memory.prose import SummaryBudget

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Run a coroutine as a child of the wiring's task group."""


class Agents(Protocol):
    """The agents by name."""

    def get(self, name: str) -> Agent:
        """Raises AgentNotFound, AgentBroken."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What every session shares."""

    store: Store
    """Where the logs are."""
    clock: Clock
    """The source of time and of new ids."""
    node: str
    """Names this process in the log: work that was claimed by another node is orphaned."""
    agents: Agents
    """The agents by name."""
    model_for: Callable[[ModelChoice], Model]
    """The model of a choice; the same object for the same choice."""
    settings: SessionsSettings
    """The `sessions:` block of duragent.yaml."""
    spawn: Spawn
    """Starts a task of the server's."""
    workbench: Workbench
    """What the calls of agents work with."""
    idle_timeout_seconds: float = 60.0
    """How long a model may be silent before its answer counts as failed."""
    cancel_seconds: float = 5.0
    """How long a tool or a model may take to stop, before it is left behind."""
    listeners: Sequence[Listener] = ()
    """Each gets a call after every commit."""
    notices: LogListener | None = None
    """The listener that delivers what `notify` in a policy wants told; None: it is not delivered."""
    memories: "Memories | None" = None
    """What agents remember; None: nothing is searched."""
    summary_budget: "Callable[[Agent], SummaryBudget | None] | None" = None
    """What an agent's summaries may cost in a day; None: no model writes any."""
    watched_notes: Callable[[Agent, bool], AbstractAsyncContextManager[None]] | None = None
    """For the time of a command that no sandbox keeps from the notes of that agent; None: nothing looks at them. True:
    an earlier process started the command."""
