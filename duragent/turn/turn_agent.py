"""The agent of a turn with its tools: as they were when the turn began; after a restart, as they are then."""

import logging
from collections.abc import Sequence

from duragent.agent.load import Agent
from duragent.models.messages import ToolSchema
from duragent.turn.ports import Agents
from duragent.turn.workbench import LoadedAgent, Workbench

_log = logging.getLogger(__name__)


class TurnAgent:
    """The agent of one session's turns."""

    def __init__(self, session_id: str, agents: Agents, workbench: Workbench) -> None:
        self._session_id, self._agents, self._workbench = session_id, agents, workbench
        self._turn = ""
        self._agent: Agent | None = None
        self._loaded: LoadedAgent | None = None
        self.offered: Sequence[ToolSchema] | None = None
        """The tools that the model is offered in this turn, once that is known."""
        self.skills: tuple[str, ...] | None = None
        """The skills that are active in this turn, once that is known."""

    @property
    def agent(self) -> Agent | None:
        """The agent of the last turn; None before the first one."""
        return self._agent

    def begin(self, turn: str, name: str) -> Agent:
        """Begin a turn with that agent as it is now. Raises AgentNotFound, AgentBroken."""
        agent = self._agents.get(name)
        self._turn, self._agent, self.skills = turn, agent, None
        self.load_again()
        return agent

    async def at(self, turn: str, name: str) -> LoadedAgent:
        """The agent of this turn, with its tools. Raises AgentNotFound, AgentBroken."""
        agent = self._agent if self._agent is not None and self._turn == turn else self.begin(turn, name)
        if self._loaded is None:
            self._loaded = await self._workbench.load(agent, self._session_id)
            for fault in self._loaded.faults:
                _log.warning("agent %s: %s", agent.name, fault)
        return self._loaded

    def load_again(self) -> None:
        """Load the tools again before they are used next: they may have changed."""
        self._loaded = self.offered = None
