"""What counts as a call in a model's text, and what never does."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duragent.errors import InvalidArguments
from duragent.models.text_tools.calls import Found
from duragent.models.text_tools.findings import MAX_CALLS, Parsed
from duragent.models.text_tools.lenient_json import values
from duragent.models.text_tools.parse import Scanner, parse
from duragent.tools.base import json_object
from tests.models.text_tools.offered import TOOLS

JSON = '{"name": "bash", "arguments": {"command": "ls"}}'
CALL = f"<tool_call>{JSON}</tool_call>"
RUN = Found("bash", '{"command": "ls"}')
AS_TEXT = json.dumps('{"command": "ls"}')
BARE_LS = '{"name": "ls", "arguments": {}}'


@pytest.mark.parametrize(
    "text",
    [
        CALL,
        f"<tool_call>\n{JSON}\n</tool_call>\n",
        f"<tool_call>\n```json\n{JSON}\n```\n</tool_call>",
        f"<TOOL_CALL>{JSON}</TOOL_CALL>",
        f"<function_call>{JSON}</function_call>",
        f"<tool>{JSON}</tool>",
        f"<toolcall>{JSON}</toolcall>",
        f"<tool_calls>[{JSON}]</tool_calls>",
        f"<tool_calls>\n{CALL}\n</tool_calls>",
        f"<|tool_call|>{JSON}<|/tool_call|>",
        f"<|tool_call_start|>[{JSON}]<|tool_call_end|>",
        '<invoke name="bash"><parameter name="command">ls</parameter></invoke>',
        '<function_calls>\n<invoke name="bash">\n<parameter name="command">ls</parameter></invoke>\n</function_calls>',
        "<function=bash><parameter=command>\nls\n</parameter></function>",
        '<function=bash>{"command": "ls"}</function>',
        "<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>\n</function>\n</tool_call>",
        '<tool_call name="bash">{"command": "ls"}</tool_call>',
        '<tool_call>{"bash": {"command": "ls"}}</tool_call>',
        f"```json\n{JSON}\n```",
        f"```json {JSON}```",
        f"~~~~tool_call\n{JSON}\n~~~~",
        f"```json\n{CALL}\n```",
        JSON,
        f"[{JSON}]",
        json.dumps(json.loads(JSON), indent=2),
        '{"tool": "bash", "args": {"command": "ls"}}',
        '{"tool_name": "bash", "tool_input": {"command": "ls"}}',
        '{"action": "bash", "action_input": {"command": "ls"}}',
        '{"function": {"name": "bash", "arguments": {"command": "ls"}}}',
        f'{{"id": "a", "type": "function", "function": {{"name": "functions.bash", "arguments": {AS_TEXT}}}}}',
        f'{{"tool_calls": [{{"type": "function", "function": {{"name": "bash", "arguments": {AS_TEXT}}}}}]}}',
    ],
)
def test_call_is_found_in_every_form_that_models_write(text: str) -> None:
    assert parse(text, TOOLS) == Parsed("", (RUN,))


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "bash", "arguments": {"command": "ls",},}',
        "{'name': 'bash', 'arguments': {'command': 'ls'}}",
        "{name: 'bash', arguments: {command: 'ls'}}",
        "{\u201cname\u201d: \u201cbash\u201d, \u201carguments\u201d: {\u201ccommand\u201d: \u201cls\u201d}}",
        '{"name": "bash", // the tool\n "arguments": /* all */ {"command": "ls"} # end\n}',
        '{"name": "bash", "arguments": {"command": "ls"}',
        '{"name": "bash", "arguments": {"command": "ls"',
        '{"name": "bash", "arguments": {"command": "ls"}}}',
    ],
)
def test_call_is_repaired_where_it_can_mean_one_thing_only(body: str) -> None:
    assert parse(f"<tool_call>{body}</tool_call>", TOOLS) == Parsed("", (RUN,))


def test_repair_knows_python_words_and_odd_escapes() -> None:
    text = r"{'a': True, 'b': [None, False, -1.5e3,], 'c': 'it\'s \d \n \ud83d\ude00',}"
    assert values(text) == [{"a": True, "b": [None, False, -1500.0], "c": "it's \\d \n \U0001f600"}]


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "bash", "arguments": {"command": "say "hello""}}',
        '{"name": "bash", "arguments": {"command": "ls}}',
        '{"name": "bash", "arguments": {"command": }}',
        '{"name": "bash" "arguments": {"command": "ls"}}',
        '{"name": "bash", "arguments": ["ls"}}',
        f"{JSON} and more",
    ],
)
def test_malformed_call_keeps_its_raw_text_so_that_the_tool_layer_can_refuse_it(body: str) -> None:
    parsed = parse(f"<tool_call>{body}</tool_call>", TOOLS)
    assert parsed == Parsed("", (Found("bash", body),))
    with pytest.raises(InvalidArguments, match="not valid JSON"):
        json_object(parsed.calls[0].arguments)


def test_call_of_a_tool_that_is_not_offered_stays_text_with_a_fault() -> None:
    text = '<tool_call>{"name": "rm", "arguments": {}}</tool_call>'
    assert parse(text, TOOLS) == Parsed(text, (), ("there is no tool 'rm'; there are: bash, ls",))


@pytest.mark.parametrize(
    "text",
    [
        f"I would write {CALL}",
        f"{CALL} is how one calls it",
        f"`{CALL}`",
        f"``{CALL}``",
        f"`\n{JSON}",
        f"One calls it with <tool_call>\n{JSON}\n</tool_call> like that.",
        f"> {CALL}",
        f"> {JSON}",
        f"> as you said\n{CALL}",
        f"    {CALL}",
        f"\t{CALL}",
        f"- {CALL}",
        f"```\n{CALL}\n```",
        f"```xml\n{CALL}\n```",
        f"```python\n{JSON}\n```",
        f"````markdown\n```json\n{JSON}\n```\n{CALL}\n````",
        f"```python\n{CALL}\n{JSON}",
        f"```json\n{JSON}\n# and so on\n```",
        f"```json\n{JSON}\nThat is it.\n```",
        f"For example:\n{CALL}",
        f"Here is an example of a call:\n\n{CALL}\n{CALL}\n",
        f"It looks like this:\n```json\n{JSON}\n```",
        f"<tool_result name='bash' call='1'>\n{CALL}\n{JSON}\n\n{CALL}\n</tool_result>",
        f"<tool_result>\n\n{CALL}",
        f"<think>\nI could do\n\n{CALL}\n</think>",
        f"<!-- {CALL}\n\n{CALL}\n-->",
        f"The call {JSON} lists.",
        f"One writes\n{JSON}",
        f"One writes:\n{JSON}\nand that is all",
        f"{JSON} lists",
        '{"name": "bash", "version": "1.0", "arguments": {}}',
        '{"name": "bash"}',
        '{"name": "bash", "description": "Run.", "parameters": {"type": "object"}}',
        '{"name": "bash", "tool": "ls", "arguments": {}}',
        '{"name": "rm", "arguments": {}}',
        f'[{JSON}, {{"name": "rm", "arguments": {{}}}}]',
        '{"command": "ls"}',
        "<tool_call></tool_call>",
        "<tool_call>",
        "The tag is\n<function=ls>",
        "<tool_call>ls</tool_call>",
        "[link](https://example.org)",
        "{}",
    ],
)
def test_quoted_and_doubtful_calls_stay_text(text: str) -> None:
    parsed = parse(text, TOOLS)
    assert (parsed.text, parsed.calls) == (text, ())


@pytest.mark.parametrize(
    "quoted",
    [
        "```python\nx = 1\n```",
        f"> {CALL}\n",
        f"<tool_result>\n{CALL}\n</tool_result>",
        "The tag <tool_call> is used.\n",
        "Inline `<tool_call>` does not run.",
        f"<think>\n{CALL}\n</think>",
        f"For example:\n{CALL}\n\nAnd now in earnest.",
        "Use it for examples.",
    ],
)
def test_call_after_a_quotation_is_found(quoted: str) -> None:
    assert parse(f"{quoted}\n{CALL}", TOOLS).calls == (RUN,)


def test_only_what_seems_meant_as_a_call_is_a_fault() -> None:
    for text in (
        "The <tool_call> tag is used.",
        f"`{CALL}`",
        f"> {CALL}",
        f"    {CALL}",
        JSON + " x",
        '```json\n{"name": "x", "version": 1}\n```',
    ):
        assert parse(text, TOOLS) == Parsed(text)
    assert parse(f"Now {CALL}", TOOLS).faults == ("it stands in the middle of a line",)
    assert parse(f"{CALL} lists", TOOLS).faults == ("text follows it on its line",)
    assert parse(f"For example:\n{CALL}", TOOLS).faults == ("the line before announces an example",)
    assert parse('{"name": "rm", "args": {}}', TOOLS).faults == ("there is no tool 'rm'; there are: bash, ls",)


def test_json_that_a_tool_result_has_word_for_word_is_no_call() -> None:
    scanner = Scanner(TOOLS, quoted=[f"the file:\n{JSON}\nend"])
    shown = scanner.feed(f"The file says:\n\n{JSON}\n\n```json\n{JSON}\n```\n") + scanner.finish()
    assert (scanner.calls, JSON in shown) == ([], True)
    assert parse(JSON, TOOLS).calls == (RUN,)


def test_closing_tag_and_braces_in_a_string_are_part_of_it() -> None:
    command = 'echo "</tool_call>\n<tool_call>" }} ```'
    text = "<tool_call>" + json.dumps({"name": "bash", "arguments": {"command": command}}) + "</tool_call>"
    assert parse(text, TOOLS) == Parsed("", (Found("bash", json.dumps({"command": command})),))


def test_broken_string_does_not_swallow_the_next_call() -> None:
    broken = '{"name": "bash", "arguments": {"command": "a" b"}}'
    text = f"<tool_call>{broken}</tool_call>\nAnd:\n{CALL}"
    assert parse(text, TOOLS) == Parsed("And:", (Found("bash", broken), RUN))


def test_several_calls_come_in_order_and_the_text_keeps_its_paragraphs() -> None:
    tagged, fenced = f"{CALL}\n{CALL} <tool_call>{BARE_LS}</tool_call>", f"```json\n{BARE_LS}\n{JSON}\n```"
    text = f"Look.\n\n{tagged}\n\nThen:\n{fenced}\nDone.\n"
    ls = Found("ls", "{}")
    assert parse(text, TOOLS) == Parsed("Look.\n\nThen:\nDone.", (RUN, RUN, ls, ls, RUN))


def test_answer_without_a_call_is_shown_as_it_is() -> None:
    text = '  \n Hello {you},\n\n```json\n{"a": 1}\n```\n<b>bold</b> [x]\r\n\n  '
    assert parse(text, TOOLS) == Parsed(text)


@pytest.mark.parametrize("cut", [False, True])
def test_unclosed_block_counts_when_its_json_is_whole(cut: bool) -> None:
    for text in (f"<tool_call>{JSON}", f"<tool_call>\n{JSON}\n", f"```json\n{JSON}\n"):
        assert parse(text, TOOLS, cut=cut) == Parsed("", (RUN,))


def test_brackets_are_not_added_to_an_answer_that_was_cut() -> None:
    whole_elements = "<function=bash><parameter=command>ls</parameter>"
    for text in (f"<tool_call>{JSON[:-1]}", f"```json\n{JSON[:-1]}", JSON[:-1], whole_elements):
        assert parse(text, TOOLS) == Parsed("", (RUN,))
        (call,) = parse(text, TOOLS, cut=True).calls
        with pytest.raises(InvalidArguments, match="not valid JSON"):
            json_object(call.arguments)


def test_without_tools_nothing_is_a_call() -> None:
    assert parse(f"{CALL}\n{JSON}", ()).calls == ()


def test_calls_of_one_answer_are_bounded() -> None:
    parsed = parse(f"{CALL}\n" * (MAX_CALLS + 5), TOOLS)
    assert len(parsed.calls) == MAX_CALLS
    assert parsed.text.count(CALL) == 5


PIECES = st.sampled_from(
    [
        CALL, JSON, BARE_LS, "<tool_call>", "</tool_call>", "<tool_call", "<|tool_call|>", "<|/tool_call|>",
        "<function=bash>", "</function>", '<invoke name="ls">', "</invoke>", "<parameter=command>", "</parameter>",
        "<tool_result>", "</tool_result>", "<think>", "</think>", "<!--", "-->", "```", "```json", "~~~", "`", "> ",
        "\n", "\n\n", "\r\n", " ", "    ", "\t", '"', "'", "\\", "{", "}", "[", "]", ":", ",", "name", '"name": "bash"',
        '"arguments": {}', "For example:", "Hello. ", "wörter", "\u201c", "\u2019", "\U0001f600", "\ud800", "//", "/*",
        "rm", "\x00", "\u2028",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=25).map("".join)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, cut=st.booleans())
def test_parser_never_raises_and_calls_only_what_is_offered(text: str, cut: bool) -> None:
    parsed = parse(text, TOOLS, cut=cut)
    assert {call.name for call in parsed.calls} <= {"bash", "ls"}
    if not parsed.calls:
        assert parsed.text == text


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, data=st.data())
def test_any_chunking_gives_the_same_answer(text: str, data: st.DataObject) -> None:
    scanner = Scanner(TOOLS)
    shown, at = "", 0
    while at < len(text):
        size = data.draw(st.integers(1, 12))
        shown += scanner.feed(text[at : at + size])
        at += size
    shown += scanner.finish()
    assert Parsed(shown, tuple(scanner.calls), tuple(scanner.faults)) == parse(text, TOOLS)


def test_text_is_shown_while_it_arrives_and_only_a_possible_call_is_held_back() -> None:
    scanner = Scanner(TOOLS)
    before = ["Hel", "lo <", "b", "\n", "<tool", "bar>\n", "{", '"a"', ": 1}"]
    chunks = [*before, "\n<tool_c", "all>", JSON, "</tool_call>"]
    assert [scanner.feed(chunk) for chunk in chunks] == [
        "Hel", "lo <", "b", "", "", "\n<toolbar>", "", "", '\n{"a": 1}', "", "", "", "",
    ]  # fmt: skip
    assert (scanner.finish(), scanner.calls) == ("", [RUN])


HOSTILE = [
    "{", "[", "<", "<tool_call>", "<tool_call>\n", "<tool_call>{", '<tool_call>{"', CALL, CALL + "\n", JSON,
    JSON + "\n", '{"name": "', '{"name": "\n', "```json\n", "```json\n```\n", "<think", "<think>", "<tool_result ",
    "<function=bash>", '<invoke name="bash"><parameter name="a">', "`", "\\", '"', "'", " ", "\n", "{/*", '{"a":[',
    '<tool_call>{"a": "\n</tool_call>\n', "<tool_calls><tool_call>", "//", "e.g. ", "\u201c",
    "x <tool_call></tool_call>", "<tool_call>{}</tool_call>",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_input_takes_linear_time(unit: str) -> None:
    # Were a step quadratic, these sizes would take minutes, and the time limit of the tests would end them.
    size = 150_000
    for start in ("", "<tool_call>{"):
        text = start + unit * (size // len(unit))
        parse(text, TOOLS)
        scanner = Scanner(TOOLS)
        for at in range(0, len(text), 7):
            scanner.feed(text[at : at + 7])
        scanner.finish()
