"""Which model a choice stands for: the offline demo, or a provider through litellm; with tools in text where needed."""

import math
from collections.abc import Mapping
from contextlib import suppress

from duragent.clock import Clock
from duragent.errors import InvalidRequest
from duragent.models.base import Model, ModelChoice
from duragent.models.demo.model import DemoModel
from duragent.models.litellm.model import LitellmModel, warm, warmed
from duragent.models.text_tools.choice import wants_text
from duragent.models.text_tools.model import TextTools


class ModelChooser:
    """The models of one process: the same object for the same choice.

    `environment` has the providers' keys, and the speed of the demo model. Raises InvalidRequest when that is no speed.
    """

    def __init__(self, clock: Clock, environment: Mapping[str, str]) -> None:
        self._clock, self._environment = clock, environment
        self._demo_speed = _demo_speed(environment)
        self._models: dict[ModelChoice, Model] = {}

    def model_for(self, choice: ModelChoice) -> Model:
        """The model of that choice. Does not call a provider; a missing key is an error of the first call."""
        if choice not in self._models:
            is_demo = choice.provider == "demo"
            model = DemoModel(self._clock, self._demo_speed) if is_demo else self._litellm(choice)
            self._models[choice] = TextTools(model) if wants_text(choice, choice.tools) else model
        return self._models[choice]

    async def warm(self, choice: ModelChoice) -> None:
        """Load what that model needs, because a question is about to come; returns when it is there.

        Loads nothing for the demo model, nor where a key is missing.
        """
        if choice.provider != "demo" and LitellmModel(choice, self._environment).has_key:
            await warmed()

    def _litellm(self, choice: ModelChoice) -> Model:
        """Load litellm in the background, while the turn prepares its question; not earlier, to save memory."""
        model = LitellmModel(choice, self._environment)
        if model.has_key:
            warm()
        return model


def _demo_speed(environment: Mapping[str, str]) -> float:
    text = environment.get("DURAGENT_DEMO_SPEED") or "1"
    with suppress(ValueError):
        if 0 < (speed := float(text)) < math.inf:
            return speed
    raise InvalidRequest(f"DURAGENT_DEMO_SPEED: '{text[:40]}' is no number above 0")
