"""How a request is written for litellm: which provider wants which name and address. Pure."""

import base64
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from duragent.file_types import PDF
from duragent.models.direct.levels import level_of
from duragent.models.direct.neighbours import with_merged_neighbours
from duragent.models.facts import thinks
from duragent.text import without_surrogates

if TYPE_CHECKING:
    from duragent.models.base import ModelChoice
    from duragent.models.messages import AttachedFile, ChatMessage, ModelRequest, ToolCall, ToolSchema

_ANTHROPIC_OUTPUT_TOKENS = 4096
"""Anthropic wants a limit in every request; litellm's own default would be the model's largest."""

_ANTHROPIC_CACHE_POINTS = 4

_PREFIXES = {"ollama": "openai"}
"""The names of providers at litellm, where they are not ours. To litellm an Ollama is a server with OpenAI's protocol,
which is what a `base_url` ending in /v1 means; litellm's own way is not."""

_OF_RESULTS = "[the files of the tool results above]"

_PATIENCE_SECONDS = 600.0
"""Silence on the connection after which even a turn without a deadline gives up."""


def litellm_arguments(choice: "ModelChoice", key: str | None, request: "ModelRequest") -> dict[str, Any]:
    """The arguments of `litellm.acompletion` for this request: one attempt, streamed, with usage."""
    limit = request.max_output_tokens
    if limit is None and choice.provider == "anthropic":
        limit = _ANTHROPIC_OUTPUT_TOKENS
    request = with_merged_neighbours(request)
    offered = request.tools if request.tool_choice != "none" else ()
    optional = {
        "api_key": key,
        "api_base": _base_url(choice),
        "temperature": request.temperature,
        "max_tokens": limit,
        "tools": [_tool(tool) for tool in offered] or None,
        "tool_choice": _tool_choice(request) if offered else None,
        "response_format": _response_format(request),
        **_thinking(choice, request),
    }
    return {
        "model": f"{_PREFIXES.get(choice.provider, choice.provider)}/{choice.name}",
        "messages": _messages(choice, request),
        "stream": True,
        "stream_options": {"include_usage": True},
        "num_retries": 0,
        "max_retries": 0,
        "timeout": _PATIENCE_SECONDS,
    } | {name: value for name, value in optional.items() if value is not None}


def _tool_choice(request: "ModelRequest") -> str | dict[str, Any] | None:
    asked = request.tool_choice
    if isinstance(asked, str):
        return None if asked == "auto" else asked
    return {"type": "function", "function": {"name": asked.name}}


def _response_format(request: "ModelRequest") -> dict[str, Any] | None:
    if (asked := request.response_schema) is None:
        return None
    return {"type": "json_schema", "json_schema": {"name": asked.name, "schema": asked.json_schema}}


def _thinking(choice: "ModelChoice", request: "ModelRequest") -> dict[str, Any]:
    """As litellm wants it. A model of which nothing is known is asked for it, and its provider may refuse that."""
    asked, can = request.thinking, thinks(choice)
    if asked is None or can is False or (asked == "off" and not can):
        return {}
    if isinstance(asked, str):
        return {"reasoning_effort": "none" if asked == "off" else asked}
    if "claude" in choice.name.lower():
        return {"thinking": {"type": "enabled", "budget_tokens": asked}}
    return {"reasoning_effort": level_of(asked)}


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
    for at, message in enumerate(request.messages):
        if message.attachments and message.role == "user":
            written[at] = written[at] | {"content": _with_files(written[at]["content"], message.attachments, request)}
    if choice.provider == "anthropic" or (choice.provider == "openrouter" and "claude" in choice.name.lower()):
        for at in request.cache_points[-_ANTHROPIC_CACHE_POINTS:]:
            written[at] = _remembered(written[at])
    return _with_files_of_results(written, request)


def _with_files_of_results(written: "list[dict[str, Any]]", request: "ModelRequest") -> list[dict[str, Any]]:
    """The messages with the files of results behind the last result of each round: not every provider has a place for
    them in a result, and nothing else may stand between results."""
    found: list[dict[str, Any]] = []
    files: list[AttachedFile] = []
    for message, each in zip(request.messages, written, strict=True):
        if files and message.role != "tool":
            parts = _with_files(_OF_RESULTS, files, request)
            files = []
            if message.role == "user":
                # Two messages of one role in a row are refused by some.
                said = each["content"]
                found.append(each | {"content": parts + (_text_part(said) if isinstance(said, str) else said)})
                continue
            found.append({"role": "user", "content": parts})
        found.append(each)
        files += message.attachments if message.role == "tool" else ()
    return [*found, {"role": "user", "content": _with_files(_OF_RESULTS, files, request)}] if files else found


def _text_part(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}] if text else []


def _with_files(text: Any, files: "Sequence[AttachedFile]", request: "ModelRequest") -> list[dict[str, Any]]:
    """A message's content with its files behind the text."""
    parts = _text_part(text)
    for file in files:
        encoded = base64.b64encode(request.files.get(file.sha256, b"")).decode()
        url = f"data:{file.media_type};base64,{encoded}"
        if file.media_type == PDF:
            parts.append({"type": "file", "file": {"filename": without_surrogates(file.name), "file_data": url}})
        else:
            parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _remembered(message: dict[str, Any]) -> dict[str, Any]:
    """The message with Anthropic's mark that the request up to here is worth remembering."""
    mark = {"type": "ephemeral"}
    if message["role"] == "tool":
        # litellm puts it on the result's block.
        return message | {"cache_control": mark}
    if not message["content"]:
        return message
    if isinstance(message["content"], list):
        *others, last = message["content"]
        return message | {"content": [*others, last | {"cache_control": mark}]}
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
