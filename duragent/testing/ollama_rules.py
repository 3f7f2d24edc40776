"""What Ollama refuses. See `provider_rules`.

It is lenient: of a call and its result it knows no more than their order, and most models take what they get.
"""

from collections.abc import Mapping

from duragent.testing.attached_parts import check_some_image
from duragent.testing.refusals import Json, Refusal, RefusedByProvider, check_messages, check_tool, refuse_if

_ROLES = ("system", "user", "assistant", "tool")
_THINK = (True, False, None, "low", "medium", "high", "max")


def refuse_ollama(body: Json, headers: Mapping[str, str]) -> Refusal | None:
    """What `/api/chat` holds against this request. A key is not needed, a wrong one is refused."""
    try:
        refuse_if(headers.get("authorization", "") == "Bearer bad-key", "unauthorized", 401)
        _check_shape(body)
        _check_calls(body)
    except RefusedByProvider as refused:
        return refused.refusal
    return None


def _check_shape(body: Json) -> None:
    refuse_if(not body.get("model"), "model is required")
    check_messages(body)
    think, form = body.get("think"), body.get("format")
    refuse_if(think not in _THINK, f'invalid think value: "{think}" (must be "high", "medium", "low", true, or false)')
    refuse_if(
        form not in (None, "", "json") and not isinstance(form, dict),
        f'invalid format: "{form}"; expected "json" or a valid JSON Schema object',
    )
    refuse_if(not isinstance(body.get("options") or {}, dict), _go("options", "string", "map[string]interface {}"))
    for message in body["messages"]:
        role = message.get("role")
        refuse_if(role not in _ROLES, f'invalid role: "{role}", must be one of ["system", "user", "assistant", "tool"]')
        refuse_if(not isinstance(message.get("content", ""), str), _go("messages.content", "array", "string"))
        for image in message.get("images") or ():
            check_some_image(image, "illegal base64 data at input byte 0")
    for tool in body.get("tools") or ():
        function = tool.get("function", {})
        refuse_if(tool.get("type") != "function", "invalid tool: type must be function")
        check_tool(function.get("name"), function.get("parameters", {"type": "object"}))


def _check_calls(body: Json) -> None:
    waiting: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            # Ollama itself takes this; the model then reads an answer to nothing.
            refuse_if(not waiting, "a tool message without a call before it")
            named = message.get("tool_name") or waiting[0]
            refuse_if(named not in waiting, f"a tool message of {named}, which was not called")
            waiting.remove(named)
            continue
        refuse_if(bool(waiting), f"the call of {', '.join(waiting)} has no tool message")
        for call in message.get("tool_calls") or ():
            function = call.get("function") or {}
            refuse_if(
                not isinstance(function.get("arguments"), dict),
                _go("messages.tool_calls.function.arguments", "string", "api.ToolCallFunctionArguments"),
            )
            waiting.append(str(function.get("name")))
    refuse_if(bool(waiting), f"the call of {', '.join(waiting)} has no tool message")


def _go(field: str, found: str, wanted: str) -> str:
    return f"json: cannot unmarshal {found} into Go struct field ChatRequest.{field} of type {wanted}"
