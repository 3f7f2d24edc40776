"""What a person is asked about a call, and the keys that answer it."""

import re

import pytest
from rich.cells import cell_len

from duragent.cli.chat.question import (
    NOTHING_YET,
    ORDINARY,
    TOO_LONG,
    AnswerKey,
    BoxState,
    above,
    answer_of,
    decide,
    keys,
    lines,
    next_command,
    plain_question,
    tells_whole_diff,
)
from duragent.cli.chat.render import question_box, render, render_question, whole_question
from duragent.cli.chat.tool_blocks import Returned, asked_about, called
from duragent.journal import events
from duragent.policy.breadths import of_files
from duragent.policy.rules import NOT_LISTED
from duragent.visible import in_sight
from duragent.wire import Approval
from tests.cli.chat.calls import ASKED, LOST, STARTED, question
from tests.cli.hostile import OURS, approval_of


@pytest.mark.parametrize("command", ["x" * 20_001, "x\n" * 200])
def test_what_nobody_would_read_in_a_box_can_only_be_denied_there(command: str) -> None:
    asked = question(ASKED.model_copy(update={"invocation": command, "findings": ()}))
    assert list(keys(asked)) == ["n", "d", "v"]
    assert TOO_LONG in render_question(asked, 100, colour=False)
    shorter = question(ASKED.model_copy(update={"invocation": command[:-2], "findings": ()}))
    assert list(keys(shorter)) == ["y", "a", "e", "n", "d", "v"]


def test_parts_with_a_reason_of_their_own_come_first() -> None:
    assert ORDINARY == NOT_LISTED
    parts = tuple(
        events.PolicyFinding(text=text, reason=why) for text, why in [("a", ORDINARY), ("b", "writes"), ("c", ORDINARY)]
    )
    asked = question(ASKED.model_copy(update={"findings": parts}))
    assert above(asked).split("\n") == ["  b  (writes)", f"  a  ({ORDINARY})", f"  c  ({ORDINARY})"]
    assert [line.split(":")[0].strip() for line in lines(asked)[1:4]] == ["b", "a", "c"]


@pytest.mark.parametrize("char", "\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u202e\U000e0001\U000e01ef")
def test_a_character_that_cannot_be_seen_is_an_escape(char: str) -> None:
    assert in_sight(f"a{char}b") == f"a<U+{ord(char):04X}>b"


def test_the_box_shows_what_why_where_and_the_keys() -> None:
    shown = render_question(question(ASKED), 110, colour=False)
    assert [line.strip("║ \n") for line in shown.splitlines()[1:-1]] == [
        f"rm -rf build{' ' * 73}not in the allow list",
        f"git add -A{' ' * 75}not in the allow list",
        "runs in: bubblewrap, /srv/me/project, network off",
        "[y] once  [a] always: this call and others like it  [e] edit pattern  [n] deny  [d] deny and say why",
    ]


def test_keys_that_are_not_offered_are_not_shown() -> None:
    bare = ASKED.model_copy(update={"patterns": ()})
    assert list(keys(question(bare))) == ["y", "n", "d"]
    assert "[a]" not in render_question(question(bare), 100, colour=False)
    assert next_command(question(bare), "s") == "duragent approve s --once | --deny [--reason TEXT]"
    assert next_command(question(STARTED, LOST), "s") == "duragent approve s --retry | --done | --give-up"


def test_a_box_with_many_parts_says_that_there_are_more() -> None:
    many = ASKED.model_copy(update={"findings": tuple(events.PolicyFinding(text=f"rm {i}") for i in range(40))})
    shown = render_question(question(many), 80, rows=16, colour=False)
    assert len(shown.splitlines()) <= 16
    left = 40 - len(re.findall(r"rm \d", shown))
    assert 25 < left < 32
    assert f"… and {left} more lines: look above" in shown


def test_what_cannot_be_seen_is_made_visible_and_nothing_drives_the_terminal() -> None:
    evil = "rm \x1b[2J\u202egpj\n\x07"
    part = events.PolicyFinding(text=evil, reason=evil)
    nasty = ASKED.model_copy(
        update={"tool": evil, "invocation": evil, "findings": (part,), "patterns": (evil,), "place": evil}
    )
    asked = question(nasty)
    for shown in (
        render_question(asked, 80, colour=False),
        render(called(evil, evil, evil, asked=True), 80, colour=False),
        render(Returned(evil, evil, evil), 80, colour=False),
        "\n".join(lines(asked)),
    ):
        assert not any((char < " " and char != "\n") or "\x7f" <= char < "\xa0" for char in shown)
    assert "\u202e" not in render_question(asked, 80, colour=False)


