"""Models as methods of `Client`: what can be asked, and who answers in a session."""

from urllib.parse import quote

from duragent.client.copies import SessionCopies
from duragent.client.transport import ANSWER_SECONDS, session_path
from duragent.wire import ModelOffers, NamedModel, PickModel, SessionInfo, Warmed


class SessionModels(SessionCopies):
    """The part of `Client` about models."""

    async def models(self) -> ModelOffers:
        """What the server can ask. It looks at the model servers on its machine, which takes up to a second."""
        return await self._http.get(ModelOffers, "/api/v1/models")

    async def named_model(self, agent: str, model: str, base_url: str = "") -> NamedModel:
        """What the name means for a session with that agent. Raises what is wrong where it cannot be asked."""
        path = f"/api/v1/agents/{quote(agent, safe='')}/model"
        return await self._http.get(NamedModel, path, {"model": model, "base_url": base_url})

    async def warm(self, agent: str) -> Warmed:
        """Have the server load what the agent's model needs, because a question is about to come."""
        path = f"/api/v1/agents/{quote(agent, safe='')}/warm"
        return self._http.parse(Warmed, await self._http.post(path, read_seconds=ANSWER_SECONDS))

    async def choose_model(self, session_id: str, choice: PickModel) -> SessionInfo:
        """Let another model answer in this session, from the next question on."""
        return self._http.parse(SessionInfo, await self._http.post(f"{session_path(session_id)}/model", choice))
