"""Agents: who there is, and what each is made of."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from duragent.agent.load import Agent
from duragent.agent.spec import API_VERSION, inactive
from duragent.models.providers import missing_key
from duragent.server.dependencies import Dependencies
from duragent.server.responses import answer
from duragent.turn.model_choice import choice_of
from duragent.turn.workbench import WorkPlace
from duragent.wire import AgentDetail, AgentList, AgentSummary


async def list_agents(dependencies: Dependencies, request: Request) -> Response:
    known = list(dependencies.catalog.agents.values())
    # The sandbox may not have been tried yet.
    told = await asyncio.to_thread(
        lambda: [(dependencies.work_place(agent), dependencies.warning(agent), _waiting(agent)) for agent in known]
    )
    agents = [
        _summary(agent, warning, place).model_copy(
            update={
                "missing_key": missing_key(choice_of(agent.spec.model), dependencies.keys),
                "waiting_notes": waiting,
                "memory_trouble": dependencies.memories.trouble(agent.name) if dependencies.memories else "",
            }
        )
        for agent, (place, warning, waiting) in zip(known, told, strict=True)
    ]
    broken = [AgentSummary(name=name, problem=reason) for name, reason in dependencies.catalog.broken.items()]
    return answer(AgentList(agents=agents, broken=broken))


async def get_agent(dependencies: Dependencies, request: Request) -> Response:
    agent = dependencies.catalog.get(request.path_params["name"])
    spec = agent.spec.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    prompts = {"soul": agent.soul, "system_prompt": agent.system_prompt, "instructions": agent.instructions}
    spec = {key: value for key, value in spec.items() if key not in prompts}
    spec |= {key: prompt for key, prompt in prompts.items() if prompt}
    detail = AgentDetail(
        api_version=API_VERSION,
        kind="Agent",
        metadata=agent.metadata.model_dump(mode="json", exclude_unset=True, exclude_none=True),
        spec=spec,
        fingerprint=agent.fingerprint,
        inactive=inactive(agent.spec),
    )
    return answer(detail)


def _waiting(agent: Agent) -> int:
    if agent.spec.memory is None:
        return 0
    from duragent.memory.waiting import waiting_notes

    return waiting_notes(agent.folder)


def _summary(agent: Agent, warning: str, place: WorkPlace) -> AgentSummary:
    return AgentSummary(
        name=agent.name,
        description=agent.metadata.description,
        version=agent.metadata.version,
        provider=agent.spec.model.provider,
        model=agent.spec.model.name,
        warning=warning or None,
        folder=place.folder,
        sandbox=place.sandbox,
        remembers=agent.spec.memory is not None,
    )
