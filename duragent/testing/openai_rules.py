"""What servers of OpenAI's protocol refuse. See `provider_rules`."""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from duragent.testing.attached_parts import check_data_url
from duragent.testing.refusals import (
    Json,
    Refusal,
    RefusedByProvider,
    check_alternation,
    check_key,
    check_messages,
    check_tool,
    in_progress,
    refuse_if,
)
from duragent.testing.signatures import is_sealed_by, needs_thought_signatures, signature

_OPENAIS = re.compile(r"(openai/)?(gpt-(?!oss)|o[134]|chatgpt)")
_REASONS = re.compile(r"(openai/)?(gpt-5|o[134])")
_MISTRALS = re.compile(r"(mistralai/)?(open-)?(mis|mix|minis|magis|devs|codes)tral")
_DEEPSEEKS = re.compile(r"deepseek-reasoner")
_MISTRAL_ID = re.compile(r"[a-zA-Z0-9]{9}")
_OPENAIS_FIELDS = frozenset(("role", "content", "name", "tool_calls", "tool_call_id", "refusal", "audio"))
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def refuse_openai(body: Json, headers: Mapping[str, str]) -> Refusal | None:
    """What `/v1/chat/completions` holds against this request."""
    try:
        bearer = headers.get("authorization")
        check_key(None if bearer is None else bearer.removeprefix("Bearer").strip())
        _check_shape(body)
        _check_wishes(body)
        _check_calls(body["messages"])
        _check_what_this_model_wants(body)
    except RefusedByProvider as refused:
        return refused.refusal
    return None


def _check_shape(body: Json) -> None:
    check_messages(body)
    for index, message in enumerate(body["messages"]):
        role = message.get("role")
        refuse_if(role not in _ROLES, f"Invalid value: '{role}' for 'messages[{index}].role'.")
        refuse_if(role in ("system", "developer") and index > 0, "System message must be at the beginning.")
        silent = role == "assistant" and message.get("tool_calls")
        refuse_if(
            message.get("content") is None and not silent,
            f"Invalid value for 'content': expected a string, got null for 'messages[{index}].content'.",
        )
        _check_parts(message, f"messages[{index}].content")
    refuse_if(body.get("tools") == [], "Invalid 'tools': empty array.")
    for tool in body.get("tools") or ():
        function = tool.get("function", {})
        refuse_if(tool.get("type") != "function", "Missing required parameter: 'tools[0].type'.")
        check_tool(function.get("name"), function.get("parameters", {"type": "object"}))


def _check_calls(messages: Sequence[Json]) -> None:
    open_ids: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            refuse_if(
                message.get("tool_call_id") not in open_ids,
                "Invalid parameter: messages with role 'tool' must be a response to a preceding message with "
                f"'tool_calls' (messages[{index}]).",
            )
            open_ids.remove(message["tool_call_id"])
            continue
        _check_answered(open_ids)
        refuse_if(message.get("tool_calls") == [], f"Invalid 'messages[{index}].tool_calls': empty array.")
        for call in message.get("tool_calls") or ():
            _check_call(call, index)
            open_ids.append(call["id"])
    _check_answered(open_ids)


def _check_answered(open_ids: Sequence[str]) -> None:
    refuse_if(
        bool(open_ids),
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(open_ids)}",
    )


def _check_call(call: Json, index: int) -> None:
    arguments = call.get("function", {}).get("arguments")
    where = f"messages[{index}].tool_calls"
    refuse_if(not call.get("id") or call.get("type") != "function", f"Missing required parameter: '{where}.id'.")
    # OpenAI itself takes any string here; several compatible servers parse it and answer 400.
    refuse_if(not _is_json_object(arguments), f"Invalid '{where}.function.arguments': not a JSON object.")


def _is_json_object(text: object) -> bool:
    try:
        return isinstance(text, str) and isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _check_parts(message: Json, where: str) -> None:
    content = message.get("content")
    if not isinstance(content, list):
        return
    refuse_if(not content, f"Invalid '{where}': empty array.")
    for part in content:
        kind = part.get("type")
        known = ("text", "image_url", "file", "input_audio") if message["role"] == "user" else ("text",)
        refuse_if(kind not in known, f"Invalid value: '{kind}' for '{where}[].type'.")
        if kind == "image_url":
            check_data_url(part["image_url"].get("url"), where)
        if kind == "file":
            check_data_url(part["file"].get("file_data"), where)
            refuse_if(not part["file"].get("filename"), f"Missing required parameter: '{where}[].file.filename'.")


