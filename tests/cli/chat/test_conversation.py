import pytest

from duragent.cli.ask import AnswerPrinter
from duragent.cli.chat.conversation import (
    DECLINED,
    SCROLLBACK_MESSAGES,
    AnswerBlock,
    Block,
    Conversation,
    MessageBlock,
    Note,
)
from duragent.cli.chat.question import keys
from duragent.cli.chat.tool_blocks import Called, Returned
from duragent.client.turn import TurnResult
from duragent.client.watch import CaughtUp, Connected, Item, Reconnecting, Reset
from duragent.journal import events
from duragent.journal.record import Record
from duragent.wire import Delta
from tests.cli.chat.calls import ASKED, LOST, STARTED, TS, after, finished, question


def shown(conversation: Conversation, *items: Item | events.Event) -> list[Block]:
    """The blocks for items, and for events as records."""
    blocks: list[Block] = []
    for seq, item in enumerate(items, 1):
        is_item = isinstance(item, Record | Delta | CaughtUp | Reconnecting | Connected | Reset)
        blocks += conversation.take(item if is_item else Record(seq, TS, item))  # type: ignore[arg-type]  # the rest are events
    return blocks


def said(text: str, key: str | None = None, name: str | None = None) -> events.MessageReceived:
    sender = events.Sender(name=name) if name else None
    return events.MessageReceived(message_id="m", text=text, idempotency_key=key, sender=sender)


def live() -> Conversation:
    conversation = Conversation("assistant")
    conversation.take(CaughtUp())
    return conversation


def test_my_message_is_shown_when_it_is_durable_and_waits_until_then() -> None:
    conversation = live()
    conversation.typed("k1", "hello")
    assert conversation.waiting == {"k1": "hello"}
    assert shown(conversation, said("hello", "k1")) == [MessageBlock("hello")]
    assert conversation.waiting == {}


def test_the_messages_of_others_are_marked() -> None:
    assert shown(live(), said("a", "k9", "Ada"), said("b", "k8")) == [
        MessageBlock("a", "Ada"),
        MessageBlock("b", "elsewhere"),
    ]


def test_the_backlog_shows_the_newest_messages_when_it_is_complete() -> None:
    conversation = Conversation("assistant")
    messages = [said(str(number)) for number in range(30)]
    assert shown(conversation, *messages) == []
    blocks = shown(conversation, CaughtUp())
    assert blocks == [MessageBlock(str(number)) for number in range(30 - SCROLLBACK_MESSAGES, 30)]


def test_an_answer_grows_and_is_then_shown_whole() -> None:
    conversation = live()
    turn = "t1"
    started = events.TurnStarted(turn=turn, trigger=1)
    assert shown(conversation, started, Delta(turn=turn, step=1, attempt=1, offset=0, text="Hel")) == []
    assert (conversation.busy, conversation.partial.text) == (True, "Hel")
    replied = events.ModelReplied(message_id="a", turn=turn, text="Hello")
    assert shown(conversation, replied, events.TurnEnded(turn=turn, outcome="completed")) == [AnswerBlock("Hello")]
    assert (conversation.busy, conversation.partial.text) == (False, "")


def test_a_failed_turn_says_why_and_what_to_do() -> None:
    end = events.TurnEnded(turn="t", outcome="failed", code="authentication-failed", reason="the key is wrong")
    [note] = shown(live(), end)
    assert isinstance(note, Note)
    assert note.mood == "error"
    assert "the key is wrong" in note.text
    assert "agent.yaml" in note.text


def test_a_refusal_with_words_is_shown_with_a_line_that_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    refused = events.ModelReplied(message_id="a", text="I will not.", finish_reason="content_filter")
    assert shown(live(), refused) == [AnswerBlock("I will not."), Note(DECLINED, "warning")]
    AnswerPrinter(live=False).end(TurnResult(1, "completed", "I will not.", finish_reason="content_filter"))
    assert capsys.readouterr() == ("I will not.\n", f"duragent: {DECLINED}\n")


def test_each_failed_attempt_says_which_one_comes_next_and_how_long_it_waits() -> None:
    first = events.ModelFailed(turn="t", step=1, attempt=1, error="model-unavailable", message="it broke", retry=True)
    second = first.model_copy(update={"attempt": 2, "error": "rate-limited", "message": "", "retry_after_seconds": 6.2})
    assert shown(live(), first, second) == [
        Note("No answer yet (it broke): asking again, attempt 2.", "warning"),
        Note("No answer yet (rate-limited): asking again in 7 s, attempt 3.", "warning"),
    ]


