"""Whether a provider accepts a request, by the rules that the stub provider keeps, in both wire protocols."""

import json
from collections.abc import Sequence
from typing import Any

from duragent.models.base import ModelChoice
from duragent.models.litellm.request import litellm_arguments
from duragent.models.messages import ChatMessage, ModelRequest
from duragent.testing.provider_rules import Refusal, refuse_anthropic, refuse_openai


def refusal(request: ModelRequest) -> Refusal | None:
    """What OpenAI or Anthropic hold against it."""
    written = litellm_arguments(ModelChoice("openai", "m"), "k", request)
    openai = refuse_openai({"model": "m", "messages": written["messages"]}, {"authorization": "Bearer k"})
    body = {"model": "m", "max_tokens": 1, "messages": _anthropic(request.messages)}
    return openai or refuse_anthropic(body, {"x-api-key": "k", "anthropic-version": "2023-06-01"})


def _anthropic(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "tool":
            block = {"type": "tool_result", "tool_use_id": message.call_id, "content": message.content}
            found.append({"role": "user", "content": [block]})
        elif message.role != "system":
            text = [{"type": "text", "text": message.content}] if message.content else []
            uses = [{"type": "tool_use", "id": call.id, "name": call.name, "input": {}} for call in message.calls]
            found.append({"role": message.role, "content": [*text, *uses]})
    return found


def shared_prefix_bytes(before: ModelRequest, after: ModelRequest) -> tuple[int, int]:
    """How many bytes of `before` are the beginning of `after` too, in whole messages, and how many it has."""
    same, equal, whole = 0, True, 0
    for at, message in enumerate(before.messages):
        size = len(json.dumps(message.model_dump()))
        equal = equal and after.messages[at : at + 1] == (message,)
        same, whole = same + size * equal, whole + size
    return same, whole
