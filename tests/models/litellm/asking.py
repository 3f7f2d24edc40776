"""A real litellm model that asks a server of the test, by the protocols of OpenAI and of Anthropic."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from duragent.errors import ModelError
from duragent.models.litellm.model import LitellmModel
from duragent.models.messages import ChatMessage, ModelDelta, ModelReply, ModelRequest
from duragent.testing.stub_llm import Behaviour, StubLlm
from tests.support.bounds import LIMIT_SECONDS

HELLO = ModelRequest(messages=(ChatMessage(role="user", content="hello"),))
KEYS = ("sk-secret-key-1", "sk-secret-key-2")
ENVIRON = {
    "OPENAI_API_KEY": KEYS[0],
    "ANTHROPIC_API_KEY": KEYS[1],
    "OPENROUTER_API_KEY": "sk-1",
    "GEMINI_API_KEY": "sk-1",
}


@dataclass(frozen=True)
class Door:
    """One protocol of the stub, and a model that asks there."""

    stub: StubLlm
    model: LitellmModel
    is_anthropic: bool

    @property
    def asked(self) -> dict[str, Any]:
        return self.stub.requests[-1].body


async def ask(model: LitellmModel, request: ModelRequest = HELLO) -> tuple[list[ModelDelta], ModelReply]:
    async with asyncio.timeout(LIMIT_SECONDS):
        pieces = [piece async for piece in model.stream(request)]
    deltas = [piece for piece in pieces if isinstance(piece, ModelDelta)]
    assert isinstance(pieces[-1], ModelReply)
    assert len(deltas) == len(pieces) - 1
    return deltas, pieces[-1]


async def ask_for_text(model: LitellmModel) -> tuple[str, ModelReply]:
    """The text that was streamed, and the reply."""
    deltas, reply = await ask(model)
    return "".join(delta.text for delta in deltas), reply


async def failure(door: Door, behaviour: Behaviour) -> ModelError:
    door.stub.script(behaviour)
    with pytest.raises(ModelError) as caught:
        await ask(door.model)
    assert len(door.stub.requests) == 1, "one attempt only"
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    return caught.value
