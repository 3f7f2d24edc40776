"""A request with tools, as plain text for a model that has no tool calling of its own. Pure; same in, same bytes out.

The tools come after the system message; past calls stand in the assistant's text as it should have written them, and
results in the user's turn, so that user and assistant alternate.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from duragent.models.messages import ChatMessage, ModelRequest, ToolCall, ToolSchema
from duragent.models.neighbours import with_merged_neighbours
from duragent.models.tail import marks_before, placed
from duragent.models.text_tools.block import OPEN
from duragent.models.text_tools.parse import parse

_HOW = """\
# Tools

You can call the tools below. To call one, write a block like this, on a line of its own:

<tool_call>{"name": "TOOL", "arguments": {"ARGUMENT": "VALUE"}}</tool_call>

The arguments are one JSON object. For several calls write several blocks, each on its own line. After the last block \
stop: the results come in the next message, as <tool_result> blocks, which only the system writes. A block inside of a \
sentence, a quotation or a code fence does not run. When no tool is needed, just answer."""

_RESULT_TAG = re.compile(r"<(?=/?tool_result)", re.IGNORECASE)
_MAX_SCHEMA_CHARS = 600


def as_text(request: ModelRequest) -> ModelRequest:
    """The same request without tools, calls and tool messages. Its cache points move with their messages."""
    has_tail = bool(request.tail.strip())
    request = placed(request, apart=True)
    messages = list(request.messages)
    had_system = bool(messages) and messages[0].role == "system"
    system = messages.pop(0).content if had_system else ""
    told = _joined([system, describe(request.tools)] if request.tools else [system])
    start = [ChatMessage(role="system", content=told)] if told else []
    # How much later each message stands; an empty system message, which is left out, stands nowhere.
    later = len(start) - had_system
    points = tuple(at + later for at in request.cache_points if at + later >= 0)
    said = (*start, *_turns(messages, request.tools))
    asked = with_merged_neighbours(request.model_copy(update={"messages": said, "tools": (), "cache_points": points}))
    if not has_tail:
        return asked
    # A result and the tail behind it have become one message.
    return asked.model_copy(update={"cache_points": marks_before(asked.cache_points, len(asked.messages) - 1)})


def describe(tools: Iterable[ToolSchema]) -> str:
    """What the system message says of the tools."""
    return _joined([_HOW, *(_describe_one(tool) for tool in tools)])


def _describe_one(tool: ToolSchema) -> str:
    defs = tool.parameters.get("$defs")
    properties = tool.parameters.get("properties")
    required = tool.parameters.get("required") or ()
    lines = [f"## {tool.name}", tool.description.strip()]
    for name, schema in (properties if isinstance(properties, dict) else {}).items():
        lines.append(_argument(name, schema, name in required, defs if isinstance(defs, dict) else {}))
    return "\n".join(line for line in lines if line)


def _argument(name: str, schema: object, required: bool, defs: Mapping[str, Any]) -> str:
    known = schema if isinstance(schema, dict) else {}
    notes = [_kind(known, defs), "required" if required else "optional"]
    if known.get("default") is not None:
        notes.append(f"default {_json(known['default'])}")
    told = " ".join(str(known.get("description", "")).split())
    return f"- {name} ({', '.join(notes)})" + (f": {told}" if told else "")


def _kind(schema: Mapping[str, Any], defs: Mapping[str, Any], depth: int = 0) -> str:
    """The type in few words; what is nested deeper than two levels is only named."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = defs.get(reference.rpartition("/")[2])
        return _kind(target, defs, depth + 1) if isinstance(target, dict) and depth < 3 else "object"
    if isinstance(schema.get("enum"), list):
        return "one of " + _json(schema["enum"])[1:-1]
    if "const" in schema:
        return _json(schema["const"])
    choices = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(choices, list):
        kinds = [_kind(each, defs, depth + 1) for each in choices if isinstance(each, dict) and depth < 3]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null")) or "any"
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items")
        return f"array of {_kind(items, defs, depth + 1)}" if isinstance(items, dict) and depth < 3 else "array"
    if kind == "object" and isinstance(schema.get("properties"), dict) and depth < 2:
        inner = ", ".join(
            f"{name}: {_kind(each, defs, depth + 1)}"
            for name, each in schema["properties"].items()
            if isinstance(each, dict)
        )
        return f"object {{{inner}}}"[:_MAX_SCHEMA_CHARS]
    if isinstance(kind, list):
        return " or ".join(str(each) for each in kind if each != "null")
    return str(kind or "any")


# --- the conversation -----------------------------------------------------------------------------------------------


def _turns(messages: Sequence[ChatMessage], tools: Sequence[ToolSchema]) -> Iterator[ChatMessage]:
    """Each message without calls, as one of the user or the assistant."""
    open_calls: dict[str, tuple[int, str]] = {}
    note = ""
    for message in messages:
        if message.role == "assistant":
            open_calls = {call.id: (number, call.name) for number, call in enumerate(message.calls, start=1)}
            note = "" if message.calls else _note(message.content, tools)
            blocks = "\n".join(_block(call) for call in message.calls)
            yield ChatMessage(role="assistant", content=_joined([message.content, blocks]))
        elif message.role == "tool":
            number, name = open_calls.get(message.call_id or "", (0, ""))
            result = _result(number, name, message.content)
            yield ChatMessage(role="user", content=result, attachments=message.attachments)
        else:
            text = _joined([note, message.content])
            yield ChatMessage(role=message.role, content=text, attachments=message.attachments)
            note = ""


def _block(call: ToolCall) -> str:
    return f"<tool_call>{_json({'name': call.name, 'arguments': _arguments(call.arguments)})}</tool_call>"


def _arguments(text: str) -> object:
    """Arguments that are no JSON object stay a text, so that the block itself is well-formed."""
    try:
        whole = json.loads(text) if text.strip() else {}
        return whole if isinstance(whole, dict) and json.dumps(whole) else text
    except (ValueError, RecursionError):
        return text


def _result(number: int, name: str, content: str) -> str:
    """`call` is the number of the call in its message.

    A result cannot end its own block, and no call in it can run when the model repeats it word by word.
    """
    harmless = OPEN.sub(lambda tag: "&lt;" + tag.group()[1:], _RESULT_TAG.sub("&lt;", content))
    inside = harmless.strip("\n") or "(no output)"
    return f"<tool_result name={quoteattr(name)} call={quoteattr(str(number))}>\n{inside}\n</tool_result>"


def _note(text: str, tools: Sequence[ToolSchema]) -> str:
    """What to tell a model that meant to call and did not manage; it belongs to that answer, so it comes every time."""
    if not tools or not any(char in text for char in "<{"):
        return ""
    faults = dict.fromkeys(parse(text, tools).faults)
    if not faults:
        return ""
    return f"[Note from the system: a tool call in your last message was not run: {'; '.join(faults)}.]"


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(text for text in texts if text.strip())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
