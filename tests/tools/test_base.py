"""The base of all tools: arguments from a model's text, schemas without noise, what a tool says of itself."""

from typing import Any

import pytest
from pydantic import Field

from duragent.errors import InvalidArguments, SessionNotFound
from duragent.tools.base import (
    MAX_ARGUMENT_CHARS,
    NoSessions,
    Tool,
    ToolArguments,
    ToolContext,
    ToolResult,
    json_object,
    without_titles,
)


class Lamp(Tool["Lamp.Arguments"]):
    """Switch a lamp.

    It may be far away.
    """

    name = "lamp"
    main = "room"

    class Arguments(ToolArguments):
        action: str = Field(description="What to do.")
        room: str = Field(default="", description="Where.")
        level: int = Field(default=5, ge=0, description="How bright.")

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return ToolResult("done")


@pytest.mark.parametrize(
    ("text", "value"),
    [("", {}), ("  ", {}), ("{}", {}), ('{"a": [1, null]}', {"a": [1, None]})],
)
def test_arguments_are_a_json_object_and_nothing_is_an_empty_one(text: str, value: dict[str, Any]) -> None:
    assert json_object(text) == value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "they are not valid JSON"),
        ("[" * 100_000, "they are not valid JSON"),
        ("[]", "they must be a JSON object, not list"),
        ("null", "they must be a JSON object, not NoneType"),
        (" " * (MAX_ARGUMENT_CHARS + 1), "they are longer than 1,048,576 characters"),
    ],
)
def test_other_texts_are_refused_with_the_reason(text: str, fault: str) -> None:
    with pytest.raises(InvalidArguments) as refused:
        json_object(text)
    assert refused.value.faults[0].startswith(fault)


def test_titles_that_name_nothing_are_left_out_and_an_argument_called_title_stays() -> None:
    schema = {
        "title": "Arguments",
        "properties": {"title": {"title": "Title", "type": "string"}, "a": {"anyOf": [{"title": "A"}]}},
        "$defs": {"B": {"title": "B", "type": "object"}},
        "title_of": 1,
    }
    assert without_titles(schema) == {
        "properties": {"title": {"type": "string"}, "a": {"anyOf": [{}]}},
        "$defs": {"B": {"type": "object"}},
        "title_of": 1,
    }


@pytest.mark.parametrize(
    ("unasked", "patterns"),
    [
        (False, ()),
        (True, ("builtin:lamp",)),
        ((), ()),
        (("look", "list"), ("builtin:lamp:look", "builtin:lamp:list")),
    ],
)
def test_what_runs_unasked_is_said_as_patterns(unasked: bool | tuple[str, ...], patterns: tuple[str, ...]) -> None:
    tool = Lamp()
    tool.runs_unasked = unasked
    assert tool.unasked_patterns() == patterns


def test_tool_tells_of_a_call_what_policy_people_and_the_model_need() -> None:
    tool = Lamp()
    call = tool.parse('{"action": "dim", "room": "the hall", "level": "3"}')
    assert (call.action, call.level) == ("dim", 3)
    assert tool.invocation(call).text == 'lamp:dim "the hall" level=3'
    assert (tool.action(call), tool.effect_of(call)) == ("dim", "unsafe")
    assert tool.description == "Switch a lamp.\n\nIt may be far away."
    assert tool.schema().parameters["required"] == ["action"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{}", "action: "),
        ('{"action": "a", "level": -1}', "level: "),
        ('{"action": "a", "colour": 1}', "colour: "),
    ],
)
def test_arguments_that_do_not_fit_are_named(text: str, fault: str) -> None:
    with pytest.raises(InvalidArguments) as refused:
        Lamp().parse(text)
    assert refused.value.faults[0].startswith(fault)


async def test_tool_that_is_only_looked_at_has_no_sessions() -> None:
    none = NoSessions()
    assert (await none.siblings(5), await none.output("c")) == ((), None)
    with pytest.raises(SessionNotFound):
        await none.read("s1", 1)
