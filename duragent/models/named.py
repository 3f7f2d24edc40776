"""Which model a person means by `provider/name`, or by a name alone. Pure, but for litellm's list of providers."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from duragent.errors import InvalidRequest, ModelNotConfigured
from duragent.models.base import ModelChoice
from duragent.models.provider_names import provider_names, unknown_provider
from duragent.models.providers import LOOPBACK, find_key

_NAMES_WITHOUT_SLASH = ("anthropic", "openai", "gemini")
"""At these a name with a slash is no model, but a provider that was misspelt."""


def named_model(text: str, own: ModelChoice, keys: Mapping[str, str], base_url: str = "") -> ModelChoice:
    """The model that the text names, for an agent whose own model is `own`.

    Raises InvalidRequest when there is no such provider or the address is elsewhere, ModelNotConfigured without a key.
    """
    provider, name = _split(text.strip(), own, keys)
    if base_url:
        if urlsplit(base_url).scheme not in ("http", "https") or urlsplit(base_url).hostname not in LOOPBACK:
            raise InvalidRequest(
                "the address must be one of the server's own machine, such as http://127.0.0.1:1234/v1"
            )
        return ModelChoice(provider, name, base_url, without_key=True)
    chosen = ModelChoice(provider, name)
    if provider == own.provider:
        chosen = replace(chosen, base_url=own.base_url, adapter=own.adapter)
    if provider != "demo":
        find_key(chosen, keys)
    return chosen


def _split(text: str, own: ModelChoice, keys: Mapping[str, str]) -> tuple[str, str]:
    provider, _, name = text.partition("/")
    if text == "demo":
        return "demo", "demo"
    if name and provider in provider_names():
        # openrouter's names begin with the names of other providers.
        if own.provider == "openrouter" and not _has_key(provider, keys) and _has_key("openrouter", keys):
            return "openrouter", text
        return provider, name
    if own.provider == "demo":
        raise InvalidRequest(
            (unknown_provider(provider) if name else None)
            or f"which provider has '{text}'? Write provider/name, such as openai/{text}"
        )
    if name and own.provider in _NAMES_WITHOUT_SLASH and (wrong := unknown_provider(provider)):
        raise InvalidRequest(wrong)
    return own.provider, text


def _has_key(provider: str, keys: Mapping[str, str]) -> bool:
    try:
        return provider == "demo" or find_key(ModelChoice(provider, ""), keys) is not None
    except ModelNotConfigured:
        return False
