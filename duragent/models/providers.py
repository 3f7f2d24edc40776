"""The providers that we know by themselves: their keys, and where they listen. Pure.

Of every other provider litellm knows what is particular about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from duragent.errors import ModelNotConfigured

if TYPE_CHECKING:
    from duragent.models.base import ModelChoice

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Hosts that are this machine, by their usual names."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What is particular about a provider."""

    key_variables: tuple[str, ...]
    """Variables that may hold its key; the first that is set counts."""
    dialect: str
    """The protocol that it is asked in, by its name in `direct.dialects`."""
    url: str = ""
    """Where its API is, as a `base_url` would say it; "" when the environment decides."""
    url_variables: tuple[str, ...] = ()
    """Variables that may hold another address of its API, as its own library and litellm read them."""
    needs_key: bool = True
    """A request without a key is refused."""
    is_told_window: bool = False
    """Each request says how much the model reads; without that it is little."""


PROVIDERS = {
    "openai": Provider(
        ("OPENAI_API_KEY",), "openai_chat", "https://api.openai.com/v1", ("OPENAI_BASE_URL", "OPENAI_API_BASE")
    ),
    "anthropic": Provider(
        ("ANTHROPIC_API_KEY",),
        "anthropic_messages",
        "https://api.anthropic.com",
        ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE"),
    ),
    "openrouter": Provider(
        ("OPENROUTER_API_KEY",), "openai_chat", "https://openrouter.ai/api/v1", ("OPENROUTER_API_BASE",)
    ),
    "gemini": Provider(
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "openai_chat",
        "https://generativelanguage.googleapis.com/v1beta/openai",
    ),
    # What these two refuse or want back litellm does not know: ids of nine letters, thoughts behind calls.
    "mistral": Provider(("MISTRAL_API_KEY",), "openai_chat", "https://api.mistral.ai/v1", ("MISTRAL_API_BASE",)),
    "deepseek": Provider(("DEEPSEEK_API_KEY",), "openai_chat", "https://api.deepseek.com", ("DEEPSEEK_API_BASE",)),
    "ollama": Provider(("OLLAMA_API_KEY",), "ollama_chat", needs_key=False, is_told_window=True),
}


OLLAMA = ("ollama", "ollama_chat")
"""What an Ollama is called: by us, and by litellm."""

_DIALECT_OF_ADDRESSES = "openai_chat"
"""What a server speaks that is named by its address alone."""


def dialect_name(choice: "ModelChoice") -> str | None:
    """The protocol in which that model is asked directly; None: it is asked through litellm, or is the demo model.

    Raises ModelNotConfigured where `adapter` says what cannot be.
    """
    known = PROVIDERS.get(choice.provider)
    if choice.adapter == "litellm" or choice.provider == "demo":
        return None
    if known is not None:
        return known.dialect
    if choice.adapter == "auto":
        return None
    if choice.base_url is not None:
        return _DIALECT_OF_ADDRESSES
    raise ModelNotConfigured(
        f"'{choice.provider}' is asked directly only at an address that speaks OpenAI's protocol: set `base_url`, or "
        "leave out `adapter: direct`"
    )


def wrong_adapter(choice: "ModelChoice") -> str | None:
    """A sentence that says what would be right, where the model cannot be asked as `adapter` says; else None."""
    try:
        dialect_name(choice)
    except ModelNotConfigured as error:
        return str(error)
    return None


def way_of_asking(choice: "ModelChoice") -> str:
    """For people: "through litellm", or "directly" where the agent asks for it; "" for the usual way."""
    if choice.provider == "demo" or wrong_adapter(choice):
        return ""
    if dialect_name(choice) is None:
        return "through litellm"
    return "directly" if choice.adapter == "direct" else ""


def ollama_url(environ: Mapping[str, str]) -> str:
    """Where Ollama listens: `OLLAMA_HOST`, as Ollama reads it (host, host:port or URL), else localhost."""
    host = environ.get("OLLAMA_HOST", "").strip().rstrip("/") or "localhost"
    url = urlsplit(host if "://" in host else f"http://{host}")
    return f"{url.scheme}://{url.hostname or 'localhost'}:{url.port or 11434}"


def with_address(choice: "ModelChoice", environ: Mapping[str, str]) -> "ModelChoice":
    """The choice with the address that the environment has for its provider; one of its own stands before that."""
    known = PROVIDERS.get(choice.provider)
    if choice.base_url is not None or known is None:
        return choice
    if choice.provider == "ollama":
        return replace(choice, base_url=ollama_url(environ))
    urls = (environ.get(name, "").strip() for name in known.url_variables)
    return replace(choice, base_url=next((url for url in urls if url), None))


def key_variables(provider: str) -> tuple[str, ...]:
    """The variables that may hold the provider's key, the usual one first."""
    known = PROVIDERS.get(provider)
    return known.key_variables if known else (f"{provider.upper().replace('-', '_')}_API_KEY",)


def find_key(choice: "ModelChoice", environ: Mapping[str, str]) -> str | None:
    """The key for this choice. None: litellm looks for one itself, for a provider that is not in our table.

    Raises ModelNotConfigured, which says what to do, when a provider of the table has none. A server on this machine
    needs none.
    """
    if choice.without_key:
        return "none"
    provider, names = PROVIDERS.get(choice.provider), key_variables(choice.provider)
    for name in names:
        if environ.get(name, "").strip():
            return environ[name].strip()
    if _is_here(choice.base_url) or (provider is not None and not provider.needs_key):
        return "none"
    if provider is None:
        return None
    raise ModelNotConfigured(
        f"{choice.provider} needs a key: `duragent keys set {choice.provider}`, or {' or '.join(names)} in the "
        "environment of the server"
    )


def _is_here(base_url: str | None) -> bool:
    try:
        return base_url is not None and urlsplit(base_url).hostname in LOOPBACK
    except ValueError:
        return False


def missing_key(choice: "ModelChoice", environ: Mapping[str, str]) -> str | None:
    """The variable of the key that the choice needs and that is not there; None when nothing is missing."""
    try:
        if choice.provider != "demo":
            find_key(choice, environ)
    except ModelNotConfigured:
        return key_variables(choice.provider)[0]
    return None
