"""What a person is asked about a call, and the keys that answer it."""

import re

import pytest

from duragent.cli.chat.question import ORDINARY, TOO_LONG, AnswerKey, above, decide, keys, lines, next_command
from duragent.cli.chat.render import render, render_question
from duragent.cli.chat.tool_blocks import Returned, called
from duragent.journal import events
from duragent.policy.rules import NOT_LISTED
from duragent.visible import in_sight
from duragent.wire import Approval
from tests.cli.chat.calls import ASKED, LOST, STARTED, question
from tests.cli.hostile import OURS, approval_of


@pytest.mark.parametrize("command", ["x" * 20_001, "x\n" * 200])
def test_what_nobody_would_read_in_a_box_can_only_be_denied_there(command: str) -> None:
    asked = question(ASKED.model_copy(update={"invocation": command, "findings": ()}))
    assert list(keys(asked)) == ["n", "d"]
    assert TOO_LONG in render_question(asked, 100, colour=False)
    shorter = question(ASKED.model_copy(update={"invocation": command[:-2], "findings": ()}))
    assert list(keys(shorter)) == ["y", "a", "e", "n", "d"]


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
        '[y] once  [a] always: "bash:rm -rf build", "bash:git add *"  [e] edit pattern  [n] deny',
        "[d] deny and say why",
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


@pytest.mark.parametrize("term", ["dumb", "xterm", "linux"])
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
    lines = render_question(asked, width, rows=rows, colour=False).rstrip("\n").split("\n")
    assert len(lines) <= rows
    for key in ("[y]", "[n]", "[d]"):
        assert any(key in line for line in lines)
    # The command has most of the width.
    assert len(lines[1].strip("\u2551 ")) >= len("rm x")
