"""What Anthropic refuses. See `provider_rules`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from duragent.testing.attached_parts import check_base64, check_image
from duragent.testing.claude_rules import check_model, leaves_out_what_does_not_fit, signer
from duragent.testing.refusals import (
    Json,
    Refusal,
    RefusedByProvider,
    check_key,
    check_messages,
    check_tool,
    in_progress,
    refuse_if,
)
from duragent.testing.signatures import is_sealed_by, signature

_CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
_THINKING = ("thinking", "redacted_thinking")
_KINDS_OF_ASSISTANTS = ("text", "tool_use", *_THINKING)
_KINDS_OF_USERS = ("text", "tool_result", "image", "document")
_MOST_MARKS = 4
_LEAST_BUDGET = 1024
_FIELDS = frozenset(
    (
        *("model", "messages", "max_tokens", "system", "tools", "tool_choice", "temperature", "top_p", "top_k"),
        *("stream", "stop_sequences", "thinking", "metadata", "service_tier", "output_config", "output_format"),
        *("container", "context_management", "mcp_servers", "cache_control", "inference_geo"),
    )
)


def refuse_anthropic(body: Json, headers: Mapping[str, str]) -> Refusal | None:
    """What `/v1/messages` holds against this request."""
    try:
        check_key(headers.get("x-api-key"))
        _check_shape(body, headers)
        _check_thinking_wishes(body)
        check_model(body, headers)
        messages = merged(body["messages"])
        for index, message in enumerate(messages):
            _check_blocks(message, f"messages.{index}")
            _check_thinking(message, f"messages.{index}", body, signer(body["model"], body, messages[:index]))
        _check_marks(body)
        _check_calls(messages)
        _check_thought_before(messages, body)
        refuse_if(messages[-1]["role"] != "user", "The conversation must end with a user message.")
    except RefusedByProvider as refused:
        return refused.refusal
    return None


def signer_of_answer(body: Json) -> str:
    """Who signs what is thought in the answer to this request."""
    return signer(body["model"], body, merged(body["messages"]))


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


def _check_shape(body: Json, headers: Mapping[str, str]) -> None:
    refuse_if("anthropic-version" not in headers, "anthropic-version: header is required")
    refuse_if("max_tokens" not in body, "max_tokens: Field required")
    limit = body["max_tokens"]
    refuse_if(not isinstance(limit, int) or limit < 1, "max_tokens: Input should be greater than or equal to 1")
    check_messages(body)
    unknown = sorted(set(body) - _FIELDS)
    refuse_if(bool(unknown), f"{', '.join(unknown)}: Extra inputs are not permitted")
    temperature = body.get("temperature", 1)
    refuse_if(not 0 <= temperature <= 1, "temperature: range: 0..1")
    refuse_if(bool(body.get("tool_choice")) and not body.get("tools"), "tool_choice: may only be given with `tools`")
    for index, message in enumerate(body["messages"]):
        role = message.get("role")
        refuse_if(role not in ("user", "assistant"), f"messages.{index}: Unexpected role {role!r}.")
    refuse_if(body["messages"][0]["role"] != "user", 'messages: first message must use the "user" role')
    for block in body["system"] if isinstance(body.get("system"), list) else ():
        refuse_if(not block.get("text"), "system: text content blocks must be non-empty")
    for tool in body.get("tools") or ():
        check_tool(tool.get("name"), tool.get("input_schema"))


def _check_blocks(message: Json, where: str) -> None:
    refuse_if(not message["content"], f"{where}: all messages must have non-empty content")
    for number, block in enumerate(message["content"]):
        kind, here = block.get("type"), f"{where}.content.{number}"
        mine = _KINDS_OF_ASSISTANTS if message["role"] == "assistant" else _KINDS_OF_USERS
        refuse_if(kind not in mine, f"{here}: Input tag '{kind}' found using 'type' does not match any of the expected")
        for part in (block, *(block["content"] if isinstance(block.get("content"), list) else ())):
            _check_file(part, here)
        empty = kind == "text" and not block.get("text")
        refuse_if(empty, "messages: text content blocks must be non-empty")
        blank = kind == "text" and not str(block.get("text")).strip()
        refuse_if(blank, "messages: text content blocks must contain non-whitespace text")
        parts = block.get("content") if kind == "tool_result" else None
        hollow = isinstance(parts, list) and any(part.get("type") == "text" and not part.get("text") for part in parts)
        refuse_if(hollow, "messages: text content blocks must be non-empty")
        refuse_if(
            kind == "tool_use" and not isinstance(block.get("input"), dict),
            f"{here}.tool_use.input: Input should be a valid dictionary",
        )
        refuse_if(
            kind == "tool_use" and not _CALL_ID.fullmatch(str(block.get("id"))),
            f"{here}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
        )


def _check_file(part: Json, here: str) -> None:
    if part.get("type") not in ("image", "document"):
        return
    source, where = part.get("source") or {}, f"{here}.{part['type']}.source"
    if source.get("type") != "base64":
        return
    if part["type"] == "image":
        check_image(source.get("media_type"), source.get("data"), where)
    else:
        refuse_if(
            source.get("media_type") != "application/pdf", f"{where}.media_type: Input should be 'application/pdf'"
        )
        refuse_if(not check_base64(source.get("data"), where).startswith(b"%PDF-"), f"{where}: The PDF is not valid.")


# --- thinking -------------------------------------------------------------------------------------------------------


def _check_thinking_wishes(body: Json) -> None:
    thinking = body.get("thinking") or {"type": "disabled"}
    kind = thinking.get("type")
    refuse_if(kind not in ("enabled", "disabled", "adaptive"), f"thinking: Input tag '{kind}' does not match")
    if kind == "disabled":
        return
    refuse_if(
        body.get("temperature", 1) != 1,
        "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.",
    )
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    refuse_if(forced, "Thinking may not be enabled when tool_choice forces tool use.")
    if kind == "adaptive":
        return
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int):
        raise RefusedByProvider("thinking.enabled.budget_tokens: Field required")
    refuse_if(
        budget < _LEAST_BUDGET,
        f"thinking.enabled.budget_tokens: Input should be greater than or equal to {_LEAST_BUDGET}",
    )
    refuse_if(body["max_tokens"] <= budget, "`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_thinking(message: Json, where: str, body: Json, signed_by: str) -> None:
    """Each block that comes back is as it went out."""
    left_out = leaves_out_what_does_not_fit(body)
    kinds = [block.get("type") for block in message["content"]]
    for number, block in enumerate(message["content"]):
        here = f"{where}.content.{number}"
        if block.get("type") == "thinking":
            for field in ("thinking", "signature"):
                refuse_if(not isinstance(block.get(field), str), f"{here}.thinking.{field}: Field required")
            signed = left_out or block["signature"] == signature(signed_by, block["thinking"])
            refuse_if(not signed, f"{here}: Invalid `signature` in `thinking` block")
        elif block.get("type") == "redacted_thinking":
            kept = left_out or is_sealed_by(signed_by, block.get("data"))
            refuse_if(not kept, f"{here}: Invalid `data` in `redacted_thinking` block")
        else:
            continue
        refuse_if(
            bool(set(block) - {"type", "thinking", "signature", "data"}),
            f"{here}.{block['type']}: Extra inputs are not permitted",
        )
    moved = any(kind in _THINKING for kind in kinds) and kinds[0] not in _THINKING
    refuse_if(
        moved,
        f"{where}.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be "
        "modified. These blocks must remain as they were in the original response.",
    )
    refuse_if(kinds[-1] in _THINKING, f"{where}: The final block in an assistant message cannot be `thinking`.")


def _check_thought_before(messages: Sequence[Json], body: Json) -> None:
    """A turn with tools that goes on must begin with what was thought in it."""
    if (body.get("thinking") or {}).get("type") != "enabled":
        return
    begun = next((message for message in in_progress(messages) if message["role"] == "assistant"), None)
    kind = begun["content"][0].get("type") if begun else "thinking"
    refuse_if(
        kind not in _THINKING,
        f"messages.{len(messages) - 2}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{kind}`. "
        "When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the "
        "lastmost set of `tool_use` and `tool_result` blocks).",
    )


def _check_marks(body: Json) -> None:
    marks = list(_marks(body))
    refuse_if(
        len(marks) > _MOST_MARKS,
        f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided. Found {len(marks)}.",
    )
    wrong = any(mark.get("type") != "ephemeral" for mark in marks)
    refuse_if(wrong, "cache_control: Input tag does not match any of the expected tags: 'ephemeral'")


def _marks(value: object) -> Iterator[Json]:
    if isinstance(value, dict):
        if "cache_control" in value:
            yield value["cache_control"]
        for each in value.values():
            yield from _marks(each)
    elif isinstance(value, list):
        for each in value:
            yield from _marks(each)


# --- calls ----------------------------------------------------------------------------------------------------------


def _check_calls(messages: Sequence[Json]) -> None:
    called: list[str] = []
    for index, message in enumerate(messages):
        answered = [block["tool_use_id"] for block in _leading_results(message)]
        stray = [identity for identity in _ids(message, "tool_result", "tool_use_id") if identity not in called]
        refuse_if(
            bool(stray),
            f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {', '.join(stray)}. Each "
            "`tool_result` block must have a corresponding `tool_use` block in the previous message.",
        )
        _check_uses(index - 1, [identity for identity in called if identity not in answered])
        called = _ids(message, "tool_use", "id")
    _check_uses(len(messages) - 1, called)


def _check_uses(index: int, missing: Sequence[str]) -> None:
    refuse_if(
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
