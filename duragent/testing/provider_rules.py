"""What real providers refuse, as the stub refuses it: one pure check of a request per protocol.

Each check returns None, or the `Refusal` that the real API would answer. The sentences are the real ones where known.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_OPENAI_ROLES = ("system", "developer", "user", "assistant", "tool", "function")


@dataclass(frozen=True)
class Refusal:
    """An error answer: the HTTP status and the sentence."""

    status: int
    message: str


class _Refused(Exception):
    def __init__(self, message: str, status: int = 400) -> None:
        self.refusal = Refusal(status, message)
        super().__init__(message)


def refuse_openai(body: Json, headers: Mapping[str, str]) -> Refusal | None:
    """What `/v1/chat/completions` holds against this request."""
    try:
        _check_key(headers.get("authorization", "").removeprefix("Bearer ").strip())
        _check_openai_shape(body)
        _check_openai_calls(body["messages"])
    except _Refused as refused:
        return refused.refusal
    return None


def refuse_anthropic(body: Json, headers: Mapping[str, str]) -> Refusal | None:
    """What `/v1/messages` holds against this request."""
    try:
        _check_key(headers.get("x-api-key", ""))
        _check_anthropic_shape(body, headers)
        messages = merged(body["messages"])
        for index, message in enumerate(messages):
            _check_blocks(message, f"messages.{index}")
        _check_anthropic_calls(messages)
    except _Refused as refused:
        return refused.refusal
    return None


def merged(messages: Sequence[Json]) -> list[dict[str, Any]]:
    """The messages as Anthropic reads them: neighbours of one role are one message, and text is a block."""
    result: list[dict[str, Any]] = []
    for message in messages:
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content or [])
        if result and result[-1]["role"] == message.get("role"):
            result[-1]["content"].extend(blocks)
        else:
            result.append({"role": message.get("role"), "content": blocks})
    return result


def _refuse_if(wrong: bool, message: str, status: int = 400) -> None:
    if wrong:
        raise _Refused(message, status)


def _check_key(key: str) -> None:
    _refuse_if(not key, "You didn't provide an API key.", 401)
    _refuse_if(key == "bad-key", "Incorrect API key provided: bad-key.", 401)


def _check_messages(body: Json) -> None:
    _refuse_if(not isinstance(body.get("model"), str), "you must provide a model parameter")
    messages = body.get("messages")
    _refuse_if(not isinstance(messages, list) or not messages, "messages: at least one message is required")


# --- OpenAI ---------------------------------------------------------------------------------------------------------


def _check_openai_shape(body: Json) -> None:
    _check_messages(body)
    for index, message in enumerate(body["messages"]):
        role = message.get("role")
        _refuse_if(role not in _OPENAI_ROLES, f"Invalid value: '{role}' for 'messages[{index}].role'.")
        _refuse_if(role in ("system", "developer") and index > 0, "System message must be at the beginning.")
        silent = role == "assistant" and message.get("tool_calls")
        _refuse_if(
            message.get("content") is None and not silent,
            f"Invalid value for 'content': expected a string, got null for 'messages[{index}].content'.",
        )
    _refuse_if(body.get("tools") == [], "Invalid 'tools': empty array.")
    for tool in body.get("tools") or ():
        function = tool.get("function", {})
        _refuse_if(tool.get("type") != "function", "Missing required parameter: 'tools[0].type'.")
        _check_tool(function.get("name"), function.get("parameters", {"type": "object"}))


def _check_openai_calls(messages: Sequence[Json]) -> None:
    open_ids: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            _refuse_if(
                message.get("tool_call_id") not in open_ids,
                "Invalid parameter: messages with role 'tool' must be a response to a preceding message with "
                f"'tool_calls' (messages[{index}]).",
            )
            open_ids.remove(message["tool_call_id"])
            continue
        _check_answered(open_ids)
        _refuse_if(message.get("tool_calls") == [], f"Invalid 'messages[{index}].tool_calls': empty array.")
        for call in message.get("tool_calls") or ():
            _check_openai_call(call, index)
            open_ids.append(call["id"])
    _check_answered(open_ids)


def _check_answered(open_ids: Sequence[str]) -> None:
    _refuse_if(
        bool(open_ids),
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(open_ids)}",
    )


def _check_openai_call(call: Json, index: int) -> None:
    arguments = call.get("function", {}).get("arguments")
    where = f"messages[{index}].tool_calls"
    _refuse_if(not call.get("id") or call.get("type") != "function", f"Missing required parameter: '{where}.id'.")
    # OpenAI itself takes any string here; several compatible servers parse it and answer 400.
    _refuse_if(not _is_json_object(arguments), f"Invalid '{where}.function.arguments': not a JSON object.")


def _is_json_object(text: object) -> bool:
    try:
        return isinstance(text, str) and isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _check_tool(name: object, schema: object) -> None:
    named = isinstance(name, str) and _TOOL_NAME.fullmatch(name)
    _refuse_if(not named, f"Invalid tool name {name!r}: expected a string that matches '^[a-zA-Z0-9_-]{{1,64}}$'.")
    an_object = isinstance(schema, dict) and schema.get("type") == "object"
    _refuse_if(not an_object, f"Invalid schema for function {name!r}: must be a JSON Schema of 'type: \"object\"'.")


# --- Anthropic ------------------------------------------------------------------------------------------------------


def _check_anthropic_shape(body: Json, headers: Mapping[str, str]) -> None:
    _refuse_if("anthropic-version" not in headers, "anthropic-version: header is required")
    _refuse_if("max_tokens" not in body, "max_tokens: Field required")
    limit = body["max_tokens"]
    _refuse_if(not isinstance(limit, int) or limit < 1, "max_tokens: Input should be greater than or equal to 1")
    _check_messages(body)
    for index, message in enumerate(body["messages"]):
        role = message.get("role")
        _refuse_if(role not in ("user", "assistant"), f"messages.{index}: Unexpected role {role!r}.")
    _refuse_if(body["messages"][0]["role"] != "user", 'messages: first message must use the "user" role')
    for block in body["system"] if isinstance(body.get("system"), list) else ():
        _refuse_if(not block.get("text"), "system: text content blocks must be non-empty")
    for tool in body.get("tools") or ():
        _check_tool(tool.get("name"), tool.get("input_schema"))


def _check_blocks(message: Json, where: str) -> None:
    _refuse_if(not message["content"], f"{where}: all messages must have non-empty content")
    for number, block in enumerate(message["content"]):
        kind, here = block.get("type"), f"{where}.content.{number}"
        empty = kind == "text" and not block.get("text")
        _refuse_if(empty, "messages: text content blocks must be non-empty")
        blank = kind == "text" and not str(block.get("text")).strip()
        _refuse_if(blank, "messages: text content blocks must contain non-whitespace text")
        parts = block.get("content") if kind == "tool_result" else None
        hollow = isinstance(parts, list) and any(part.get("type") == "text" and not part.get("text") for part in parts)
        _refuse_if(hollow, "messages: text content blocks must be non-empty")
        _refuse_if(
            kind == "tool_use" and not isinstance(block.get("input"), dict),
            f"{here}.tool_use.input: Input should be a valid dictionary",
        )


def _check_anthropic_calls(messages: Sequence[Json]) -> None:
    called: list[str] = []
    for index, message in enumerate(messages):
        answered = [block["tool_use_id"] for block in _leading_results(message)]
        stray = [identity for identity in _ids(message, "tool_result", "tool_use_id") if identity not in called]
        _refuse_if(
            bool(stray),
            f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {', '.join(stray)}. Each "
            "`tool_result` block must have a corresponding `tool_use` block in the previous message.",
        )
        _check_uses(index - 1, [identity for identity in called if identity not in answered])
        called = _ids(message, "tool_use", "id")
    _check_uses(len(messages) - 1, called)


def _check_uses(index: int, missing: Sequence[str]) -> None:
    _refuse_if(
        bool(missing),
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
        "message.",
    )


def _leading_results(message: Json) -> Iterator[Json]:
    for block in message["content"]:
        if block.get("type") != "tool_result":
            return
        yield block


def _ids(message: Json, kind: str, field: str) -> list[str]:
    return [block[field] for block in message["content"] if block.get("type") == kind]
