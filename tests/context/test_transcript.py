"""Records as the conversation that a provider accepts."""

import pytest

from duragent.context.transcript import NO_RESULT, transcript
from duragent.journal.events import (
    Call,
    Event,
    MessageReceived,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    Sender,
    ToolFinished,
    ToolsSkipped,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.record import Record


def test_a_message_during_an_answer_whose_question_is_cut_off_stands_behind_it() -> None:
    events: list[Event] = [
        MessageReceived(message_id="m2", text="two"),
        ModelReplied(message_id="r1", turn="t1", text="to one"),
        TurnEnded(turn="t1", outcome="completed"),
        TurnStarted(turn="t2", trigger=8),
    ]
    said = transcript(Record(seq, "2026-01-01T00:00:00.000Z", event) for seq, event in enumerate(events, 8))
    assert [message.content for message in said] == ["to one", "two"]


ASK = {"turn": "t1", "step": 1, "attempt": 1, "epoch": 1, "model": "demo", "request_sha256": ""}
CALLS = (Call(call="c1", tool="bash", arguments="{}"), Call(call="c2", tool="web", arguments='{"a":1}'))


@pytest.mark.parametrize(
    ("events", "messages"),
    [
        ([MessageReceived(message_id="m", text=" ")], ["user: [empty message]"]),
        ([MessageReceived(message_id="m", text="hi", sender=Sender(name="Ada"))], ["user: Ada: hi"]),
        (
            [
                MessageReceived(message_id="m1", text="one"),
                ModelCalled(**ASK, input_seq=1),
                MessageReceived(message_id="m2", text="two"),
                ModelReplied(message_id="r", turn="t1", text="to one"),
            ],
            ["user: one", "assistant: to one", "user: two"],
        ),
        (
            [
                ModelReplied(message_id="r", turn="t1", text="look", calls=CALLS),
                ToolFinished(turn="t1", call="c2", tool="web", outcome="ok", content="page", note="mind"),
                MessageReceived(message_id="m", text="faster"),
                ToolFinished(turn="t1", call="c1", tool="bash", outcome="ok", content=""),
            ],
            ["assistant: look bash web", "tool c1: ", "tool c2: page\n\nmind", "user: faster"],
        ),
        (
            [
                ModelReplied(message_id="r", turn="t1", calls=CALLS),
                ToolFinished(turn="t1", call="c1", tool="bash", outcome="ok", content="done"),
                TurnEnded(turn="t1", outcome="failed"),
            ],
            ["assistant:  bash web", "tool c1: done", f"tool c2: {NO_RESULT}"],
        ),
        (
            [
                ModelReplied(message_id="r", turn="t1", calls=CALLS),
                ToolsSkipped(turn="t1", calls=("c1", "c2"), reason="no time"),
            ],
            ["assistant:  bash web", "tool c1: Skipped: no time", "tool c2: Skipped: no time"],
        ),
        ([ModelFailed(turn="t1", step=1, attempt=1, error="cancelled", partial_text="so f")], ["assistant: so f"]),
        ([ModelFailed(turn="t1", step=1, attempt=1, error="timeout", partial_text="so f")], []),
        ([ModelReplied(message_id="r", turn="t1", text=" ")], []),
        ([ToolFinished(turn="t1", call="c9", tool="bash", outcome="ok", content="of nobody")], []),
    ],
)
def test_records_become_the_messages_that_a_provider_accepts(events: list[Event], messages: list[str]) -> None:
    talk = transcript(Record(seq, "2026-01-01T00:00:00.000Z", event) for seq, event in enumerate(events, 1))
    shown = [
        f"{message.role}{f' {message.call_id}' if message.role == 'tool' else ''}: {message.content}"
        + "".join(f" {call.name}" for call in message.calls)
        for message in talk
    ]
    assert shown == messages
