"""What model servers that need no key say of themselves: Ollama, and servers that speak OpenAI's protocol. Blocks.

Plain `http.client`: a command that asks is not made slower by an HTTP library. No proxy is used, no redirection is
followed, and an answer is read up to a bound.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

TAKE_SECONDS = 0.5
"""The wait for each answer when it is only asked what there is."""

SHOW_SECONDS = 2.0
"""The wait for the facts of a model that is about to be asked."""

KNOWN_SECONDS = 60.0
"""How long a window that a server has told counts."""

ASKED_TOKENS = 32_768
"""The window that a request asks for where neither the agent nor the model's Modelfile says one: enough to work with
tools, and little enough for the memory of most machines."""

_MAX_BYTES = 4 << 20
_MAX_MODELS = 500


def ollama_models(url: str, seconds: float = TAKE_SECONDS) -> list[str] | None:
    """The models that Ollama has there, the newest first; None when no Ollama answers."""
    return _names(_get_json(f"{_root(url)}/api/tags", seconds), "models", "name")


def openai_models(base_url: str, seconds: float = TAKE_SECONDS) -> list[str] | None:
    """The models of a server that speaks OpenAI's protocol without a key; None when none answers."""
    return _names(_get_json(f"{base_url.rstrip('/')}/models", seconds), "data", "id")


@dataclass(frozen=True, slots=True)
class OllamaWindow:
    """How many tokens a model of Ollama reads, and whether it sees. None: that is not known, or not said."""

    loaded: int | None = None
    """What it is loaded with now."""
    chosen: int | None = None
    """`num_ctx` of its Modelfile."""
    made_for: int | None = None
    """What it was made for."""
    sees: bool | None = None
    """Whether it takes images."""

    @property
    def running(self) -> int | None:
        """What it reads when a request says nothing."""
        return self.loaded or self.chosen or self.made_for

    @property
    def to_ask_for(self) -> int | None:
        """What a request should ask for: what is loaded already, where that is enough; None when nothing is known."""
        enough = self.chosen or (min(self.made_for, ASKED_TOKENS) if self.made_for else None)
        return max(self.loaded or 0, enough or 0) or None


def ollama_window(url: str, name: str, seconds: float = SHOW_SECONDS) -> OllamaWindow:
    """What Ollama says of the model; nothing known where none answers."""
    loaded = _get_json(f"{_root(url)}/api/ps", seconds)
    running = [_tokens(model.get("context_length")) for model in _objects(loaded, "models") if _is(model, name)]
    shown = _get_json(f"{_root(url)}/api/show", seconds, {"model": name})
    return _with_shown_window(OllamaWindow(next(iter(running), None)), shown)


class WindowMemory:
    """The windows that servers have told, each for `KNOWN_SECONDS`: a turn does not ask before every question."""

    def __init__(
        self,
        ask: Callable[[str, str], OllamaWindow] = ollama_window,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._now = ask, now
        self._known: dict[tuple[str, str], tuple[float, OllamaWindow]] = {}
        self._lock = threading.Lock()

    def window(self, url: str, name: str) -> OllamaWindow:
        """As `ollama_window`."""
        with self._lock:
            asked, known = self._known.get((url, name), (float("-inf"), OllamaWindow()))
            if self._now() - asked < KNOWN_SECONDS and known != OllamaWindow():
                return known
        told = self._ask(url, name)
        with self._lock:
            self._known[(url, name)] = (self._now(), told)
        return told


TOLD = WindowMemory()
"""What the servers of this process's models have told."""


def _with_shown_window(window: OllamaWindow, shown: Any) -> OllamaWindow:
    if not isinstance(shown, dict):
        return window
    for line in str(shown.get("parameters") or "").splitlines():
        word, _, value = line.strip().partition(" ")
        if word == "num_ctx" and value.strip().isdigit():
            window = replace(window, chosen=_tokens(int(value)))
    if isinstance(can := shown.get("capabilities"), list) and can:
        window = replace(window, sees="vision" in can)
    facts = shown.get("model_info")
    if not isinstance(facts, dict):
        return window
    return replace(window, made_for=_tokens(facts.get(f"{facts.get('general.architecture')}.context_length")))


def _tokens(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _is(model: Mapping[str, Any], name: str) -> bool:
    return model.get("name") in (name, f"{name}:latest")


def _root(url: str) -> str:
    """Ollama's own address: a `base_url` may end in the /v1 of its OpenAI-style door."""
    return url.rstrip("/").removesuffix("/v1")


def _names(answer: Any, key: str, name: str) -> list[str] | None:
    if not isinstance(answer, dict) or not isinstance(answer.get(key), list):
        return None
    return [model[name] for model in _objects(answer, key) if isinstance(model.get(name), str) and model[name]]


def _objects(answer: Any, key: str) -> list[dict[str, Any]]:
    listed = answer.get(key) if isinstance(answer, dict) else None
    return [each for each in listed[:_MAX_MODELS] if isinstance(each, dict)] if isinstance(listed, list) else []


def _get_json(url: str, seconds: float, body: object = None) -> Any:
    """The answer's JSON; None for everything else that may happen."""
    try:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=seconds)
        try:
            sent = None if body is None else json.dumps(body)
            headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if sent else {})
            connection.request("POST" if sent else "GET", parts.path or "/", sent, headers)
            answer = connection.getresponse()
            read = answer.read(_MAX_BYTES + 1)
            return json.loads(read) if answer.status == http.client.OK and len(read) <= _MAX_BYTES else None
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return None
