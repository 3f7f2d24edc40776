"""From the body of a call block to the calls in it."""

import re

import pytest

from duragent.models.text_tools.calls import Doubtful, Found, Kind, NoCall, calls_in, tagged_calls
from duragent.models.text_tools.parse import parse
from tests.models.text_tools.offered import TOOLS


def test_xml_values_have_the_types_of_the_schema() -> None:
    text = '<invoke name="bash"><parameter name="command">[1]</parameter><parameter name="count">3</parameter></invoke>'
    assert parse(text, TOOLS).calls == (Found("bash", '{"command": "[1]", "count": 3}'),)


OFFERED = {tool.name: tool for tool in TOOLS}
RUN = Found("bash", '{"command": "ls"}')
BROKEN = '{"name": "bash", "arguments": {"command": "not closed}'


@pytest.mark.parametrize(
    ("body", "calls"),
    [
        ('{"name": "bash", "arguments": {"command": "ls"}}', [RUN]),
        ('```json\n{"name": "bash", "arguments": {"command": "ls"}}\n```', [RUN]),
        ('[{"name": "bash", "args": {"command": "ls"}}, {"tool": "ls"}]', [RUN, Found("ls", "{}")]),
        ('{"bash": {"command": "ls"}}', [RUN]),
        ('{"type": "function", "id": "1", "function": {"name": "functions.bash", "parameters": "{command: \'ls\'}"}}',
         [RUN]),
        ('{"name": "ls", "arguments": null}', [Found("ls", "{}")]),
        ('{"name": "ls", "arguments": ""}', [Found("ls", "{}")]),
        ('{"name": "ls", "arguments": "all"}', [Found("ls", '"all"')]),
        (BROKEN, [Found("bash", BROKEN)]),
        ('<invoke name="bash"><parameter name="command">ls</parameter></invoke>', [RUN]),
        ('<function=bash>{"command": "ls"}</function><invoke name=ls></invoke>', [RUN, Found("ls", "{}")]),
    ],
)  # fmt: skip
def test_body_of_a_tagged_block_is_read_in_every_shape(body: str, calls: list[Found]) -> None:
    assert calls_in(body, OFFERED, "tagged") == calls


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        ("[]", "tagged", "it is empty"),
        ("5", "tagged", "it is not a JSON object with name and arguments"),
        ('{"name": "ls", "why": 1}', "tagged", "it must have the keys name and arguments, and no others"),
        ('{"name": "ls", "args": {}, "input": {}}', "tagged", "it must have the keys name and arguments"),
        ('{"action": "ls", "arguments": {}}', "tagged", "it must have the keys name and arguments"),
        ('{"name": "ls", "type": "image", "args": {}}', "tagged", "its type is not function"),
        ("[" * 5_000, "tagged", "its JSON is nested too deeply"),
        ("no JSON", "tagged", "it is not valid JSON: a value is expected"),
        ("<b>bold</b>", "tagged", "its tags are not known"),
        ("<invoke name=ls>", "tagged", "a closing tag is missing"),
        ('{"name": "ls"}', "bare", "it has no arguments"),
        ('{"name": "ls", "arguments": {}} or not', "bare", "something else stands beside it"),
        ('{"name": "ls" &lt;tool_call', "bare", "it repeats what stood in a tool result"),
    ],
)
def test_block_that_is_no_call_says_why(body: str, kind: Kind, reason: str) -> None:
    with pytest.raises(NoCall, match=f"^{re.escape(reason)}") as caught:
        calls_in(body, OFFERED, kind)
    assert caught.value.fault is None


def test_tool_that_is_not_offered_is_a_fault_that_the_model_is_told() -> None:
    with pytest.raises(Doubtful) as caught:
        calls_in('{"name": "rm", "arguments": {}}', OFFERED, "tagged")
    assert caught.value.fault == "there is no tool 'rm'; there are: bash, ls"


@pytest.mark.parametrize(
    ("name", "body", "call"),
    [
        ("ls", "", Found("ls", "{}")),
        ("functions.ls", " ", Found("ls", "{}")),
        ("bash", '{"command": "ls"}', RUN),
        ("bash", "{command: 'ls'", Found("bash", "{command: 'ls'")),
        ("bash", '{"a": 1} {"b": 2}', Found("bash", '[{"a": 1}, {"b": 2}]')),
        ("bash", "<parameter=command>ls</parameter>", Found("bash", "<parameter=command>ls</parameter>")),
    ],
)
def test_tag_can_name_the_tool(name: str, body: str, call: Found) -> None:
    assert tagged_calls([(name, body)], OFFERED, close=False) == [call]


def test_xml_and_missing_brackets_are_completed_when_the_answer_was_not_cut() -> None:
    xml = "<parameter=command>ls</parameter>"
    assert tagged_calls([("bash", xml), ("bash", '{"command": "ls"')], OFFERED, close=True) == [RUN, RUN]


@pytest.mark.parametrize(
    "xml",
    [
        "<parameter=command>ls",
        "<parameter=command>a</parameter><parameter=command>b</parameter>",
        "<parameter=command>a</parameter> and",
    ],
)
def test_xml_with_anything_else_stays_as_it_was_written(xml: str) -> None:
    assert tagged_calls([("bash", xml)], OFFERED, close=True) == [Found("bash", xml)]
