"""What a chat and a log show of tool calls."""

import re

import pytest

from duragent.cli.chat.conversation import Block, Conversation, Note
from duragent.cli.chat.question import ORDINARY, TOO_LONG, AnswerKey, above, decide, keys, lines, next_command
from duragent.cli.chat.render import plain, render, render_question
from duragent.cli.chat.tool_blocks import Called, Returned, called, never_began, returned
from duragent.cli.session.log import entry
from duragent.client.watch import CaughtUp
from duragent.journal import events
from duragent.journal.record import Record
from duragent.policy.rules import NOT_LISTED
from duragent.visible import in_sight
from duragent.wire import Approval, Delta

TS = "2026-11-20T23:58:16.123Z"
ASKED = events.ApprovalRequested(
    turn="t",
    call="c1",
    tool="bash",
    arguments_sha256="5a",
    invocation="rm -rf build\ngit add -A",
    findings=(
        events.PolicyFinding(text="rm -rf build", reason="not in the allow list"),
        events.PolicyFinding(text="git add -A", reason="not in the allow list"),
    ),
    patterns=("bash:rm -rf build", "bash:git add *"),
    place="bubblewrap, /srv/me/project, network off",
)
STARTED = events.ToolStarted(
    turn="t", call="c1", tool="bash", epoch=1, invocation="git status --short", rule="policy.yaml: bash:git status*"
)
LOST = events.ToolLost(turn="t", call="c1", evidence="no result was left", invocation="mail ada", asks=True)


def finished(content: str = "", outcome: events.CallOutcome = "ok", **more: object) -> events.ToolFinished:
    fields = {"turn": "t", "call": "c1", "tool": "bash", "outcome": outcome, "content": content, **more}
    return events.ToolFinished.model_validate(fields)


def live(*happened: events.Event | Delta) -> tuple[Conversation, list[Block]]:
    conversation = Conversation("assistant")
    conversation.take(CaughtUp())
    blocks: list[Block] = []
    for seq, item in enumerate(happened, 1):
        blocks += conversation.take(item if isinstance(item, Delta) else Record(seq, TS, item))
    return conversation, blocks


def question(*happened: events.Event) -> Approval:
    asked = live(*happened)[0].question
    assert asked is not None
    return asked


# --- the fold -------------------------------------------------------------------------------------------------------


def test_a_call_is_a_line_with_its_rule_and_its_result_in_a_few() -> None:
    details = {"exit_code": 0, "seconds": 0.312}
    _, blocks = live(STARTED, finished(" M a\n M b\n", details=details))
    assert blocks == [
        Called("bash", "git status --short", "policy.yaml: bash:git status*"),
        Returned("exit 0 · 0.3 s", " M a\n M b"),
    ]


def test_a_call_that_was_asked_about_has_its_line_once_and_who_decided() -> None:
    decided = events.ApprovalDecided(call="c1", decision="allow_once", arguments_sha256="5a", by="Ada")
    conversation, blocks = live(ASKED, decided, STARTED.model_copy(update={"rule": "approved by Ada"}))
    assert blocks == [Called("bash", "rm -rf build\ngit add -A", asked=True), Note("  Ada allowed it once.")]
    assert (conversation.question, list(conversation.activity.running)) == (None, ["c1"])


def test_a_denial_is_told_once_with_its_reason_and_always_with_its_patterns() -> None:
    deny = events.ApprovalDecided(call="c1", decision="deny", arguments_sha256="5a", reason="not today")
    assert live(ASKED, deny, finished("The call was denied by the user.", "denied"))[1][1:] == [
        Note("  Somebody denied it: not today")
    ]
    always = deny.model_copy(update={"decision": "allow_always", "reason": "", "patterns": ("bash:ls", "bash:rm *")})
    assert live(ASKED, always)[1][1:] == [Note('  Somebody always allows it: "bash:ls", "bash:rm *"')]


def test_a_call_that_never_began_is_shown_with_its_arguments() -> None:
    replied = events.ModelReplied(
        message_id="m", turn="t", calls=(events.Call(call="c1", tool="bash", arguments='{"command":"su"}'),)
    )
    _, blocks = live(replied, finished("Command 'su' was denied by policy.", "denied"))
    assert blocks == [
        Called("bash", "su"),
        Returned("denied", "Command 'su' was denied by policy.", good=False),
    ]


def test_results_of_calls_side_by_side_say_whose_they_are() -> None:
    other = STARTED.model_copy(update={"call": "c2", "tool": "read_file", "invocation": "read_file a.txt"})
    _, blocks = live(STARTED, other, finished("x"), finished("y", call="c2", tool="read_file"))
    assert blocks[1:] == [
        Called("read_file", "a.txt", "policy.yaml: bash:git status*"),
        Returned("", "x", of="bash"),
        Returned("", "y"),
    ]


def test_a_lost_call_is_asked_about_until_somebody_says_what_became_of_it() -> None:
    conversation, blocks = live(STARTED, LOST)
    assert blocks[1:] == [Note("  The server stopped while this ran; it may have run.", "warning")]
    assert keys(question(STARTED, LOST)) == {"r": "run again", "i": "it ran", "g": "give up"}
    resolved = events.ToolResolved(call="c1", resolution="done", by="Ada", reason="I looked")
    assert conversation.take(Record(9, TS, resolved)) == [Note("  Ada says that it ran: I looked")]
    assert conversation.question is None


def test_the_box_is_away_while_a_decision_is_on_its_way() -> None:
    conversation, _ = live(ASKED)
    conversation.deciding = "c1"
    assert (conversation.question, conversation.busy) == (None, True)
    decided = events.ApprovalDecided(call="c1", decision="deny", arguments_sha256="5a")
    conversation.take(Record(9, TS, decided))
    conversation.take(Record(10, TS, ASKED))
    assert conversation.question is not None


