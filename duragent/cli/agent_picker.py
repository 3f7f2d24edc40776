"""Which of several agents a person wants to talk to: a list to pick from."""

from typing import TYPE_CHECKING

from duragent.cli.connection import choose_agent
from duragent.cli.place import FIRST_AGENT

if TYPE_CHECKING:
    from duragent.wire import AgentList


async def pick_agent(known: "AgentList") -> str | None:
    """The name of the agent that the person picks; of the only one, nothing is asked. None: none was picked.

    Raises AgentNotFound, as `choose_agent` does.
    """
    if len(known.agents) < 2:
        return choose_agent(known, None)
    from duragent.cli.picker import PickRow, pick

    rows = [
        PickRow(agent.name, agent.name, " · ".join(filter(None, (agent.description, agent.model))))
        for agent in sorted(known.agents, key=lambda agent: (agent.name != FIRST_AGENT, agent.name))
    ]
    picked = await pick(rows, "Which agent? (`--agent NAME` asks nothing)")
    return None if picked is None else picked.value
