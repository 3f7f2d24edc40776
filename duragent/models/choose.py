"""Which model a choice stands for: the offline demo, a provider asked directly, or one through litellm; with tools in
text where needed."""

import asyncio
import math
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from duragent.clock import Clock
from duragent.errors import InvalidRequest
from duragent.models.base import Model, ModelChoice
from duragent.models.providers import dialect_name, missing_key
from duragent.models.text_tools.choice import wants_text

if TYPE_CHECKING:
    from duragent.models.direct.connections import ProviderConnections
    from duragent.models.direct.model import DirectModel


class ModelChooser:
    """The models of one process: the same object for the same choice.

    `environment` has the providers' keys, and the speed of the demo model. Raises InvalidRequest when that is no speed.
    """

    def __init__(self, clock: Clock, environment: Mapping[str, str]) -> None:
        self._clock, self._environment = clock, environment
        self._demo_speed = _demo_speed(environment)
        self._models: dict[ModelChoice, Model] = {}
        self._connections: ProviderConnections | None = None
        self._lock = threading.Lock()

    def model_for(self, choice: ModelChoice) -> Model:
        """The model of that choice. Does not call a provider; a missing key is an error of the first call.

        Raises ModelNotConfigured for a provider that is to be asked directly and cannot be.
        """
        if choice not in self._models:
            model = self._plain_model(choice)
            self._models[choice] = _with_tools_as_text(model) if wants_text(choice, choice.tools) else model
        return self._models[choice]

    async def warm(self, choice: ModelChoice) -> None:
        """Load what that model needs, because a question is about to come; returns when it is there.

        Loads nothing for the demo model, nor where a key is missing, and litellm only for what it is asked through.
        Raises ModelNotConfigured as `model_for`.
        """
        if choice.provider == "demo" or missing_key(choice, self._environment):
            return
        if dialect_name(choice) is None:
            from duragent.models.litellm.model import warmed

            await warmed()
        else:
            # The HTTP library is loaded in a thread, so that sessions go on meanwhile.
            await asyncio.to_thread(self._prepare, choice)

    async def close(self) -> None:
        """End the connections to providers."""
        if self._connections is not None:
            await self._connections.close()

    def _plain_model(self, choice: ModelChoice) -> Model:
        if choice.provider == "demo":
            from duragent.models.demo.model import DemoModel

            return DemoModel(self._clock, self._demo_speed)
        return self._litellm(choice) if dialect_name(choice) is None else self._direct(choice)

    def _prepare(self, choice: ModelChoice) -> None:
        self._direct(choice).prepare()
        # Reads the table of models.
        wants_text(choice, choice.tools)

    def _direct(self, choice: ModelChoice) -> "DirectModel":
        # Here, because an HTTP library takes a while to load, and the demo model needs none.
        from duragent.models.direct.connections import ProviderConnections
        from duragent.models.direct.dialects import dialect_of
        from duragent.models.direct.model import DirectModel

        dialect = dialect_of(choice)
        assert dialect is not None
        with self._lock:
            self._connections = self._connections or ProviderConnections()
        return DirectModel(choice, dialect, self._environment, self._connections)

    def _litellm(self, choice: ModelChoice) -> Model:
        """Load litellm in the background, while the turn prepares its question; not earlier, to save memory."""
        from duragent.models.litellm.model import LitellmModel, warm

        model = LitellmModel(choice, self._environment)
        if model.has_key:
            warm()
        return model


def _with_tools_as_text(model: Model) -> Model:
    from duragent.models.text_tools.model import TextTools

    return TextTools(model)


def _demo_speed(environment: Mapping[str, str]) -> float:
    text = environment.get("DURAGENT_DEMO_SPEED") or "1"
    with suppress(ValueError):
        if 0 < (speed := float(text)) < math.inf:
            return speed
    raise InvalidRequest(f"DURAGENT_DEMO_SPEED: '{text[:40]}' is no number above 0")
