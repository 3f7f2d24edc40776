"""A protocol for tests of the engine: each event is `{"say": …}`, and one with `"over": true` is the last."""

import json
from typing import Literal

from duragent.models.base import ModelChoice
from duragent.models.direct.connections import ProviderConnections
from duragent.models.direct.dialect import WHOLE, AnswerSoFar, WireEvent, WireRequest
from duragent.models.direct.faults import ProviderFault
from duragent.models.direct.model import DirectModel
from duragent.models.messages import ChatMessage, ModelDelta, ModelReply, ModelRequest

KEY = "sk-very-secret"
SSE, JSON, LINES = (
    f"Content-Type: {kind}" for kind in ("text/event-stream", "application/json", "application/x-ndjson")
)
HELLO = ModelRequest(messages=(ChatMessage(role="user", content="hello"),))


class PlainAnswer:
    """What was said so far, and the events that said it."""

    def __init__(self) -> None:
        self.said, self.over = "", False

    @property
    def is_over(self) -> bool:
        return self.over

    @property
    def is_whole(self) -> bool:
        return self.over

    def add(self, event: WireEvent) -> ModelDelta | None:
        said = json.loads(event.data)
        if "fault" in said:
            raise ProviderFault(said["fault"], said.get("status"))
        self.said += said["say"]
        self.over = said.get("over", event.name == WHOLE)
        return ModelDelta(text=said["say"]) if said["say"] else None

    def reply(self) -> ModelReply:
        return ModelReply(text=self.said)


class PlainDialect:
    name = "plain"

    def __init__(self, framing: Literal["sse", "lines"] = "sse") -> None:
        self.framing: Literal["sse", "lines"] = framing

    def url(self, base_url: str) -> str:
        return base_url

    def written(self, choice: ModelChoice, key: str | None, request: ModelRequest) -> WireRequest:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return WireRequest("/ask", {"asked": request.messages[-1].content}, headers)

    def begin_answer(self, choice: ModelChoice) -> AnswerSoFar:
        return PlainAnswer()


def model_at(
    url: str,
    connections: ProviderConnections,
    framing: Literal["sse", "lines"] = "sse",
    *,
    key: str = KEY,
    provider: str = "openai",
) -> DirectModel:
    environ = {f"{provider.upper()}_API_KEY": key} if key else {}
    return DirectModel(ModelChoice(provider, "m", url), PlainDialect(framing), environ, connections)


def event(say: str, *, over: bool = False) -> bytes:
    return b"data: " + json.dumps({"say": say, "over": over}, ensure_ascii=False).encode() + b"\n\n"
