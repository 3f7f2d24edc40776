"""Which model a choice stands for."""

import pytest

from duragent.models.base import ModelChoice
from duragent.models.choose import ModelChooser
from duragent.models.demo.model import DemoModel
from duragent.models.litellm.model import LitellmModel
from duragent.models.text_tools.model import TextTools
from duragent.testing import FakeClock


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        (ModelChoice("demo", "demo"), DemoModel),
        (ModelChoice("openai", "gpt-4o"), LitellmModel),
        (ModelChoice("openai", "gpt-4o", None, "text"), TextTools),
        (ModelChoice("demo", "demo", None, "text"), TextTools),
    ],
)
def test_each_choice_has_its_model_and_always_the_same_one(choice: ModelChoice, kind: type) -> None:
    chooser = ModelChooser(FakeClock(), {})
    model = chooser.model_for(choice)
    assert type(model) is kind
    assert chooser.model_for(choice) is model
