"""How a request is written for litellm: which provider wants which name, key and address. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from duragent.errors import ModelNotConfigured
from duragent.text import without_surrogates

if TYPE_CHECKING:
    from duragent.models.base import ModelChoice
    from duragent.models.messages import ChatMessage, ModelRequest, ToolCall, ToolSchema

_ANTHROPIC_OUTPUT_TOKENS = 4096
"""Anthropic wants a limit in every request; litellm's own default would be the model's largest."""

_ANTHROPIC_CACHE_POINTS = 4

_PATIENCE_SECONDS = 600.0
"""Silence on the connection after which even a turn without a deadline gives up."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Hosts that are this machine, by their usual names."""


@dataclass(frozen=True)
class Provider:
    """What is particular about a provider. Of `key_variables` the first that is set counts."""

    prefix: str
    key_variables: tuple[str, ...] = ()
    needs_key: bool = True


PROVIDERS = {
    "openai": Provider("openai", ("OPENAI_API_KEY",)),
    "anthropic": Provider("anthropic", ("ANTHROPIC_API_KEY",)),
    "openrouter": Provider("openrouter", ("OPENROUTER_API_KEY",)),
    "gemini": Provider("gemini", ("GEMINI_API_KEY", "GOOGLE_API_KEY")),
    # Through ollama's OpenAI-compatible door, which is what a `base_url` ending in /v1 means; litellm's own way is not.
    "ollama": Provider("openai", ("OLLAMA_API_KEY",), needs_key=False),
}


def ollama_url(environ: Mapping[str, str]) -> str:
    """Where Ollama listens: `OLLAMA_HOST`, as Ollama reads it (host, host:port or URL), else localhost."""
    host = environ.get("OLLAMA_HOST", "").strip().rstrip("/") or "localhost"
    url = urlsplit(host if "://" in host else f"http://{host}")
    return f"{url.scheme}://{url.hostname or 'localhost'}:{url.port or 11434}"


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
    local = choice.base_url is not None and urlsplit(choice.base_url).hostname in LOOPBACK
    if local or (provider is not None and not provider.needs_key):
        return "none"
    if provider is None:
        return None
    raise ModelNotConfigured(
        f"{choice.provider} needs a key: `duragent keys set {choice.provider}`, or {' or '.join(names)} in the "
        "environment of the server"
    )


def missing_key(choice: "ModelChoice", environ: Mapping[str, str]) -> str | None:
    """The variable of the key that the choice needs and that is not there; None when nothing is missing."""
    try:
        if choice.provider != "demo":
            find_key(choice, environ)
    except ModelNotConfigured:
        return key_variables(choice.provider)[0]
    return None


def litellm_arguments(choice: "ModelChoice", key: str | None, request: "ModelRequest") -> dict[str, Any]:
    """The arguments of `litellm.acompletion` for this request: one attempt, streamed, with usage."""
    provider = PROVIDERS.get(choice.provider, Provider(choice.provider))
    limit = request.max_output_tokens
    if limit is None and choice.provider == "anthropic":
        limit = _ANTHROPIC_OUTPUT_TOKENS
    optional = {
        "api_key": key,
        "api_base": _base_url(choice),
        "temperature": request.temperature,
        "max_tokens": limit,
        "tools": [_tool(tool) for tool in request.tools] or None,
    }
    return {
        "model": f"{provider.prefix}/{choice.name}",
        "messages": _messages(choice, request),
        "stream": True,
        "stream_options": {"include_usage": True},
        "num_retries": 0,
        "max_retries": 0,
        "timeout": _PATIENCE_SECONDS,
    } | {name: value for name, value in optional.items() if value is not None}


def _base_url(choice: "ModelChoice") -> str | None:
    """The address as litellm wants it: OpenAI's with its /v1, Anthropic's without. None: the provider's own."""
    if choice.base_url is None:
        return None
    url = choice.base_url.rstrip("/")
    if choice.provider == "anthropic":
        return url.removesuffix("/v1")
    if choice.provider == "ollama" and urlsplit(url).path == "":
        return f"{url}/v1"
    return url


def _messages(choice: "ModelChoice", request: "ModelRequest") -> list[dict[str, Any]]:
    written = [_message(message) for message in request.messages]
    if choice.provider == "anthropic" or (choice.provider == "openrouter" and "claude" in choice.name.lower()):
        for at in request.cache_points[-_ANTHROPIC_CACHE_POINTS:]:
            written[at] = _remembered(written[at])
    return written


def _remembered(message: dict[str, Any]) -> dict[str, Any]:
    """The message with Anthropic's mark that the request up to here is worth remembering."""
    mark = {"type": "ephemeral"}
    if message["role"] == "tool":
        # litellm puts it on the result's block.
        return message | {"cache_control": mark}
    if not message["content"]:
        return message
    return message | {"content": [{"type": "text", "text": message["content"], "cache_control": mark}]}


def _message(message: "ChatMessage") -> dict[str, Any]:
    content = without_surrogates(message.content)
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": without_surrogates(message.call_id or ""), "content": content}
    if message.role == "assistant" and message.calls:
        calls = [_call(call) for call in message.calls]
        return {"role": "assistant", "content": content or None, "tool_calls": calls}
    return {"role": message.role, "content": content}


def _call(call: "ToolCall") -> dict[str, Any]:
    function = {"name": without_surrogates(call.name), "arguments": _object_text(call.arguments)}
    return {"id": without_surrogates(call.id), "type": "function", "function": function}


def _object_text(arguments: str) -> str:
    """The arguments if they are a JSON object, else "{}": one malformed call must not fail every later request."""
    text = without_surrogates(arguments)
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return "{}"
    return text if isinstance(parsed, dict) else "{}"


def _tool(tool: "ToolSchema") -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": without_surrogates(tool.description),
        "parameters": json.loads(without_surrogates(json.dumps(tool.parameters, ensure_ascii=False))),
    }
    return {"type": "function", "function": function}