def test_each_failed_attempt_of_a_question_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    failed = events.ModelFailed(turn="t", step=1, attempt=1, error="model-unavailable", message="it broke", retry=True)
    printer = AnswerPrinter(live=False)
    printer.take(Record(1, TS, failed))
    printer.take(Record(2, TS, failed.model_copy(update={"attempt": 2, "retry_after_seconds": 3.0})))
    assert capsys.readouterr().err.splitlines() == [
        "no answer yet (it broke): asking again, attempt 2",
        "no answer yet (it broke): asking again in 3 s, attempt 3",
    ]


def test_a_stopped_answer_is_kept_as_far_as_it_came() -> None:
    failed = events.ModelFailed(turn="t", step=1, attempt=1, error="cancelled", partial_text="1 2 3")
    blocks = shown(live(), failed, events.TurnEnded(turn="t", outcome="cancelled"))
    assert blocks == [AnswerBlock("1 2 3", stopped=True), Note("Stopped.")]


def test_an_interrupted_answer_is_said_to_start_again() -> None:
    failed = events.ModelFailed(turn="t", step=1, attempt=1, error="interrupted", retry=True, partial_text="1 2 3")
    [note] = shown(live(), failed)
    assert isinstance(note, Note)
    assert "starts it again" in note.text


@pytest.mark.parametrize(
    ("usd", "words"), [(None, ""), (0.0, ""), (0.0151, "up to $0.02"), (0.00002, "up to $0.0001"), (1.2, "up to $1.20")]
)
def test_an_interrupted_answer_says_what_the_lost_attempt_may_have_cost(usd: float | None, words: str) -> None:
    failed = events.ModelFailed(turn="t", step=1, attempt=1, error="interrupted", retry=True, possible_usd=usd)
    lost = f" (the lost attempt may have cost {words})" if words else ""
    assert shown(live(), failed) == [Note(f"The answer was interrupted; the agent starts it again{lost}.")]


def test_a_lost_connection_is_known_until_it_is_back() -> None:
    conversation = live()
    shown(conversation, Reconnecting(1, "refused"))
    assert conversation.link == "refused"
    shown(conversation, Connected())
    assert conversation.link == ""


def test_a_call_is_a_line_with_its_rule_and_its_result_in_a_few() -> None:
    details = {"exit_code": 0, "seconds": 0.312}
    _, blocks = after(STARTED, finished(" M a\n M b\n", details=details))
    assert blocks == [
        Called("bash", "git status --short", "policy.yaml: bash:git status*"),
        Returned("exit 0 · 0.3 s", " M a\n M b"),
    ]


def test_a_call_that_was_asked_about_has_its_line_once_and_who_decided() -> None:
    decided = events.ApprovalDecided(call="c1", decision="allow_once", arguments_sha256="5a", by="Ada")
    conversation, blocks = after(ASKED, decided, STARTED.model_copy(update={"rule": "approved by Ada"}))
    assert blocks == [Called("bash", "rm -rf build\ngit add -A", asked=True), Note("  Ada allowed it once.")]
    assert (conversation.question, list(conversation.activity.running)) == (None, ["c1"])


@pytest.mark.parametrize(
    ("seen", "decided_here", "made", "returned"),
    [
        (True, True, "@@\n-a\n+b\n+c", Returned("x.md +2 -1 · created")),
        (False, True, "@@\n-a\n+b\n+c", Returned("created", "", "@@\n-a\n+b\n+c")),
        (True, False, "@@\n-a\n+b\n+c", Returned("created", "", "@@\n-a\n+b\n+c")),
        (True, True, "@@\n-a\n+d", Returned("created", "", "@@\n-a\n+d")),
    ],
)
def test_a_diff_is_shown_again_unless_the_person_here_saw_all_of_it_and_allowed_just_that(
    seen: bool, decided_here: bool, made: str, returned: Returned
) -> None:
    conversation = live()
    shown(conversation, ASKED.model_copy(update={"preview": "@@\n-a\n+b\n+c"}))
    assert conversation.question is not None
    if seen:
        conversation.has_seen(conversation.question)
    conversation.deciding = "c1" if decided_here else ""
    decided = events.ApprovalDecided(call="c1", decision="allow_once", arguments_sha256="5a", by="Ada")
    ended = finished(details={"diff": made, "path": "x.md", "created": True})
    last = shown(conversation, decided, STARTED, ended)[-1]
    assert last == returned
    assert [blocks[-1] for blocks in conversation.cut] == ([] if returned.diff else [Returned("created", "", made)])