def test_a_decision_is_about_what_was_shown_and_fits() -> None:
    body = decide(question(ASKED), AnswerKey("deny", "w" * 9000 + "\ud800", ("p\ud800",) * 99), "n" * 900)
    assert (body.call_id, body.arguments_sha256, body.decision) == ("c1", "5a", "deny")
    assert (len(body.reason), len(body.patterns), len(body.by)) == (2000, 50, 200)
    assert body.patterns[0] == "p\N{REPLACEMENT CHARACTER}"
    assert decide(question(STARTED, LOST), AnswerKey("done"), "").arguments_sha256 is None


@pytest.mark.parametrize("term", ["xterm", "linux"])
@pytest.mark.parametrize("colour", [True, False])
def test_every_line_of_our_box_has_a_double_line(monkeypatch: pytest.MonkeyPatch, term: str, colour: bool) -> None:
    monkeypatch.setenv("TERM", term)
    for asked in (approval_of("a\nb", "a", "b\nc"), approval_of("x " * 200), approval_of("x", kind="lost")):
        for width in (20, 40, 80):
            for line in render_question(asked, width, colour=colour).rstrip("\n").split("\n"):
                bare = re.sub(r"\x1b\[[0-9;]*m", "", line)
                assert bare[0] in "\u2554\u2551\u255a"
                assert len(bare) == width


def test_a_command_cannot_draw_our_box_within_it() -> None:
    evil = "\n".join([OURS[0], "\u2551 [y] once \u2551"])
    shown = render_question(approval_of(evil), 80, colour=False)
    for line in shown.rstrip("\n").split("\n")[1:-1]:
        assert line.count("\u2551") == 2


@pytest.mark.parametrize("count", [2, 9, 12])
def test_a_command_of_several_lines_is_asked_about_line_by_line(count: int) -> None:
    text = "\n".join(f"if x{at}; then rm {at}" for at in range(1, count + 1))
    digits = len(str(count))
    wanted = [f"{at:>{digits}} | if x{at}; then rm {at}" for at in range(1, count + 1)]
    box = render_question(approval_of(text), 80, colour=False)
    above = render(called("bash", text, asked=True), 80, colour=False)
    for line in wanted:
        assert line in box
        assert line in above
    assert f"rm 1 {chr(0x23CE)} if x2" in lines(approval_of(text))[0]


def test_lines_that_do_not_fit_into_the_box_are_counted() -> None:
    text = "\n".join(f"echo {at}" for at in range(30))
    box = render_question(approval_of(text), 80, rows=16, colour=False)
    assert re.search(r"and \d+ more lines: look above", box)
    shown = len(re.findall(r"\| echo", box))
    assert f"and {30 - shown} more lines" in box
    assert 5 < shown < 16
    assert len(box.splitlines()) <= 16


def box_of(asked: Approval, width: int, rows: int, now: BoxState = NOTHING_YET) -> list[str]:
    lines = render_question(asked, width, rows=rows, now=now, colour=False).rstrip("\n").split("\n")
    assert len(lines) <= rows
    assert {cell_len(line) for line in lines} == {width}
    return lines


LONG_DIFF = "\n".join(["@@ -0,0 +1,90 @@", *(f"+{at} {'x' * (at * 3)}" for at in range(90))])
CHANGES = ASKED.model_copy(
    update={
        "tool": "write_file",
        "invocation": 'write_file "src/a b.py" content="one two"',
        "findings": (events.PolicyFinding(text='write_file "src/a b.py"', reason="not in the allow list"),),
        "preview": LONG_DIFF,
        "patterns": (),
        "offers": of_files("src/a.py"),
        "place": "",
    }
)


@pytest.mark.parametrize(("width", "rows"), [(80, 20), (40, 16), (36, 16), (120, 40)])
def test_a_change_is_shown_as_its_diff_with_the_keys_or_the_offers(width: int, rows: int) -> None:
    asked = question(CHANGES)
    shown = "\n".join(box_of(asked, width, rows))
    assert "write_file src/a b.py" in shown
    assert "more lines: v shows all" in shown
    for part in ("+0", "[y]", "[a]", "[n]", "[d]", "[v]"):
        assert part in shown
    for at in range(3):
        choosing = "\n".join(box_of(asked, width, rows, BoxState(choosing=at)))
        assert f"\u203a {at + 1} in this session" in choosing
        for part in ("[Enter]", "[1-3]", "[Esc]", '"builtin:write_file '):
            assert part in choosing


def test_all_of_a_change_can_be_seen_and_its_line_in_the_scrollback_is_short() -> None:
    asked = question(CHANGES)
    assert whole_question(asked) == ["write_file src/a b.py  +90 -0", *LONG_DIFF.split("\n")]
    assert above(asked) == ""
    line = asked_about(CHANGES.tool, CHANGES.invocation, CHANGES.preview)
    assert render(line, 80, colour=False) == "\N{BLACK CIRCLE} write_file  src/a b.py\n"
    command = question(ASKED.model_copy(update={"invocation": "a\nb\u202e", "tool": "bash"}))
    assert whole_question(command) == ["bash ", "1 | a", "2 | b<U+202E>"]