def _check_wishes(body: Json) -> None:
    choice, names = body.get("tool_choice"), [tool["function"]["name"] for tool in body.get("tools") or ()]
    for field in ("tool_choice", "parallel_tool_calls"):
        refuse_if(field in body and not names, f"'{field}' is only allowed when 'tools' are specified.")
    wanted = choice["function"]["name"] if isinstance(choice, dict) else None
    refuse_if(wanted is not None and wanted not in names, f"Tool choice '{wanted}' not found in 'tools' parameter.")
    known = choice is None or isinstance(choice, dict) or choice in ("auto", "none", "required")
    refuse_if(not known, f"Invalid value: '{choice}' for 'tool_choice'.")
    form = body.get("response_format") or {"type": "text"}
    refuse_if(form.get("type") not in ("text", "json_object", "json_schema"), "Invalid value: 'response_format.type'.")
    if form["type"] == "json_schema":
        described = form.get("json_schema") or {}
        refuse_if(not described.get("name"), "Missing required parameter: 'response_format.json_schema.name'.")
        refuse_if("schema" not in described, "Missing required parameter: 'response_format.json_schema.schema'.")
    usage = body.get("stream_options")
    refuse_if(bool(usage) and not body.get("stream"), "The 'stream_options' parameter is only allowed with 'stream'.")


# --- what only some models want -------------------------------------------------------------------------------------


def _check_what_this_model_wants(body: Json) -> None:
    model, messages = body["model"], body["messages"]
    if _OPENAIS.match(model):
        _check_openais_own(body)
    if _MISTRALS.match(model):
        _check_mistral(body)
    if _DEEPSEEKS.match(model):
        for message in _calling(in_progress(messages)):
            refuse_if(
                not message.get("reasoning_content"), "Missing `reasoning_content` field in the assistant message"
            )
    if needs_thought_signatures(model):
        _check_thought_signatures(in_progress(messages), model)
    for message in messages:
        _check_details(message.get("reasoning_details") or (), model)
    wish = body.get("reasoning") or {"effort": "none"}
    if model.startswith("anthropic/") and wish.get("effort") != "none":
        for message in _calling(in_progress(messages))[:1]:
            refuse_if(
                not message.get("reasoning_details"), "Expected `thinking` or `redacted_thinking`, but found none"
            )


def _calling(messages: Sequence[Json]) -> list[Json]:
    return [message for message in messages if message.get("tool_calls")]


def _check_openais_own(body: Json) -> None:
    for index, message in enumerate(body["messages"]):
        unknown = sorted(set(message) - _OPENAIS_FIELDS)
        refuse_if(bool(unknown), f"Unknown parameter: 'messages[{index}].{', '.join(unknown)}'.")
    if _REASONS.match(body["model"]):
        refuse_if(
            "max_tokens" in body,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'.",
        )
        warm = body.get("temperature", 1) != 1
        refuse_if(warm, "Unsupported value: 'temperature' does not support this value with this model.")
    else:
        refuse_if("reasoning_effort" in body, "Unrecognized request argument supplied: reasoning_effort")


def _check_mistral(body: Json) -> None:
    check_alternation(body)
    roles = [message["role"] for message in body["messages"]]
    refuse_if(("tool", "user") in pairwise(roles), "Unexpected role 'user' after role 'tool'")
    refuse_if(
        roles[-1] not in ("user", "tool"),
        f"Expected last role User or Tool (or Assistant with prefix True) for serving but got {roles[-1]}",
    )
    for message in _calling(body["messages"]):
        for call in message["tool_calls"]:
            refuse_if(
                not _MISTRAL_ID.fullmatch(call["id"]),
                f"Tool call id was {call['id']} but must be a-z, A-Z, 0-9, with a length of 9.",
            )


def _check_thought_signatures(turn: Sequence[Json], model: str) -> None:
    for at, message in enumerate(_calling(turn)):
        for number, call in enumerate(message["tool_calls"]):
            name = call["function"]["name"]
            given = ((call.get("extra_content") or {}).get("google") or {}).get("thought_signature")
            refuse_if(
                number == 0 and given is None,
                f"Function call `{name}` in the {at + 1}. content block is missing a `thought_signature`.",
            )
            ours = given in (None, signature(model, name), *_SIGNATURES_FOR_CALLS_OF_OTHERS)
            refuse_if(not ours, "Thought signature is not valid.")


_SIGNATURES_FOR_CALLS_OF_OTHERS = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""What Google's documents tell to write at a call that another model made."""


def _check_details(details: Sequence[Any], model: str) -> None:
    """OpenRouter hands them on, and the model behind it knows its signature."""
    text = ""
    for detail in details:
        kind = detail.get("type")
        refuse_if(kind == "reasoning.encrypted" and not is_sealed_by(model, detail.get("data")), "Invalid `data`")
        if kind == "reasoning.text":
            # They may come back in the pieces in which they were streamed.
            text += detail.get("text") or ""
            if signed := detail.get("signature"):
                refuse_if(signed != signature(model, text), "Invalid `signature` in `thinking` block")
                text = ""
    refuse_if(bool(text), "thinking.signature: Field required")
