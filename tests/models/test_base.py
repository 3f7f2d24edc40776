"""How a model is chosen and shown."""

from duragent.models.base import ModelChoice


def test_choice_is_shown_as_provider_and_name() -> None:
    assert ModelChoice("openrouter", "vendor/model-1").label == "openrouter/vendor/model-1"


def test_choice_without_more_is_the_providers_own_address_and_decides_on_tools_itself() -> None:
    choice = ModelChoice("openai", "m")
    assert (choice.base_url, choice.tools) == (None, "auto")
    assert choice == ModelChoice("openai", "m", None, "auto")
