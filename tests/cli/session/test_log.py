"""`duragent session log`: what happened, read from the files."""

import json
import os

import pytest
from hypothesis import example, given, settings

from duragent.cli.chat.question import lines
from duragent.cli.session.log import entry
from duragent.journal import events
from duragent.journal.record import Record
from tests.cli.chat.calls import ASKED, LOST, STARTED, TS, finished
from tests.cli.home import DAMAGED, Home
from tests.cli.hostile import HOSTILE, TEXTS, approval_of, is_clean
from tests.cli.place import Place


def test_a_log_is_read_without_a_server(place: Place) -> None:
    session_id = json.loads(place.run("ask", "assistant", "2+2", "--json").stdout)["session_id"]
    assert place.run("serve", "stop").stdout == "Stopped.\n"
    ran = place.run("session", "log", session_id[:16])
    assert ran.returncode == 0
    assert "\n    2+2 = 4\n" in ran.stdout
    records = [json.loads(line) for line in place.run("session", "log", session_id, "--json").stdout.splitlines()]
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    assert "model_replied" in [record["type"] for record in records]
    last = place.run("session", "log", session_id, "--json", "-n", "1").stdout.splitlines()
    assert [json.loads(line) for line in last] == records[-1:]
    log = place.folder / ".duragent/sessions" / session_id / "events.jsonl"
    log.write_bytes(log.read_bytes().replace(b"2+2 = 4", b"2+2 = 5"))
    damaged = place.run("session", "log", session_id)
    assert damaged.returncode == 65
    assert "damaged" in damaged.stderr
    assert "2+2" in damaged.stdout


def test_commands_tell_that_a_log_became_shorter_while_it_was_in_use_and_what_to_do(home: Home) -> None:
    home.wait_for_summary()
    os.truncate(home.log, 300)
    ran = home.run("session", "log", home.first)
    assert (ran.code, f"but state.yaml has seen {home.head}" in ran.err) == (DAMAGED, True)
    for words in (["ask", "assistant", "--session", home.first, "hi"], ["session", "repair", home.first, "--yes"]):
        ran = home.run(*words)
        problem, hint = ran.err.splitlines()[-2:]
        assert (ran.code, ran.out) == (1, "")
        assert "was changed while it was in use: it has 300 bytes" in problem
        assert "read-only until the server is started again (`duragent serve stop`)" in hint


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
        (
            events.MessageReceived(message_id="m", text="hi", source="cli"),
            ["message 3", "From:   user", "Via:    cli", "", "    hi", ""],
        ),
        (
            events.MessageReceived(message_id="m", text="hi", source="http", door="page"),
            ["message 3", "From:   user", "Via:    http (page)", "", "    hi", ""],
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
    assert is_clean("\n".join(lines(approval_of(stored))))
