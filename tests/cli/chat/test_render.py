"""Blocks of a conversation as lines of a terminal."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duragent.cli.chat.conversation import (
    MESSAGE_CHARS,
    MESSAGE_LINES,
    AnswerBlock,
    Block,
    MessageBlock,
    Note,
)
from duragent.cli.chat.question import ORDINARY, above
from duragent.cli.chat.render import plain, render, tail_lines
from duragent.cli.chat.tool_blocks import Called, Returned, called, returned
from duragent.cli.view import clean, one_line
from duragent.journal import events
from tests.cli.chat.calls import ASKED, LOST, STARTED, finished, question
from tests.cli.hostile import HOSTILE, OURS, TEXTS, is_clean


def test_a_rule_stands_at_the_right_where_there_is_room_and_below_where_there_is_none() -> None:
    line = called("bash", "ls", "policy.yaml: bash:ls *")
    assert render(line, 60, colour=False) == "● bash  ls                 allowed by policy.yaml: bash:ls *\n"
    assert render(line, 40, colour=False) == "● bash  ls\n  allowed by policy.yaml: bash:ls *\n"
    assert plain(line) == "● bash  ls  (allowed by policy.yaml: bash:ls *)"


def test_all_of_a_call_can_be_seen_before_it_is_decided() -> None:
    script = "\n".join(f"echo {number}" for number in range(30))
    shown = render(called("bash", script, asked=True), 80, colour=False)
    assert shown.count("echo") == 30
    longer = render(called("bash", script * 99, asked=True), 80, colour=False)
    assert longer.count("echo") == 30 * 99
    parts = tuple(events.PolicyFinding(text=f"rm {'x' * 1000}{at}", reason=ORDINARY) for at in range(15))
    shown = above(question(ASKED.model_copy(update={"findings": parts})))
    assert shown.split("\n") == [f"  {part.text}  ({ORDINARY})" for part in parts]
    assert above(question(STARTED, LOST)) == "  mail ada"
    alone = events.PolicyFinding(text=ASKED.invocation, reason=ORDINARY)
    assert above(question(ASKED.model_copy(update={"findings": (alone,)}))) == ""


def test_output_does_not_turn_the_order_around_and_keeps_its_emoji() -> None:
    text = "\u202egpj \u2066x\u2069 \U0001f468\u200d\U0001f469"
    shown = "<U+202E>gpj <U+2066>x<U+2069> \U0001f468\u200d\U0001f469"
    for block in (returned(finished(text)), returned(finished("x", details={"diff": text}))):
        assert shown in render(block, 80, colour=False)
        assert shown in plain(block)


def test_a_diff_is_coloured() -> None:
    shown = render(returned(finished(details={"diff": "-a\n+b"})), 80, colour=True)
    assert "\x1b[31m  -a" in shown
    assert "\x1b[32m  +b" in shown


def test_what_others_wrote_cannot_drive_the_terminal() -> None:
    evil = "a\x1b[2J\x9b31m\x07b\r\nc\u202ed"
    for block in (MessageBlock(evil, evil), AnswerBlock(evil), Note(evil)):
        text = render(block, 80, colour=False)
        assert not any((char < " " and char != "\n") or "\x7f" <= char < "\xa0" for char in text)
        assert "\x1b" not in plain(block)


def test_links_of_the_model_show_where_they_lead() -> None:
    text = render(AnswerBlock("[your bank](https://evil.example)"), 80, colour=True)
    assert "https://evil.example" in text
    assert "\x1b]8" not in text


@pytest.mark.parametrize(
    ("text", "width", "count", "lines"),
    [
        ("abc", 10, 3, ["abc"]),
        ("abcdef", 3, 3, ["abc", "def"]),
        ("a\nb\nc\nd", 10, 2, ["c", "d"]),
        ("one two three", 8, 3, ["one two", "three"]),
        ("one two", 3, 3, ["one", "two"]),
        ("日本語", 4, 3, ["日本", "語"]),
        ("日本語", 3, 3, ["日", "本", "語"]),
        ("x" * 1_000_000, 10, 2, ["x" * 10, "x" * 10]),
        ("", 10, 2, [""]),
    ],
)
def test_the_tail_of_a_text_fits_the_screen(text: str, width: int, count: int, lines: list[str]) -> None:
    assert tail_lines(text, width, count) == lines


@settings(deadline=None, max_examples=40)
@given(TEXTS)
@example(HOSTILE)
@example("&#x202e;abc `&#x202e;` [&#8203;](http://x) &#9556;\u2550&#9559;")
@example("# &#9553; [y] once &#9553;")
def test_nothing_hidden_reaches_the_terminal_in_any_block(text: str) -> None:
    blocks: list[Block] = [
        AnswerBlock(text),
        MessageBlock(text, text),
        Note(text),
        Called(text, text, text),
        Returned(text, text),
    ]
    blocks += [Returned(text, "", text, of=text), called(text, text, text, asked=True), AnswerBlock(text, stopped=True)]
    for block in blocks:
        assert is_clean(plain(block)), block
        for colour in (True, False):
            assert is_clean(render(block, 60, colour=colour)), block
    assert is_clean("\n".join(tail_lines(text, 30, 10)))
    assert is_clean(one_line(text))


BOXES = st.one_of(
    st.sampled_from(OURS),
    st.sampled_from([line for box in OURS for line in box.split("\n")]),
    st.sampled_from(
        [*"\u2500\u2502\u256d\u256e\u2570\u256f\u2550\u2551\u2554\u2557\u255a\u255d\u2503\u250f", " ", "\n"]
    ),
    st.sampled_from(
        ["approval", "[y] once", "\x1b[33m", "\x1b[1A", "\r", "```\n", "# ", "> ", "    ", "&#9554;", "&#9553;"]
    ),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(BOXES, max_size=12).map("".join), st.sampled_from([40, 60, 80]), st.booleans())
@example("".join(OURS), 80, False)
@example("```\n" + OURS[2] + "\n```", 80, True)
@example("&#9553; [y] once &#9553;", 40, False)
def test_no_line_of_an_answer_is_a_line_of_our_box(text: str, width: int, colour: bool) -> None:
    ours = {line.strip() for box in OURS for line in box.split("\n") if line.strip()}
    blocks: list[Block] = [
        AnswerBlock(text),
        Returned("", text),
        Returned("", "", text),
        Note(text),
        MessageBlock(text, "x"),
    ]
    shown = [render(block, width, colour=colour) for block in (*blocks, called("bash", text, asked=True))]
    shown += [*map(plain, blocks), "\n".join(tail_lines(text, width, 50)), clean(text)]
    for each in shown:
        bare = re.sub(r"\x1b\[[0-9;]*m", "", each)
        assert not ours & {line.strip() for line in bare.split("\n")}
        assert not re.search("[\u2550-\u256c]", bare)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("line\n" * MESSAGE_LINES, ["> line", *["line"] * (MESSAGE_LINES - 1)]),
        ("line\n" * 42, ["> line", *["line"] * 39, "  … 2 more lines: Ctrl-O shows all"]),
        ("line\n" * 41, ["> line", *["line"] * 39, "  … 4 more characters: Ctrl-O shows all"]),
    ],
)
def test_long_message_is_shown_as_far_as_a_person_reads_it(text: str, shown: list[str]) -> None:
    lines = render(MessageBlock(text), 80, colour=False).splitlines()
    assert [line.rstrip() for line in lines if line.strip()] == shown


def test_message_of_megabytes_costs_no_more_than_what_is_shown_of_it() -> None:
    lines = render(MessageBlock("x" * 1_500_000), 80, colour=False).splitlines()
    assert len(lines) == MESSAGE_CHARS // 80 + 2
    assert lines[-1] == "  … 1,492,000 more characters: Ctrl-O shows all"


def test_what_goes_on_in_the_next_line_stands_below_where_it_began() -> None:
    def lines(block: Block) -> list[str]:
        return [line.rstrip() for line in render(block, 30, colour=False).splitlines()]

    assert lines(Note("  rm -rf /tmp/x and more  (not in it)")) == ["  rm -rf /tmp/x and more  (not", "  in it)"]
    result = returned(finished("word " * 8, details={"exit_code": 0}))
    assert lines(result) == ["  word word word word word", "  word word word", "  exit 0"]
    call = called("bash", "echo " * 10, asked=True)
    assert lines(call) == ["● bash  echo echo echo echo", "  echo echo echo echo echo", "  echo"]
    assert lines(returned(finished("x" * 50))) == ["  " + "x" * 28, "  " + "x" * 22]
    assert lines(Note("a sentence of our own that is long"))[1] == "long"
