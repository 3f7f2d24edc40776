"""How a request is written for litellm: which provider wants which name and address. Pure."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from duragent.file_types import PDF
from duragent.models.cache_marks import CACHE_MARK, marked_messages
from duragent.models.facts import thinks
from duragent.models.levels import level_of
from duragent.models.neighbours import with_merged_neighbours
from duragent.models.openai_shapes import (
    data_url,
    file_part,
    function_choice,
    function_tool,
    image_part,
    text_part,
)
from duragent.models.strict_json import object_text
from duragent.models.tail import placed
from duragent.text import without_surrogates

if TYPE_CHECKING:
    from duragent.models.base import ModelChoice
    from duragent.models.messages import AttachedFile, ChatMessage, ModelRequest, ToolCall, ToolSchema

_ANTHROPIC_OUTPUT_TOKENS = 4096
"""Anthropic wants a limit in every request; litellm's own default would be the model's largest."""

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
    request = with_merged_neighbours(placed(request, apart=_is_marked(choice)))
    offered = request.tools if request.tool_choice != "none" else ()
    optional = {
        "api_key": key,
        "api_base": _base_url(choice),
        "temperature": request.temperature,
        "max_tokens": limit,
        "tools": [_tool(tool) for tool in offered] or None,
        "tool_choice": function_choice(request.tool_choice) if offered and request.tool_choice != "auto" else None,
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
    if _is_marked(choice):
        for at in marked_messages(request):
            written[at] = _remembered(written[at])
    return _with_files_of_results(written, request)


def _is_marked(choice: "ModelChoice") -> bool:
    """Whether Claude answers: it gets cache marks, and a result and the text behind it as one message."""
    return choice.provider == "anthropic" or (choice.provider == "openrouter" and "claude" in choice.name.lower())


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
                found.append(each | {"content": parts + (_text_parts(said) if isinstance(said, str) else said)})
                continue
            found.append({"role": "user", "content": parts})
        found.append(each)
        files += message.attachments if message.role == "tool" else ()
    return [*found, {"role": "user", "content": _with_files(_OF_RESULTS, files, request)}] if files else found


def _text_parts(text: str) -> list[dict[str, Any]]:
    return [text_part(text)] if text else []


def _with_files(text: Any, files: "Sequence[AttachedFile]", request: "ModelRequest") -> list[dict[str, Any]]:
    """A message's content with its files behind the text."""
    parts = _text_parts(text)
    for file in files:
        url = data_url(file, request.files[file.sha256])
        parts.append(file_part(without_surrogates(file.name), url) if file.media_type == PDF else image_part(url))
    return parts


def _remembered(message: dict[str, Any]) -> dict[str, Any]:
    """The message with Anthropic's mark that the request up to here is worth remembering."""
    if message["role"] == "tool":
        # litellm puts it on the result's block.
        return message | {"cache_control": CACHE_MARK}
    if not message["content"]:
        return message
    if isinstance(message["content"], list):
        *others, last = message["content"]
        return message | {"content": [*others, last | {"cache_control": CACHE_MARK}]}
    return message | {"content": [text_part(message["content"]) | {"cache_control": CACHE_MARK}]}


def _message(message: "ChatMessage") -> dict[str, Any]:
    content = without_surrogates(message.content)
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": without_surrogates(message.call_id or ""), "content": content}
    if message.role == "assistant" and message.calls:
        calls = [_call(call) for call in message.calls]
        return {"role": "assistant", "content": content or None, "tool_calls": calls}
    return {"role": message.role, "content": content}


def _call(call: "ToolCall") -> dict[str, Any]:
    function = {"name": without_surrogates(call.name), "arguments": object_text(without_surrogates(call.arguments))}
    return {"id": without_surrogates(call.id), "type": "function", "function": function}


def _tool(tool: "ToolSchema") -> dict[str, Any]:
    written: dict[str, Any] = json.loads(without_surrogates(json.dumps(function_tool(tool), ensure_ascii=False)))
    return written
