"""Records as the conversation that a provider accepts."""

from duragent.context.transcript import transcript
from duragent.journal.events import (
    Event,
    MessageReceived,
    ModelReplied,
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