@pytest.mark.parametrize(
    ("count", "rows", "in_box", "in_lines"),
    [(3, 16, True, True), (3, 8, False, True), (40, 60, True, True), (41, 80, True, False)],
)
def test_a_question_says_whether_it_has_the_whole_diff(count: int, rows: int, in_box: bool, in_lines: bool) -> None:
    diff = "\n".join(["@@ -0,0 +1 @@", *(f"+{at}" for at in range(count))])
    asked = question(CHANGES.model_copy(update={"preview": diff}))
    drawn, whole = question_box(asked, 80, rows, NOTHING_YET, colour=False)
    assert (whole, "v shows all" not in drawn) == (in_box, in_box)
    assert (tells_whole_diff(asked), "v shows all" not in plain_question(asked)) == (in_lines, in_lines)
    long_row = asked.model_copy(update={"preview": f"@@ -0,0 +1 @@\n+{'x' * 500}"})
    assert not question_box(long_row, 80, 60, NOTHING_YET, colour=False)[1]


def test_what_the_server_cut_off_a_change_makes_it_too_long_to_allow() -> None:
    assert list(keys(question(CHANGES))) == ["y", "a", "e", "n", "d", "v"]
    cut = CHANGES.model_copy(update={"preview": "@@ @@\n+a\n\u2026 9 more lines of diff"})
    assert list(keys(question(cut))) == ["n", "d", "v"]


def test_a_question_without_drawing_is_lines_and_then_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    short = CHANGES.model_copy(update={"preview": "@@ -1 +1 @@\n-a\n+b", "invocation": "write_file a content=b"})
    assert render_question(question(short), 80).split("\n") == [
        "Approval needed: write_file a  +1 -1",
        "  @@ -1 +1 @@",
        "  -a",
        "  +b",
        "  not in the allow list",
        "Answer with a line:",
        "  y: once",
        "  a 1: in this session: changes of src/a.py",
        "  a 2: in this session: changes of files below src/",
        "  a 3: in this session: changes of any file",
        "  e PATTERN: this pattern instead",
        "  n: deny",
        "  d WHY: deny, and say why",
        "  v: show all",
        "",
    ]
    plain = render_question(question(CHANGES), 80)
    assert "  \u2026 51 more lines: v shows all\n" in plain
    assert "+89 x" in plain


@pytest.mark.parametrize(
    ("line", "decision", "more"),
    [
        ("y", "allow_once", ()),
        (" Y ", "allow_once", ()),
        ("n", "deny", ()),
        ("d not now", "deny", "not now"),
        ("a", "allow_session", "src/a.py *"),
        ("a 2", "allow_session", "src/* *"),
        ("a 02", "allow_session", "src/* *"),
        ("e bash:x", "allow_session", "bash:x"),
    ],
)
def test_a_typed_line_is_an_answer(line: str, decision: str, more: str | tuple[()]) -> None:
    answer = answer_of(question(CHANGES), line)
    assert answer is not None
    assert answer.decision == decision
    assert more in ((), answer.reason, *answer.patterns) or any(str(more) in each for each in answer.patterns)


@pytest.mark.parametrize(
    "line", ["", "yes", "y please", "a 0", "a 4", "a x", f"a {'9' * 5_000}", "d", "e", "v", "r", "hello there"]
)
def test_another_line_is_a_message(line: str) -> None:
    assert answer_of(question(CHANGES), line) is None


@pytest.mark.parametrize(("width", "rows"), [(80, 20), (40, 16), (36, 16), (120, 40), (59, 16), (64, 16)])
@pytest.mark.parametrize(
    "asked",
    [
        approval_of("rm x"),
        approval_of("rm " * 400),
        approval_of("\n".join(f"echo {at}" for at in range(50))),
        approval_of("x", *(f"rm {at} " * 9 for at in range(40))),
        approval_of("\n".join("echo " * 30 for _ in range(9))),
        approval_of("\U0001f469" * 300),
    ],
)
def test_the_keys_are_in_sight_on_every_terminal(asked: Approval, width: int, rows: int) -> None:
    for draft in (False, True):
        lines = box_of(asked, width, rows, BoxState(draft=draft))
        for key in ("[y]", "[n]", "[d]"):
            assert any(key in line for line in lines)
        assert any("Your draft" in line for line in lines) == draft
    # The command has most of the width.
    assert len(lines[1].strip("\u2551 ")) >= len("rm x")
