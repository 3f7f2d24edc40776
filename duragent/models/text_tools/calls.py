"""The content of a call block: its calls, or the reason why there are none. Pure.

Shapes of a call: `{"name", "arguments"}` under the usual other words for both, OpenAI's `{"function": {…}}`, an array
of these, `{TOOL: {…}}` in tags, and the XML of `<invoke name=…>` and `<function=…>` with parameters.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from duragent.models.messages import ToolSchema
from duragent.models.text_tools.lenient_json import MAX_VALUES, NotAlone, TooDeep, values

Offered = Mapping[str, ToolSchema]
Kind = Literal["tagged", "bare"]

NAME_KEYS = ("name", "tool", "tool_name", "function", "function_name", "action")
ARGUMENT_KEYS = ("arguments", "args", "parameters", "params", "input", "tool_input", "action_input", "kwargs")
_OTHER_KEYS = ("id", "type", "index", "call_id", "tool_call_id")
CALL_KEYS = frozenset((*NAME_KEYS, *ARGUMENT_KEYS, *_OTHER_KEYS, "function_call", "tool_calls"))

_QUOTE = "[\"'\u201c\u201d\u2018\u2019]"
_WRITTEN_NAME = re.compile(
    rf"{_QUOTE}?\b(?:name|tool|tool_name|function|function_name){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{_QUOTE}([\w.-]{{1,80}}){_QUOTE}"
)
_WRITTEN_ARGUMENTS = re.compile(rf"{_QUOTE}(?:{'|'.join(ARGUMENT_KEYS)}){_QUOTE}\s{{0,20}}:")
_REPEATED = re.compile(r"&lt;/?\|?(?:tool|function|invoke)", re.IGNORECASE)
"""A tag as `prompt` writes it in results, where it must not be one."""
_ELEMENT = re.compile(r"\s*<(invoke|function)(?:\s+name\s*=\s*|\s*=\s*)[\"']?([\w.-]{1,80})[\"']?\s*>", re.IGNORECASE)
_PARAMETER = re.compile(r"\s*<parameter(?:\s+name\s*=\s*|\s*=\s*)[\"']?([^\"'<>]{1,80}?)[\"']?\s*>", re.IGNORECASE)
_INNER = re.compile(r"\s*<tool_call>", re.IGNORECASE)
_CLOSING = {tag: re.compile(f"</{tag}>", re.IGNORECASE) for tag in ("tool_call", "invoke", "function")}
_TYPES = ("function", "tool_use", "tool_call", "function_call")


@dataclass(frozen=True)
class Found:
    """One call."""

    name: str
    """The name of a tool that is offered."""
    arguments: str
    """JSON text; arguments that could not be read stay as they were written, which is never valid JSON."""


class NoCall(Exception):
    """The block is no call; the sentence is for the model."""

    @property
    def fault(self) -> str | None:
        """The sentence, where JSON without tags seems to have been meant as a call."""
        return None


class Doubtful(NoCall):
    """It has the form of a call, but must not run."""

    @property
    def fault(self) -> str:
        return str(self)


def calls_in(body: str, offered: Offered, kind: Kind, *, close: bool = False) -> list[Found]:
    """The calls of one block, all or none. Raises NoCall. `close` adds brackets that are missing at the end.

    A malformed block whose tool is known is one `Found` with the raw text: the tool layer then tells the model.
    """
    text = _without_fence(body)
    if kind == "tagged" and text.startswith("<"):
        return _elements(text, offered)
    try:
        written = values(text, close=close)
    except TooDeep:
        raise NoCall("its JSON is nested too deeply") from None
    except ValueError as error:
        return [_malformed(text, offered, kind, error)]
    calls = [call for value in written for call in _calls_of(value, offered, kind)]
    if not calls:
        raise NoCall("it is empty")
    return calls


def tagged_calls(bodies: Iterable[tuple[str | None, str]], offered: Offered, *, close: bool) -> list[Found]:
    """The calls of tagged blocks, all or none. Each block is (the name in its tag, if any; what is inside)."""
    calls: list[Found] = []
    for name, body in bodies:
        calls += calls_in(body, offered, "tagged", close=close) if name is None else _named(name, body, offered, close)
    return calls


def _named(name: str, body: str, offered: Offered, close: bool) -> list[Found]:
    """The call of a block whose tag names the tool. Without `close` its XML may lack the rest, and is malformed."""
    name = _offered_name(name, offered)
    text = _without_fence(body)
    if not text:
        return [Found(name, "{}")]
    if text.startswith("<"):
        return [Found(name, _parameters(text, offered[name]) if close else text)]
    try:
        written = values(text, close=close)
    except TooDeep:
        raise NoCall("its JSON is nested too deeply") from None
    except ValueError:
        return [Found(name, text)]
    return [Found(name, _arguments_text(written[0] if len(written) == 1 else written))]


def _without_fence(body: str) -> str:
    text = body.strip()
    first_line, line_end, rest = text.partition("\n")
    if line_end and first_line.startswith("```") and rest.endswith("```"):
        return rest[:-3].strip()
    return text


def _malformed(text: str, offered: Offered, kind: Kind, error: ValueError) -> Found:
    if kind == "bare" and isinstance(error, NotAlone):
        raise NoCall("something else stands beside it")
    if kind == "bare" and _REPEATED.search(text):
        raise NoCall("it repeats what stood in a tool result")
    name = _WRITTEN_NAME.search(text)
    if name is None or (kind == "bare" and _WRITTEN_ARGUMENTS.search(text) is None):
        raise NoCall(f"it is not valid JSON: {error}")
    return Found(_offered_name(name.group(1), offered), text)


def _offered_name(name: object, offered: Offered) -> str:
    written = str(name).strip()
    for candidate in (written, written.removeprefix("functions.")):
        if candidate in offered:
            return candidate
    raise Doubtful(f"there is no tool '{written[:80]}'; there are: {', '.join(offered)}")


# --- JSON -----------------------------------------------------------------------------------------------------------


def _calls_of(value: object, offered: Offered, kind: Kind) -> list[Found]:
    if isinstance(value, list):
        return [_call_of(each, offered, kind) for each in value]
    if isinstance(value, dict) and set(value) == {"tool_calls"} and isinstance(value["tool_calls"], list):
        return [_call_of(each, offered, kind) for each in value["tool_calls"]]
    return [_call_of(value, offered, kind)]


def _call_of(value: object, offered: Offered, kind: Kind) -> Found:
    if not isinstance(value, dict):
        raise NoCall("it is not a JSON object with name and arguments")
    inner = value.get("function", value.get("function_call"))
    if isinstance(inner, dict) and set(value) <= {"function", "function_call", *_OTHER_KEYS}:
        value = inner
    if (
        kind == "tagged"
        and len(value) == 1
        and (only := next(iter(value))) in offered
        and isinstance(value[only], dict)
    ):
        return Found(only, _arguments_text(value[only]))
    # `action` is a name only beside `action_input`; elsewhere it is an argument.
    names = [key for key in NAME_KEYS if key in value and (key != "action" or "action_input" in value)]
    arguments = [key for key in ARGUMENT_KEYS if key in value]
    if len(names) != 1 or len(arguments) > 1 or not set(value) <= {*names, *arguments, *_OTHER_KEYS}:
        raise NoCall("it must have the keys name and arguments, and no others")
    if value.get("type", "function") not in _TYPES:
        raise NoCall("its type is not function")
    if kind == "bare" and not arguments:
        raise NoCall("it has no arguments")
    name = _offered_name(value[names[0]], offered)
    return Found(name, _arguments_text(value[arguments[0]]) if arguments else "{}")


def _arguments_text(value: object) -> str:
    """As JSON text. A string is taken for JSON, as OpenAI writes arguments; what is no object stays as it is."""
    if value is None:
        return "{}"
    if isinstance(value, str):
        try:
            inner = values(value)
        except ValueError:
            inner = []
        value = inner[0] if len(inner) == 1 and isinstance(inner[0], dict) else ({} if not value.strip() else value)
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):
        raise NoCall("its arguments are nested too deeply") from None


# --- XML ------------------------------------------------------------------------------------------------------------


def _elements(text: str, offered: Offered) -> list[Found]:
    calls: list[Found] = []
    at = 0
    while at < len(text):
        inner = _INNER.match(text, at)
        element = None if inner else _ELEMENT.match(text, at)
        opening = inner or element
        if opening is None:
            raise NoCall("its tags are not known")
        if len(calls) >= MAX_VALUES:
            raise NoCall(f"it holds more than {MAX_VALUES} calls")
        end = _CLOSING[element.group(1).lower() if element else "tool_call"].search(text, opening.end())
        if end is None:
            raise NoCall("a closing tag is missing")
        body = text[opening.end() : end.start()]
        if element:
            calls += _named(element.group(2), body, offered, close=True)
        elif _INNER.match(body):
            raise NoCall("a closing tag is missing")
        else:
            calls += calls_in(body, offered, "tagged")
        at = end.end()
    return calls


def _parameters(text: str, tool: ToolSchema) -> str:
    """The JSON of `<parameter name=…>` elements; the text itself, which is no JSON, when there is anything else."""
    arguments: dict[str, object] = {}
    at = 0
    while at < len(text):
        opening = _PARAMETER.match(text, at)
        end = text.find("</parameter>", opening.end()) if opening else -1
        if opening is None or end < 0 or opening.group(1) in arguments:
            return text
        arguments[opening.group(1)] = _typed(text[opening.end() : end], tool.parameters, opening.group(1))
        at = end + len("</parameter>")
    return json.dumps(arguments, ensure_ascii=False)


def _typed(written: str, schema: Mapping[str, Any], name: str) -> object:
    """XML knows no types: a value is a text unless the schema wants something else there."""
    text = written.removeprefix("\n").removesuffix("\n")
    properties = schema.get("properties")
    if not isinstance(properties, dict) or _may_be_text(properties.get(name)):
        return text
    try:
        found = values(text)
    except ValueError:
        return text
    return found[0] if len(found) == 1 else text


def _may_be_text(schema: object) -> bool:
    if not isinstance(schema, dict):
        return True
    if isinstance(schema.get("anyOf"), list):
        return any(_may_be_text(each) for each in schema["anyOf"])
    kinds = schema.get("type", "string")
    return "string" in kinds if isinstance(kinds, list) else kinds == "string"
