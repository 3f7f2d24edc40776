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
from duragent.cli.chat.render import plain, render, tail_lines
from duragent.cli.view import ago, clean, json_text, lost_attempts, one_line, parse_time
from duragent.client.turn import TurnResult
from duragent.client.watch import CaughtUp, Connected, Item, Reconnecting, Reset
from duragent.journal import events
from duragent.journal.record import Record
from duragent.wire import Delta, SessionInfo

TS = "2026-11-20T23:58:16.123Z"


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


def test_attempts_without_an_answer_are_told_with_what_they_may_have_used() -> None:
    session = SessionInfo(session_id="s", agent="a", status="active", created_at=TS, updated_at=TS)
    assert lost_attempts(session) == ""
    one = session.model_copy(update={"unknown_attempts": 1})
    assert lost_attempts(one) == "1 attempt without an answer"
    two = session.model_copy(update={"unknown_attempts": 2, "possible_tokens": 9000, "possible_cost_usd": 0.02})
    assert lost_attempts(two) == "2 attempts without an answer may have used up to 9,000 tokens, $0.02 more"


def test_a_lost_connection_is_known_until_it_is_back() -> None:
    conversation = live()
    shown(conversation, Reconnecting(1, "refused"))
    assert conversation.link == "refused"
    shown(conversation, Connected())
    assert conversation.link == ""


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


def test_json_is_valid_utf8_whatever_the_text() -> None:
    assert json_text({"a": "ü\ud800\u2028\x9b"}) == '{"a": "ü\\ud800\\u2028\\u009b"}'


@pytest.mark.parametrize(
    ("ts", "words"),
    [
        ("2026-11-20T12:00:00Z", "just now"),
        ("2026-11-20T11:59:59Z", "1 second ago"),
        ("2026-11-20T11:57:00.5Z", "2 minutes ago"),
        ("2026-11-20T10:00:00Z", "2 hours ago"),
        ("2026-11-17T10:00:00+00:00", "3 days ago"),
        ("soon", "soon"),
    ],
)
def test_times_are_told_in_words(ts: str, words: str) -> None:
    assert ago(ts, parse_time("2026-11-20T12:00:00Z")) == words


def test_one_line_is_one_line() -> None:
    assert one_line("a\n b\tc\x1b", 0) == "a b c\N{REPLACEMENT CHARACTER}"
    assert one_line("abcdef", 4) == "abc…"
    assert clean("a\r\nb\rc") == "a\nb\N{REPLACEMENT CHARACTER}c"
