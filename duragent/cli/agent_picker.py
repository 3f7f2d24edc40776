"""Which of several agents a person wants to talk to: a list to pick from."""

from typing import TYPE_CHECKING

from duragent.cli.place import FIRST_AGENT

if TYPE_CHECKING:
    from duragent.client.client import Client


async def pick_agent(client: "Client") -> str | None:
    """The name of the agent that the person picks; of the only one, nothing is asked. None: none was picked.

    Raises AgentNotFound, as `choose_agent` does.
    """
    known = (await client.agents()).agents
    if len(known) < 2:
        from duragent.cli.connection import choose_agent

        return await choose_agent(client, None)
    from duragent.cli.picker import PickRow, pick

    rows = [
        PickRow(agent.name, agent.name, " · ".join(filter(None, (agent.description, agent.model))))
        for agent in sorted(known, key=lambda agent: (agent.name != FIRST_AGENT, agent.name))
    ]
    picked = await pick(rows, "Which agent? (`--agent NAME` asks nothing)")
    return None if picked is None else picked.value
