"""Nothing that a model, a file or a command says is invisible on a terminal, drives it, or looks like our own box."""

import json
import re
import unicodedata
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output import DummyOutput

from duragent.cli.ask import AnswerPrinter
from duragent.cli.chat.conversation import AnswerBlock, Block, Conversation, MessageBlock, Note
from duragent.cli.chat.question import lines
from duragent.cli.chat.render import plain, render, render_question, tail_lines
from duragent.cli.chat.screen import Actions, Screen
from duragent.cli.chat.tool_blocks import Called, Returned, called
from duragent.cli.session.log import entry
from duragent.cli.view import clean, json_text, one_line
from duragent.client.activity import Activity
from duragent.client.turn import TurnResult
from duragent.journal import events
from duragent.journal.record import Record
from duragent.visible import UNFINISHED, in_sight, visible
from duragent.wire import Approval, Delta, Finding

# Default_Ignorable_Code_Point, by its ranges in DerivedCoreProperties.txt of Unicode 16.
IGNORABLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
UNSEEN = [chr(code) for first, last in IGNORABLE for code in range(first, last + 1)]
UNSEEN += ["\u2028", "\u2029", "\u2800", "\ufff9", "\ufffa", "\ufffb"]


def test_every_character_that_cannot_be_seen_is_shown_as_its_code() -> None:
    for char in UNSEEN:
        assert visible(f"a{char}b") == in_sight(f"a{char}b") == f"a<U+{ord(char):04X}>b", hex(ord(char))


def test_every_character_of_a_format_category_is_shown_or_has_a_shape() -> None:
    with_a_shape = {*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD}
    with_a_shape |= {*range(0x13430, 0x13440)}  # hieroglyphs' joiners, drawn as controls of a layout
    for code in range(0x110000):
        if unicodedata.category(chr(code)) == "Cf" and code not in with_a_shape:
            assert visible(f"a{chr(code)}b") != f"a{chr(code)}b", hex(code)


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",  # with a skin tone
        "\U0001f3f3\ufe0f\u200d\U0001f308",  # a rainbow flag
        "\u2764\ufe0f \u2764\ufe0f\u200d\U0001f525",  # a heart, and one on fire
        "1\ufe0f\u20e3 #\ufe0f\u20e3 \u00a9\ufe0f \u2194\ufe0e \u203c\ufe0f",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian with ZWNJ
        "\u0915\u094d\u200d\u0937 \u0915\u094d\u200c\u0937",  # Devanagari with both
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala
        "\u0d28\u0d4d\u200d\u0d2e",  # Malayalam
        "\u4e2d\u6587 \u65e5\u672c\u8a9e \ud55c\uad6d\uc5b4 \u0e44\u0e17\u0e22 \u05e2\u05d1\u05e8\u05d9\u05ea",
        "a\tb\nc",
        "\u250c\u2500\u2500\u2510 \u2502 \u256d\u256e \u2503",
    ],
)
def test_what_belongs_to_a_script_or_an_emoji_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u200db", "a<U+200D>b"),
        ("a\u200cb", "a<U+200C>b"),
        ("\u200d\U0001f469", "<U+200D>\U0001f469"),
        ("\U0001f469\u200d", "\U0001f469<U+200D>"),
        ("\U0001f469\u200d\u200d\U0001f469", "\U0001f469<U+200D><U+200D>\U0001f469"),
        ("\U0001f469\u200da", "\U0001f469<U+200D>a"),
        ("a\ufe0f", "a<U+FE0F>"),
        ("\u2764\ufe0f\ufe0f", "\u2764\ufe0f<U+FE0F>"),
        ("\u0645\u200ca", "\u0645<U+200C>a"),
        ("\U0001f3f4\U000e0068\U000e0069\U000e007f", "\U0001f3f4<U+E0068><U+E0069><U+E007F>"),
        ("\u6f22\U000e0100", "\u6f22<U+E0100>"),
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("\x1b]8;;https://evil\x07x\x1b]8;;\x07", "\ufffd]8;;https://evil\ufffdx\ufffd]8;;\ufffd"),
        ("\x9b2J\ud800", "\ufffd2J\ufffd"),
    ],
)
def test_what_is_out_of_place_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


