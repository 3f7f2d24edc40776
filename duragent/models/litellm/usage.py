"""What providers report of an answer's tokens and price, made fit before anything computes with it. No I/O.

What `messages.count` and `messages.price` do not accept is unknown: it counts as 0, and such an answer has no price.
litellm raises for many of these values, and with that throws away an answer that was paid for, so `make_tolerant` puts
the same rule in front of the places where litellm reads usage.
"""

import functools
import importlib
import warnings
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from duragent.models.messages import ModelUsage, count, price

odd: ContextVar["list[str] | None"] = ContextVar("odd", default=None)
"""Collects the odd values in the usage that the current task reads; None: they are not collected."""

_COUNTS = ("tokens", "Tokens", "tokenCount", "TokenCount", "token_count", "_requests")
_ALWAYS = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")
"""The counts without which an answer has no price; the others may be null."""
_OBJECTS, _LISTS = ("_details", "server_tool_use", "cache_creation"), ("Details", "iterations")


def usage_from(reported: Any) -> ModelUsage:
    """The counts of a usage object of litellm. `input_tokens` includes the cached ones, for every provider."""
    prompt, completion = (
        getattr(reported, name, None) for name in ("prompt_tokens_details", "completion_tokens_details")
    )
    return ModelUsage(
        input_tokens=_known("prompt_tokens", getattr(reported, "prompt_tokens", None)),
        output_tokens=_known("completion_tokens", getattr(reported, "completion_tokens", None)),
        cached_input_tokens=_known("cached_tokens", getattr(prompt, "cached_tokens", None)),
        reasoning_tokens=_known("reasoning_tokens", getattr(completion, "reasoning_tokens", None)),
    )


def _known(name: str, value: object) -> int:
    if value is None:
        return 0
    tokens = count(value)
    if tokens is None:
        _note(name, value)
    return tokens or 0


def _note(name: str, value: object) -> None:
    if (found := odd.get()) is not None:
        found.append(f"{name}={value!r:.40}")


def mended(reported: object) -> dict[str, Any]:
    """A usage object without what is no count; what is known stays, and so do fields that are no counts."""
    if not isinstance(reported, Mapping):
        if reported is not None:
            _note("usage", reported)
        return {}
    return {str(name): _mended(str(name), value) for name, value in reported.items() if _fits(str(name), value)}


def _fits(name: str, value: object) -> bool:
    if value is None:
        if name in _ALWAYS:
            _note(name, value)
        return not name.endswith((*_COUNTS, *_OBJECTS, *_LISTS))
    fits = True
    if name.endswith(_OBJECTS):
        fits = not isinstance(value, str | int | float | list)
    elif name.endswith(_LISTS):
        fits = isinstance(value, list)
    elif name.endswith(_COUNTS):
        fits = count(value) is not None
    elif name == "cost":
        fits = price(value) is not None
    if not fits:
        _note(name, value)
    return fits


def _mended(name: str, value: Any) -> Any:
    if name.endswith(_COUNTS):
        return count(value)
    if isinstance(value, Mapping):
        return mended(value)
    if name.endswith(_LISTS):
        return [mended(each) for each in value if isinstance(each, Mapping)]
    return value


# --- in litellm -----------------------------------------------------------------------------------------------------

_USAGE = "litellm.types.utils:Usage.__init__"
_GEMINI = "litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini:ModelResponseIterator.chunk_parser"
_CHUNK_PARSERS = {
    "anthropic": "litellm.llms.anthropic.chat.handler:ModelResponseIterator.chunk_parser",
    "gemini": _GEMINI,
    "vertex_ai": _GEMINI,
}
"""The providers whose usage litellm computes with before it makes a `Usage` of it."""


def make_tolerant(provider: str) -> None:
    """Let litellm read this provider's usage by the rule above. A place that a later litellm no longer has is left."""
    # Providers' own objects are copied on the way, with a warning of several lines for each odd value.
    warnings.filterwarnings("ignore", message="Pydantic serializer warnings")
    _put_before(_USAGE, lambda args, kwargs: (args, mended(kwargs)))
    if provider in _CHUNK_PARSERS:
        _put_before(_CHUNK_PARSERS[provider], _with_mended_chunk)


def _put_before(place: str, mend: Callable[[Any, Any], tuple[Any, Any]]) -> None:
    module, _, name = place.partition(":")
    owner_name, _, method_name = name.partition(".")
    try:
        owner = getattr(importlib.import_module(module), owner_name)
        method = getattr(owner, method_name)
    except (ImportError, AttributeError):
        return
    if getattr(method, "duragent_mends", False):
        return

    @functools.wraps(method)
    def mending(self: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = mend(args, kwargs)
        return method(self, *args, **kwargs)

    mending.duragent_mends = True  # type: ignore[attr-defined]  # the mark that it was put in front already
    setattr(owner, method_name, mending)


def _with_mended_chunk(args: Any, kwargs: Any) -> tuple[Any, Any]:
    chunk = args[0] if args else kwargs.get("chunk")
    for holder in (chunk, chunk.get("message") if isinstance(chunk, dict) else None):
        for name in ("usage", "usageMetadata"):
            if isinstance(holder, dict) and name in holder:
                holder[name] = mended(holder[name])
    return args, kwargs
