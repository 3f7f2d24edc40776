"""The tags around calls, and where a block ends."""

import pytest

from duragent.models.text_tools.block import OPEN, CallBlock, close_of, may_open, open_region


@pytest.mark.parametrize(
    ("line", "name", "closing"),
    [
        ("<tool_call>", None, "</tool_call>"),
        ("<TOOL_CALLS>", None, "</tool_calls>"),
        ('<tool_call name="bash">', "bash", "</tool_call>"),
        ("<function=bash>", "bash", "</function>"),
        ('<invoke name="bash">', "bash", "</invoke>"),
        ("<|tool_call|>", None, "<|/tool_call|>"),
        ("<|tool_call_begin|>", None, "<|tool_call_end|>"),
        ("<|tool_calls|>", None, "<|end_tool_calls|>"),
    ],
)
def test_tag_that_opens_a_block_and_what_ends_it(line: str, name: str | None, closing: str) -> None:
    opening = OPEN.fullmatch(line)
    assert opening is not None
    assert opening["name"] == name
    assert close_of(opening).fullmatch(closing)


@pytest.mark.parametrize("line", ["<tools>", "<tool_result>", "< tool_call>", "<invoke", "<b>", "</tool_call>"])
def test_other_tags_open_nothing(line: str) -> None:
    assert OPEN.match(line) is None


@pytest.mark.parametrize(
    ("start", "may"), [("<", True), ("<to", True), ("<|tool", True), ("<inv", True), ("<TOOL_c", True), ("<b", False)]
)
def test_beginning_of_a_line_is_held_back_while_it_may_become_a_tag(start: str, may: bool) -> None:
    assert may_open(start) is may


@pytest.mark.parametrize(
    ("line", "quoted", "closing", "ends_blank", "has_calls"),
    [
        ("nothing", False, None, None, False),
        ("<think> about it", False, "</think>", False, False),
        ("<think> about it </think> and more", False, None, None, False),
        ("`<think>` is a tag", False, None, None, False),
        ("<!-- hidden", False, "-->", False, False),
        ("I would write <tool_call>", False, "</tool_call>", True, True),
        ("I would write <tool_call> here", False, "</tool_call>", True, False),
        ('say <tool_call>{"a": 1}</tool_call>', False, None, None, True),
        ("> <tool_call>", True, None, None, False),
    ],
)
def test_parts_of_a_line_in_which_nothing_is_a_call(
    line: str, quoted: bool, closing: str | None, ends_blank: bool | None, has_calls: bool
) -> None:
    region, calls = open_region(line, is_quoted=quoted)
    assert calls is has_calls
    assert (region is None) is (closing is None)
    if region is not None and closing is not None:
        assert region.close.fullmatch(closing)
        assert region.ends_blank is ends_blank


def read(block: CallBlock, *lines: str) -> int | None:
    """Where the block ended in the last line; it began before the first."""
    end = None
    for line in lines:
        end = block.read(line, 0, plain=False)
    return end


def opened(tag: str) -> CallBlock:
    block, opening = CallBlock(), OPEN.match(tag)
    assert opening is not None
    block.open(opening)
    return block


def test_block_ends_after_its_closing_tag() -> None:
    block = opened("<tool_call>")
    assert read(block, '{"a": "</tool_call>", ', '"b": 1}</tool_call> more') == len('"b": 1}</tool_call>')
    assert (block.is_open, block.count) == (False, 1)
    assert block.bodies() == [(None, '{"a": "</tool_call>", "b": 1}')]


def test_block_of_xml_ends_at_the_first_closing_tag() -> None:
    block = opened('<invoke name="ls">')
    assert read(block, "<parameter name='path'>\"</parameter></invoke>") is not None
    assert block.bodies() == [("ls", "<parameter name='path'>\"</parameter>")]


def test_block_that_was_not_closed_ends_before_the_next_one() -> None:
    block = opened("<tool_call>")
    assert read(block, '{"a": 1}<tool_call>{"b": 2}') == len('{"a": 1}')


def test_bare_json_ends_with_its_last_bracket() -> None:
    assert read(CallBlock(json=True), '{"a": "}', '", "b": {}} and more') == len('", "b": {}}')


def test_block_without_an_end_is_what_came_after_its_tag() -> None:
    block, empty = opened("<tool_call>"), opened("<tool_call>")
    assert read(block, '{"a": "</tool_call>') is None
    assert block.hides_its_end()
    for each in (block, empty):
        each.end()
    assert (block.bodies(), empty.bodies()) == ([(None, '{"a": "</tool_call>')], [])
