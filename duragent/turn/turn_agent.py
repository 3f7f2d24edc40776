"""Who speaks in a turn, with which tools: as they were when it began; after a restart, as they are now."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from duragent.agent.context_files import ContextFiles
from duragent.agent.load import Agent
from duragent.models.messages import ToolSchema
from duragent.tools.toolset import Toolset
from duragent.turn.ports import Agents
from duragent.turn.workbench import Workbench

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedAgent:
    """An agent, its tools, and the files around it."""

    agent: Agent
    tools: Toolset
    around: ContextFiles


class TurnAgent:
    """The agent of one session's turns."""

    def __init__(self, agents: Agents, means: Workbench) -> None:
        self._agents, self._means = agents, means
        self._turn = ""
        self._agent: Agent | None = None
        self._cast: LoadedAgent | None = None
        self.offered: Sequence[ToolSchema] | None = None
        """The tools that the model is offered in this turn, once that is known."""
        self.skills: tuple[str, ...] | None = None
        """The skills that are active in this turn, once that is known."""

    @property
    def agent(self) -> Agent | None:
        """The last one that spoke here."""
        return self._agent

    def begin(self, turn: str, name: str) -> Agent:
        """A turn begins: look again at who speaks. Raises AgentNotFound, AgentBroken."""
        agent = self._agents.get(name)
        self._turn, self._agent, self.skills = turn, agent, None
        self.gather_again()
        return agent

    async def at(self, turn: str, name: str) -> LoadedAgent:
        """Who speaks in this turn. Raises AgentNotFound, AgentBroken."""
        agent = self._agent if self._agent is not None and self._turn == turn else self.begin(turn, name)
        if self._cast is None:
            tools, around = await self._means.gather(agent)
            for fault in (*tools.faults, *around.faults):
                _log.warning("agent %s: %s", agent.name, fault)
            self._cast = LoadedAgent(agent, tools, around)
        return self._cast

    def gather_again(self) -> None:
        """The tools may have changed: look at them before they are used next."""
        self._cast = self.offered = None
