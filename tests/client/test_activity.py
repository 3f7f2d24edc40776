from duragent.client.activity import KEPT_CHARS, PERSON, Activity
from duragent.client.watch import Reset
from duragent.journal import events
from duragent.journal.record import Record
from duragent.wire import Approval, Delta, Finding

TS = "2026-11-20T23:58:16.123Z"
STARTED = events.ToolStarted(turn="t", call="c1", tool="bash", epoch=1, invocation="ls")
ASKED = events.ApprovalRequested(
    turn="t",
    call="c1",
    tool="bash",
    arguments_sha256="5a",
    invocation="rm x",
    findings=(events.PolicyFinding(text="rm x", reason="not allowed"),),
    patterns=("bash:rm x",),
    place="here",
)


def activity(*happened: events.Event | Delta | Reset) -> Activity:
    fold = Activity("s", "worker")
    for seq, item in enumerate(happened, 1):
        fold.take(item if isinstance(item, Delta | Reset) else Record(seq, TS, item))
    return fold


def output(text: str, offset: int, attempt: int = 1, call: str = "c1") -> Delta:
    return Delta(turn="t", step=1, attempt=attempt, kind="output", offset=offset, text=text, call=call)


def test_a_persons_command_runs_beside_the_turns_with_what_it_prints() -> None:
    asked = events.CommandRequested(command_id="command_1", command="make")
    printed = Delta(turn="", step=1, attempt=1, kind="output", offset=0, text="cc a.c", call="command_1")
    seen = activity(STARTED, asked, events.TurnEnded(turn="t", outcome="completed"))
    seen.take(printed)
    assert {call: (running.tool, running.output) for call, running in seen.running.items()} == {
        "command_1": (PERSON, "cc a.c")
    }
    seen.take(Record(9, "", events.CommandFinished(command_id="command_1", outcome="ok")))
    assert seen.running == {}


def test_output_of_a_running_call_adds_up_and_counts_once() -> None:
    fold = activity(
        STARTED, output("one\n", 0), output("two\n", 4), output("one\ntwo\nthree", 0), output("x", 0, call="c2")
    )
    assert fold.running["c1"].output == "one\ntwo\nthree"


def test_a_watcher_who_comes_late_gets_the_end_of_it() -> None:
    fold = activity(STARTED, output("the end", 1_000_000), output(" of it", 1_000_007))
    assert fold.running["c1"].output == "the end of it"


def test_only_the_end_of_a_long_output_is_kept() -> None:
    fold = activity(STARTED, *(output("x" * 1000, number * 1000) for number in range(100)), output("!", 100_000))
    assert fold.running["c1"].output == "x" * (KEPT_CHARS - 1) + "!"


def test_a_new_attempt_begins_again_and_a_late_piece_of_the_old_one_is_dropped() -> None:
    again = STARTED.model_copy(update={"attempt": 2})
    fold = activity(STARTED, output("old", 0), again, output("late", 3), output("new", 0, attempt=2))
    assert fold.running["c1"].output == "new"


def test_a_result_ends_the_call() -> None:
    assert activity(STARTED, events.ToolFinished(call="c1", outcome="ok")).running == {}
    assert activity(STARTED, events.TurnEnded(turn="t", outcome="cancelled")).running == {}
    assert activity(STARTED, Reset()).running == {}


def test_the_open_question_is_what_was_asked_and_not_decided() -> None:
    assert activity(ASKED).question == Approval(
        session_id="s",
        agent="worker",
        title="",
        kind="approval",
        call_id="c1",
        tool="bash",
        command="rm x",
        arguments_sha256="5a",
        findings=[Finding(text="rm x", reason="not allowed")],
        patterns=["bash:rm x"],
        place="here",
        requested_at=TS,
        seq=1,
    )
    for end in (
        events.ApprovalDecided(call="c1", decision="deny", arguments_sha256="5a"),
        events.ToolFinished(call="c1", outcome="cancelled"),
        events.TurnEnded(turn="t", outcome="cancelled"),
        events.SessionClosed(),
    ):
        assert activity(ASKED, end).question is None
    assert activity(ASKED, events.ToolFinished(call="other", outcome="ok")).question is not None


def test_a_call_that_may_have_run_is_asked_about_with_its_tool() -> None:
    replied = events.ModelReplied(
        message_id="m", turn="t", calls=(events.Call(call="c1", tool="mail", arguments="{}"),)
    )
    lost = events.ToolLost(turn="t", call="c1", evidence="no result", asks=True)
    asked = activity(replied, STARTED, lost).question
    assert asked is not None
    assert (asked.kind, asked.tool, asked.command, asked.evidence) == ("lost", "mail", "mail", "no result")
    assert activity(replied, lost, events.ToolResolved(call="c1", resolution="done")).question is None
    assert activity(replied, lost.model_copy(update={"asks": False})).question is None
