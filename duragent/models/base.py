"""The contract of a model.

`stream(request)` is an async generator: any number of `ModelDelta`, then exactly one `ModelReply`, then it ends.

Promises of every model on this shelf:
- It makes one attempt. Retrying, backoff and deadlines belong to the turn (`turn/`).
- What fails raises a `ModelError` from `duragent.errors`, never a provider's own exception. A stream that breaks before
  its end raises `ModelUnavailable`; it never ends without a `ModelReply`.
- Closing the generator (`aclose`), or cancelling the task that reads it, ends the request to the provider at once.
- Nothing is read from disk or network, and nothing heavy is imported, before the first `stream` or `warm`.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from duragent.models.messages import ModelDelta, ModelReply, ModelRequest


@dataclass(frozen=True)
class ModelChoice:
    """Which model, as the `spec.model` block of an agent chooses it."""

    provider: str
    """As litellm names it, such as `openai`; `demo` for the demo model."""
    name: str
    """The provider's name of the model."""
    base_url: str | None = None
    """Another address of the API; None for the provider's own."""
    tools: Literal["auto", "native", "text"] = "auto"
    """How the model calls tools. `auto` is native unless the model is known not to support it."""
    adapter: Literal["auto", "direct", "litellm"] = "auto"
    """Through what the provider is asked. `auto` is direct unless only litellm knows the provider."""

    without_key: bool = False
    """No key is sent, also where there is one: `base_url` was chosen for one session, and not by the agent's file."""

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.provider}/{self.name}"


class Model(Protocol):
    """See the module docstring for the promises."""

    @property
    def label(self) -> str:
        """For people: `provider/name`, or `demo`."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]: ...