HOSTILE = "".join(UNSEEN[:40]) + "\u202e\u2066\U000e0041\x1b[2J\x9b1m\x07\ud800\u200d"
PIECES = ["a", "b c", "\n", "\U0001f469", "\U0001f3fd", "\u0645", "\u2764", "\x1b[2J", "**", "`", "&#x202e;", "&#9556;"]
PIECES += ["&#8203;", "[l](https://x/&#x202e;)", "# ", "> ", "- ", "\r\n", "\ud83d", "\udc69", "|", "```", "<b>", "\t"]
PIECES += [*"\u202e\u200b\u200c\u200d\ufeff\u2066\ufe0f\u3164\u2028\x00\x9b", "\U000e0041", "\u2550\u2551\u2554"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


def is_clean(shown: str) -> bool:
    """Whether all of it can be seen; colours of our own are not looked at."""
    bare = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    return bare == visible(bare)


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


@settings(deadline=None, max_examples=40)
@given(TEXTS)
@example(HOSTILE)
def test_nothing_hidden_reaches_the_terminal_in_a_log_or_a_question(text: str) -> None:
    stored = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    told: list[events.Event] = [
        events.SessionCreated(agent=stored, title=stored),
        events.MessageReceived(message_id="m", text=stored, sender=events.Sender(name=stored)),
        events.ModelReplied(turn="t", message_id="m", model=stored, text=stored),
        events.ToolFinished(turn="t", call="c", tool=stored, outcome="ok", content=stored),
        events.ToolStarted(epoch=1, turn="t", call="c", tool=stored, invocation=stored, rule=stored, place=stored),
    ]
    for event in told:
        assert is_clean("\n".join(entry(Record(1, stored, event), every=True)))
    assert is_clean("\n".join(lines(question(stored))))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.integers(1, 5))
@example(["\U0001f469", "\u200d", "\U0001f469"], 1)
@example(["\x1b", "[2J"], 1)
def test_a_stream_shows_the_same_as_the_whole_answer(pieces: list[str], step: int) -> None:
    whole = "".join(pieces)
    grown = ""
    for end in range(0, len(whole) + step, step):
        shown = clean(UNFINISHED.sub("", whole[:end]))
        assert shown.startswith(grown)
        grown = shown
    assert clean(whole).startswith(grown)


def test_an_answer_in_pieces_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    printer = AnswerPrinter(live=True)
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    text = f"a {family} b\u202ec \x1b[2J"
    for at, char in enumerate(text):
        printer.take(Delta(turn="t", step=1, attempt=1, offset=at, text=char))
    printer.end(TurnResult(1, "completed", text=text))
    assert capsys.readouterr().out == f"a {family} b<U+202E>c \ufffd[2J\n"


@settings(deadline=None, max_examples=40)
@given(TEXTS)
@example(HOSTILE)
def test_json_says_the_same_and_hides_nothing(text: str) -> None:
    shown = json_text({"a": text})
    assert is_clean(shown.translate(dict.fromkeys(range(0x2550, 0x256D), "-")))
    assert json.loads(shown) == json.loads(json.dumps({"a": text}))


# --- boxes ------------------------------------------------------------------------------------------------------------


def question(command: str, *parts: str, kind: Literal["approval", "lost"] = "approval") -> Approval:
    return Approval(
        session_id="s",
        agent="a",
        title="t",
        kind=kind,
        call_id="c",
        tool="bash",
        arguments_sha256="5a",
        command=command,
        findings=[Finding(text=part, reason="not in the allow list") for part in parts or (command,)],
        patterns=["bash:rm *"],
        place="no sandbox, as you",
        requested_at="2026-11-20T23:58:16.123Z",
        seq=1,
    )


OURS = [render_question(question("rm -rf /"), width, colour=False) for width in (40, 60, 80)]
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


