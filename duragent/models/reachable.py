"""Which models can be asked from here: those whose key is there, and those of servers that need none. Blocks."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from duragent.models.local_servers import ollama_models, openai_models
from duragent.models.providers import PROVIDERS, ollama_url
from duragent.models.unreached import shown_address

LOCAL_SERVERS = {
    "LM Studio": "http://127.0.0.1:1234/v1",
    "vLLM": "http://127.0.0.1:8000/v1",
    "llama.cpp": "http://127.0.0.1:8080/v1",
}
"""Where servers that speak OpenAI's protocol usually listen on one's own machine."""

MODEL_TO_PULL = "qwen3"
_MAX_ASKED = 16


@dataclass(frozen=True, slots=True)
class ReachableModel:
    """A model that can be asked."""

    provider: str
    """As litellm names it."""
    name: str
    """The provider's name of the model."""
    why: str
    """Half a sentence for people: "OPENAI_API_KEY is set"."""
    base_url: str | None = None
    """Where it answers, when that is not the provider's usual address."""
    is_example: bool = False
    """One of many at its provider: any other name will do too."""

    @property
    def label(self) -> str:
        """For people: `provider/name`."""
        return f"{self.provider}/{self.name}"


@dataclass(frozen=True, slots=True)
class Reachable:
    """What can be asked, the likeliest first."""

    models: tuple[ReachableModel, ...]
    hints: tuple[str, ...] = ()
    """Sentences about what is nearly there, such as an Ollama without a model."""


def reachable(keys: Mapping[str, str], usual: Mapping[str, str], base_urls: Iterable[str] = ()) -> Reachable:
    """What can be asked with these keys, at Ollama, at the usual local servers, and at those addresses without a key.

    `usual`: for each provider the model to begin with, in the order of the list.
    """
    named = {shown_address(url): url for url in base_urls}
    servers = {address: name for name, address in LOCAL_SERVERS.items()} | {url: url for url in named.values()}
    with ThreadPoolExecutor(_MAX_ASKED) as pool:
        ollama = pool.submit(ollama_models, ollama_url(keys))
        others = [(url, name, pool.submit(openai_models, url)) for url, name in servers.items()]
    found = [*_with_keys(keys, usual), *_of_ollama(keys, ollama.result())]
    for url, name, asked in others:
        why = f"{name} answers" if name == url else f"{name} runs on this machine"
        found += [ReachableModel("openai", model, why, url) for model in asked.result() or ()]
    return Reachable(tuple(found), tuple(_hints(keys, ollama.result())))


def missing_at_ollama(keys: Mapping[str, str], name: str, base_url: str | None = None) -> str | None:
    """A sentence when an Ollama answers and does not have that model; None else. Blocks."""
    has = ollama_models(base_url or ollama_url(keys))
    if has is None or name in has or f"{name}:latest" in has:
        return None
    return f"Ollama does not have {name}: `ollama pull {name}`" + (f"; it has {', '.join(has[:5])}" if has else "")


def _with_keys(keys: Mapping[str, str], usual: Mapping[str, str]) -> Sequence[ReachableModel]:
    found = []
    for provider, model in usual.items():
        known = PROVIDERS.get(provider)
        variables = known.key_variables if known is not None and known.needs_key else ()
        if has := [name for name in variables if keys.get(name, "").strip()]:
            found.append(ReachableModel(provider, model, f"{has[0]} is set", is_example=True))
    return found


def _of_ollama(keys: Mapping[str, str], models: Sequence[str] | None) -> Sequence[ReachableModel]:
    why = f"Ollama runs at {shown_address(ollama_url(keys))}"
    return [ReachableModel("ollama", name, why) for name in models or ()]


def _hints(keys: Mapping[str, str], models: Sequence[str] | None) -> Sequence[str]:
    if models is None or models:
        return []
    at = shown_address(ollama_url(keys))
    return [f"Ollama runs at {at} and has no model yet: `ollama pull {MODEL_TO_PULL}`, or another one."]
