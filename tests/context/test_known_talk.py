"""What is known of a conversation is never told apart from going through all of its records."""

import random
from collections.abc import Sequence

import pytest

from duragent.context.known_talk import KnownTalk, read_talk
from duragent.context.tokens import measured_ratio
from duragent.context.transcript import TalkFold, said
from duragent.journal.events import (
    Call,
    Event,
    MemoryRecalled,
    MessageReceived,
    ModelCalled,
    ModelReplied,
    TokenCounts,
    ToolFinished,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.record import Record


def turn(number: int, first: int) -> list[Event]:
    name = f"turn_{number}"
    called = ModelCalled(turn=name, step=1, attempt=1, epoch=1, model="m", input_seq=first, estimated_tokens=1_000)
    call = Call(call=f"c{number}", tool="bash", arguments="{}")
    usage = TokenCounts(input=1_000 + 100 * number)
    return [
        MessageReceived(message_id=f"msg_{number}", text=f"question {number}"),
        TurnStarted(turn=name, trigger=first),
        MemoryRecalled(turn=name, upto_seq=first, text=f"notes for {number}"),
        called,
        ModelReplied(message_id=f"r{number}", turn=name, text="", calls=(call,), model="m", usage=usage),
        MessageReceived(message_id=f"more_{number}", text="and this"),
        ToolFinished(call=call.call, outcome="ok", content="done"),
        called.model_copy(update={"step": 2, "input_seq": first + 6}),
        ModelReplied(message_id=f"s{number}", turn=name, text="answer", model="m", usage=usage),
        TurnEnded(turn=name, outcome="completed"),
    ]


def log(turns: int) -> list[Record]:
    events = [event for number in range(turns) for event in turn(number, 10 * number + 1)]
    return [Record(seq, "2026-01-01T00:00:00.000Z", event) for seq, event in enumerate(events, 1)]


def assert_as_anew(known: KnownTalk, records: Sequence[Record]) -> None:
    found = known.of(records)
    assert found == read_talk(records)
    assert (found.talk, found.ratio) == (said(records), measured_ratio(records))
    assert found.begun == {record.event.turn for record in records if isinstance(record.event, TurnStarted)}


@pytest.mark.parametrize("seed", range(20))
def test_what_is_known_gives_what_all_records_give(seed: int) -> None:
    chance, records, known = random.Random(seed), log(12), KnownTalk()
    first = last = 0
    while last < len(records):
        last = min(last + chance.randrange(1, 9), len(records))
        if chance.random() < 0.1:
            # The boundary moved, or something was forgotten.
            first = chance.randrange(first, last)
        assert_as_anew(known, records[first:last])
        if chance.random() < 0.2:
            # Read from the disk again.
            records = [Record(each.seq, each.ts, each.event.model_copy()) for each in records]


def test_what_memory_gives_for_a_question_is_not_known_before_it_has_its_number() -> None:
    records, known = log(2), KnownTalk()
    recalled = Record(3, "", records[2].event)
    assert_as_anew(known, [*records[:2], recalled])
    assert_as_anew(known, [*records[:2], Record(3, "", MemoryRecalled(turn="turn_0", upto_seq=1, text="others"))])
    assert_as_anew(known, records)


def test_a_text_that_changed_is_seen() -> None:
    records, known = log(2), KnownTalk()
    known.of(records)
    changed = Record(1, records[0].ts, MessageReceived(message_id="msg_0", text="[forgotten]"))
    assert_as_anew(known, [changed, *records[1:]])


def test_records_are_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    records, known, taken, take = log(3), KnownTalk(), list[int](), TalkFold.take

    def counted(fold: TalkFold, record: Record) -> None:
        taken.append(record.seq)
        take(fold, record)

    monkeypatch.setattr(TalkFold, "take", counted)
    for upto in (11, 14, 30):
        known.of(records[:upto])
    assert taken == list(range(1, 31))
    known.forget()
    known.of(records[:2])
    assert taken[30:] == [1, 2]