def test_a_denial_is_told_once_with_its_reason_and_always_with_its_patterns() -> None:
    deny = events.ApprovalDecided(call="c1", decision="deny", arguments_sha256="5a", reason="not today")
    assert after(ASKED, deny, finished("The call was denied by the user.", "denied"))[1][1:] == [
        Note("  Somebody denied it: not today")
    ]
    always = deny.model_copy(update={"decision": "allow_always", "reason": "", "patterns": ("bash:ls", "bash:rm *")})
    assert after(ASKED, always)[1][1:] == [Note('  Somebody always allows it: "bash:ls", "bash:rm *"')]


def test_a_call_that_never_began_is_shown_with_its_arguments() -> None:
    replied = events.ModelReplied(
        message_id="m", turn="t", calls=(events.Call(call="c1", tool="bash", arguments='{"command":"su"}'),)
    )
    _, blocks = after(replied, finished("Command 'su' was denied by policy.", "denied"))
    assert blocks == [
        Called("bash", "su"),
        Returned("denied", "Command 'su' was denied by policy.", good=False),
    ]


def test_results_of_calls_side_by_side_say_whose_they_are() -> None:
    other = STARTED.model_copy(update={"call": "c2", "tool": "read_file", "invocation": "read_file a.txt"})
    _, blocks = after(STARTED, other, finished("x"), finished("y", call="c2", tool="read_file"))
    assert blocks[1:] == [
        Called("read_file", "a.txt", "policy.yaml: bash:git status*"),
        Returned("", "x", of="bash"),
        Returned("", "y"),
    ]


def test_a_lost_call_is_asked_about_until_somebody_says_what_became_of_it() -> None:
    conversation, blocks = after(STARTED, LOST)
    assert blocks[1:] == [Note("  The server stopped while this ran; it may have run.", "warning")]
    assert keys(question(STARTED, LOST)) == {"r": "run again", "i": "it ran", "g": "give up"}
    resolved = events.ToolResolved(call="c1", resolution="done", by="Ada", reason="I looked")
    assert conversation.take(Record(9, TS, resolved)) == [Note("  Ada says that it ran: I looked")]
    assert conversation.question is None


def test_the_box_is_away_while_a_decision_is_on_its_way() -> None:
    conversation, _ = after(ASKED)
    conversation.deciding = "c1"
    assert (conversation.question, conversation.busy) == (None, True)
    decided = events.ApprovalDecided(call="c1", decision="deny", arguments_sha256="5a")
    conversation.take(Record(9, TS, decided))
    conversation.take(Record(10, TS, ASKED))
    assert conversation.question is not None


def test_output_of_a_tool_is_no_part_of_the_answer() -> None:
    output = Delta(turn="t", step=1, attempt=1, kind="output", offset=0, text="a.txt", call="c1")
    conversation, _ = after(STARTED, output)
    assert (conversation.partial.text, conversation.activity.running["c1"].output) == ("", "a.txt")


def test_what_is_shown_in_part_is_kept_whole_with_the_line_that_says_what_it_is() -> None:
    long = "\n".join(str(number) for number in range(100))
    conversation = live()
    conversation.typed("k1", "[pasted 100 lines]")
    blocks = shown(conversation, said(long, "k1"), said(long, None, "Ada"), STARTED, finished(long))
    assert blocks[:2] == [MessageBlock("[pasted 100 lines]"), MessageBlock(long, "Ada")]
    assert list(conversation.cut) == [
        [MessageBlock(long, whole=True)],
        [MessageBlock(long, "Ada", whole=True)],
        [blocks[2], Returned("100 lines", long)],
    ]


def test_what_is_shown_whole_is_not_kept() -> None:
    conversation = live()
    conversation.typed("k1", "hello")
    shown(conversation, said("hello", "k1"), said("a\nb", None, "Ada"), STARTED, finished("x"))
    assert not conversation.cut
