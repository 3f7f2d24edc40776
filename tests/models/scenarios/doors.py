"""The stub provider behind each way to ask it: three protocols, directly and through litellm."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from duragent.clock import SystemClock
from duragent.errors import ModelError
from duragent.models.base import Model, ModelChoice
from duragent.models.choose import ModelChooser
from duragent.models.direct.model import DirectModel
from duragent.models.messages import ChatMessage, ModelDelta, ModelReply, ModelRequest
from duragent.testing.stub_llm import Behaviour, StubLlm
from tests.support.bounds import LIMIT_SECONDS

Adapter = Literal["direct", "litellm"]

HELLO = ModelRequest(messages=(ChatMessage(role="user", content="hello"),))
KEYS = {
    "OPENAI_API_KEY": "sk-secret-key-1",
    "ANTHROPIC_API_KEY": "sk-secret-key-2",
    "OLLAMA_API_KEY": "sk-secret-key-3",
    "OPENROUTER_API_KEY": "sk-secret-key-4",
    "GEMINI_API_KEY": "sk-secret-key-5",
}
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-sonnet-4-5", "ollama": "llama3"}


@dataclass(frozen=True)
class Door:
    """A model, and the stub that it asks."""

    stub: StubLlm
    model: Model
    provider: str
    adapter: Adapter

    @property
    def asked(self) -> dict[str, Any]:
        """The newest request."""
        return self.stub.requests[-1].body

    def option(self, name: str) -> Any:
        """What the newest request says of this, by OpenAI's name for it; None: nothing."""
        if (self.provider, self.adapter) == ("ollama", "direct"):
            return self.asked.get("options", {}).get({"max_tokens": "num_predict"}.get(name, name))
        return self.asked.get(name)

    @property
    def url(self) -> str:
        return url_of(self.stub, self.provider)


def url_of(stub: StubLlm, provider: str) -> str:
    """As people write it for this provider."""
    return {"anthropic": stub.anthropic_url, "ollama": stub.ollama_url}.get(provider, stub.openai_url)


@asynccontextmanager
async def door_to(
    provider: str, adapter: Adapter, name: str | None = None, environ: Mapping[str, str] = KEYS
) -> AsyncIterator[Door]:
    """With a stub of its own."""
    async with StubLlm() as stub:
        chooser = ModelChooser(SystemClock(), environ)
        choice = ModelChoice(provider, name or MODELS[provider], url_of(stub, provider), "native", adapter)
        model = chooser.model_for(choice)
        assert isinstance(model, DirectModel) is (adapter == "direct")
        yield Door(stub, model, provider, adapter)
        await chooser.close()


async def ask(model: Model, request: ModelRequest = HELLO) -> tuple[list[ModelDelta], ModelReply]:
    async with asyncio.timeout(LIMIT_SECONDS):
        pieces = [piece async for piece in model.stream(request)]
    deltas = [piece for piece in pieces if isinstance(piece, ModelDelta)]
    assert isinstance(pieces[-1], ModelReply)
    assert len(deltas) == len(pieces) - 1
    assert "".join(delta.text for delta in deltas) == pieces[-1].text
    return deltas, pieces[-1]


async def failure(door: Door, behaviour: Behaviour) -> ModelError:
    """The error that this answer is. It is one line, without the key, and nobody asked twice."""
    door.stub.script(behaviour)
    with pytest.raises(ModelError) as caught:
        await ask(door.model)
    assert len(door.stub.requests) == 1, "one attempt only"
    assert "\n" not in str(caught.value)
    assert "secret" not in f"{caught.value!r}"
    return caught.value
