"""Models: what can be asked, and which one answers in a session."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from duragent.agent.first_model import DEFAULT_MODELS
from duragent.agent.load import Agent
from duragent.errors import InvalidRequest
from duragent.journal.inputs import ChooseModel
from duragent.models.base import ModelChoice
from duragent.models.named import named_model
from duragent.models.reachable import ReachableModel, missing_at_ollama, reachable
from duragent.server.dependencies import Dependencies
from duragent.server.mapping import session_info
from duragent.server.params import ModelQuery, body_of, query_of, session_id_of
from duragent.server.responses import answer
from duragent.turn.model_choice import choice_of
from duragent.wire import ModelOffer, ModelOffers, NamedModel, PickModel, Warmed


async def list_models(dependencies: Dependencies, request: Request) -> Response:
    own = [choice_of(agent.spec.model) for agent in dependencies.catalog.agents.values()]
    urls = {model.base_url for model in own if model.base_url and model.provider == "openai"}
    found = await asyncio.to_thread(reachable, dependencies.keys, DEFAULT_MODELS, sorted(urls))
    return answer(ModelOffers(models=[_offer(model) for model in found.models], hints=list(found.hints)))


def _offer(model: ReachableModel) -> ModelOffer:
    return ModelOffer(
        provider=model.provider,
        model=model.name,
        base_url=model.base_url,
        why=model.why,
        is_example=model.is_example,
    )


async def pick_model(dependencies: Dependencies, request: Request) -> Response:
    session_id, body = session_id_of(request), await body_of(request, PickModel)
    if body.model:
        agent = dependencies.catalog.get((await dependencies.sessions.state(session_id)).agent)
        chosen = await usable_model(dependencies, agent, body.model, body.base_url)
        own_address = chosen.base_url if chosen.without_key else ""
        posted = ChooseModel(provider=chosen.provider, model=chosen.name, base_url=own_address or "", by=body.by)
    else:
        posted = ChooseModel(by=body.by)
    await dependencies.sessions.post(session_id, posted)
    return answer(session_info(await dependencies.sessions.state(session_id)))


async def show_named(dependencies: Dependencies, request: Request) -> Response:
    query, agent = query_of(request, ModelQuery), dependencies.catalog.get(request.path_params["name"])
    named = choice_of(agent.spec.model)
    if query.model:
        named = await usable_model(dependencies, agent, query.model, query.base_url)
    return answer(NamedModel(provider=named.provider, model=named.name))


async def warm_agent(dependencies: Dependencies, request: Request) -> Response:
    agent, began = dependencies.catalog.get(request.path_params["name"]), dependencies.clock.monotonic()
    choice = choice_of(agent.spec.model)
    await dependencies.warm(choice)
    return answer(Warmed(provider=choice.provider, seconds=round(dependencies.clock.monotonic() - began, 3)))


async def usable_model(dependencies: Dependencies, agent: Agent, text: str, base_url: str = "") -> ModelChoice:
    """The model that a client names for a session of that agent. Raises InvalidRequest, ModelNotConfigured."""
    chosen = named_model(text, choice_of(agent.spec.model), dependencies.keys, base_url)
    if chosen.provider == "ollama":
        wrong = await asyncio.to_thread(missing_at_ollama, dependencies.keys, chosen.name, chosen.base_url)
        if wrong is not None:
            raise InvalidRequest(wrong)
    return chosen