def test_output_of_a_tool_is_no_part_of_the_answer() -> None:
    output = Delta(turn="t", step=1, attempt=1, kind="output", offset=0, text="a.txt", call="c1")
    conversation, _ = live(STARTED, output)
    assert (conversation.partial.text, conversation.activity.running["c1"].output) == ("", "a.txt")


# --- lines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "invocation", "line"),
    [
        ("bash", "ls -l", Called("bash", "ls -l")),
        ("read_file", "read_file a.txt", Called("read_file", "a.txt")),
        ("web", "web:fetch https://x", Called("web:fetch", "https://x")),
        ("think", "think", Called("think", "")),
        ("", "", Called("", "")),
        ("bash", "rm \u202egpj.x\u200b", Called("bash", "rm <U+202E>gpj.x<U+200B>")),
    ],
)
def test_a_call_in_words(tool: str, invocation: str, line: Called) -> None:
    assert called(tool, invocation) == line


DONE = "Command completed with exit code 0"


def failed(facts: str, text: str) -> Returned:
    return Returned(facts, text, good=False)


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (finished(DONE, details={"exit_code": 0, "seconds": 2}), Returned("exit 0 · 2.0 s")),
        (finished("x\n[exit code 2]", "error", details={"exit_code": 2}), failed("exit 2", "x\n[exit code 2]")),
        (finished("x", "error", details={"exit_code": None, "signal": 9}), failed("ended by signal 9", "x")),
        (finished("x", "timeout"), failed("timed out", "x")),
        (finished("x", "skipped"), failed("skipped", "x")),
        (finished("1\n2\n3\n4\n5\n6\n7\n"), Returned("7 lines", "1\n2\n3\n4\n… 3 more lines")),
        (finished("1\n2\n3\n4\n5\n6\n7", "error"), failed("failed · 7 lines", "… 3 more lines\n4\n5\n6\n7")),
        (finished("Edited a", details={"diff": "@@ -1 +1 @@\n-a\n+b"}), Returned("", "", "@@ -1 +1 @@\n-a\n+b")),
        (finished("x", details={"exit_code": True, "seconds": "soon", "diff": 7}), Returned("exit True", "x")),
        (finished("", details={"created": True}), Returned("created")),
    ],
)  # fmt: skip
def test_a_result_in_a_few_lines(event: events.ToolFinished, shown: Returned) -> None:
    assert returned(event) == shown


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


def test_output_does_not_turn_the_order_around_and_keeps_its_emoji() -> None:
    text = "\u202egpj \u2066x\u2069 \U0001f468\u200d\U0001f469"
    shown = "<U+202E>gpj <U+2066>x<U+2069> \U0001f468\u200d\U0001f469"
    for block in (returned(finished(text)), returned(finished("x", details={"diff": text}))):
        assert shown in render(block, 80, colour=False)
        assert shown in plain(block)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"command": "bash -c \\"rm -rf /\\""}', 'bash -c "rm -rf /"'),
        ('{"limit": 3, "path": "a\\u202e.txt"}', "a<U+202E>.txt"),
        ('{"command": 7, "url": "https://x"}', "https://x"),
        ('{"text": "x"}', '{"text": "x"}'),
        ('["command"]', '["command"]'),
        ('{"command": "rm', '{"command": "rm'),
        ("[" * 100_000, "[" * 100_000),
        ("", ""),
    ],
)
def test_a_call_that_never_began_is_its_main_argument(arguments: str, text: str) -> None:
    assert never_began("bash", arguments) == Called("bash", text)


def test_a_diff_is_coloured() -> None:
    shown = render(returned(finished(details={"diff": "-a\n+b"})), 80, colour=True)
    assert "\x1b[31m  -a" in shown
    assert "\x1b[32m  +b" in shown


# --- the box --------------------------------------------------------------------------------------------------------


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


# --- session log ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (STARTED, ["call 3", "Tool:   bash", f"Rule:   {STARTED.rule}", "", "    git status --short", ""]),
        (
            ASKED,
            [
                "approval 3",
                "Tool:   bash",
                "Asks:   rm -rf build (not in the allow list); git add -A (not in the allow list)",
                "Where:  bubblewrap, /srv/me/project, network off",
                "Always: bash:rm -rf build, bash:git add *",
                "",
                "    rm -rf build",
                "    git add -A",
                "",
            ],
        ),
        (
            events.ApprovalDecided(call="c1", decision="deny", arguments_sha256="5a", by="Ada", reason="no"),
            ["decision 3", "Said:   deny", "By:     Ada", "Reason: no", ""],
        ),
        (LOST, ["lost 3", "Known:  no result was left", "Then:   a person is asked", "", "    mail ada", ""]),
        (
            events.ToolResolved(call="c1", resolution="retry", by="Ada"),
            ["resolved 3", "Said:   retry", "By:     Ada", ""],
        ),
        (finished("a\nb\n"), ["result 3", "Tool:   bash", "Ended:  ok", "", "    a", "    b", ""]),
    ],
)  # fmt: skip
def test_the_log_shows_calls_approvals_and_decisions(event: events.Event, shown: list[str]) -> None:
    lines = [line for line in entry(Record(3, TS, event)) if not line.startswith("Date:")]
    assert lines == shown


def test_the_log_cuts_long_results_unless_everything_is_wanted() -> None:
    long = finished("\n".join(str(number) for number in range(100)))
    assert list(entry(Record(3, TS, long)))[-2] == "    … 80 more lines (--all shows them)"
    assert "    99" in list(entry(Record(3, TS, long), every=True))