@pytest.mark.parametrize("term", ["dumb", "xterm", "linux"])
@pytest.mark.parametrize("colour", [True, False])
def test_every_line_of_our_box_has_a_double_line(monkeypatch: pytest.MonkeyPatch, term: str, colour: bool) -> None:
    monkeypatch.setenv("TERM", term)
    for asked in (question("a\nb", "a", "b\nc"), question("x " * 200), question("x", kind="lost")):
        for width in (20, 40, 80):
            for line in render_question(asked, width, colour=colour).rstrip("\n").split("\n"):
                bare = re.sub(r"\x1b\[[0-9;]*m", "", line)
                assert bare[0] in "\u2554\u2551\u255a"
                assert len(bare) == width


def test_a_command_cannot_draw_our_box_within_it() -> None:
    evil = "\n".join([OURS[0], "\u2551 [y] once \u2551"])
    shown = render_question(question(evil), 80, colour=False)
    for line in shown.rstrip("\n").split("\n")[1:-1]:
        assert line.count("\u2551") == 2


@pytest.mark.parametrize(("term", "times"), [("dumb", 1), ("xterm", 0)])
def test_a_terminal_that_redraws_nothing_has_the_box_printed_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], term: str, times: int
) -> None:
    monkeypatch.setenv("TERM", term)
    conversation = Conversation("a", activity=Activity(question=question("rm x")))
    with create_app_session(input=DummyInput(), output=DummyOutput()):
        screen = Screen(conversation, Actions(lambda _: None, lambda: False), None)
        screen.show([])
        screen.show([])
    assert capsys.readouterr().out.count("\u2554\u2550 approval") == times


def test_a_hint_is_shown_whole_on_a_narrow_terminal() -> None:
    with create_app_session(input=DummyInput(), output=DummyOutput()):
        screen = Screen(Conversation("a"), Actions(lambda _: None, lambda: False), None)
        screen._hint = "Enter sends it; Esc goes back. One pattern on each line (Alt-Enter)."
        shown = [text for _, text in screen._live(40, 8)]
    assert shown == ["Enter sends it; Esc goes back. One", "pattern on each line (Alt-Enter)."]


# --- lines stay lines -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 9, 12])
def test_a_command_of_several_lines_is_asked_about_line_by_line(count: int) -> None:
    text = "\n".join(f"if x{at}; then rm {at}" for at in range(1, count + 1))
    digits = len(str(count))
    wanted = [f"{at:>{digits}} | if x{at}; then rm {at}" for at in range(1, count + 1)]
    box = render_question(question(text), 80, colour=False)
    above = render(called("bash", text, asked=True), 80, colour=False)
    for line in wanted:
        assert line in box
        assert line in above
    assert f"rm 1 {chr(0x23CE)} if x2" in lines(question(text))[0]


def test_lines_that_do_not_fit_into_the_box_are_counted() -> None:
    text = "\n".join(f"echo {at}" for at in range(30))
    box = render_question(question(text), 80, rows=16, colour=False)
    assert re.search(r"and \d+ more lines: look above", box)
    shown = len(re.findall(r"\| echo", box))
    assert f"and {30 - shown} more lines" in box
    assert 5 < shown < 16
    assert len(box.splitlines()) <= 16


@pytest.mark.parametrize(("width", "rows"), [(80, 20), (40, 16), (36, 16), (120, 40), (59, 16), (64, 16)])
@pytest.mark.parametrize(
    "asked",
    [
        question("rm x"),
        question("rm " * 400),
        question("\n".join(f"echo {at}" for at in range(50))),
        question("x", *(f"rm {at} " * 9 for at in range(40))),
        question("\n".join("echo " * 30 for _ in range(9))),
        question("\U0001f469" * 300),
    ],
)
def test_the_keys_are_in_sight_on_every_terminal(asked: Approval, width: int, rows: int) -> None:
    lines = render_question(asked, width, rows=rows, colour=False).rstrip("\n").split("\n")
    assert len(lines) <= rows
    for key in ("[y]", "[n]", "[d]"):
        assert any(key in line for line in lines)
    # The command has most of the width.
    assert len(lines[1].strip("\u2551 ")) >= len("rm x")
