"""Messages of `state.json` between the records of the log: each once, where it belongs."""

from typing import Any

import pytest

from duragent.journal.events import Event, MessageReceived, ModelReplied, ToolFinished
from duragent.journal.legacy.lines import LegacyRecord
from duragent.journal.legacy.merge import with_remembered
from duragent.journal.legacy.snapshot import LegacySnapshot


def record(seq: int, role: str, text: str) -> LegacyRecord:
    events: dict[str, Event] = {
        "user": MessageReceived(message_id=f"m{seq}", text=text, source="legacy"),
        "assistant": ModelReplied(message_id=f"m{seq}", text=text),
        "tool": ToolFinished(call=text, outcome="ok"),
    }
    kinds = {"user": "user_message", "assistant": "assistant_response", "tool": "tool_result"}
    return LegacyRecord(seq, f"ts{seq}", events[role], kinds[role])


def remembered(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "tool_call_id": text} if role == "tool" else {"role": role, "content": text}


def words(event: Event) -> str:
    return event.call if isinstance(event, ToolFinished) else getattr(event, "text", "")


TALK = [("user", "one"), ("assistant", "two"), ("tool", "c1"), ("user", "three"), ("assistant", "four")]


@pytest.mark.parametrize(
    ("there", "covered", "expected"),
    [
        # All records that the snapshot covers are there: it is not needed.
        ([1, 2, 3, 4, 5], 5, ["one", "two", "c1", "three", "four"]),
        # None of them, some of them, and those behind the snapshot.
        ([], 5, ["+one", "+two", "+c1", "+three", "+four"]),
        ([1, 2], 5, ["one", "two", "+c1", "+three", "+four"]),
        ([4, 5], 5, ["+one", "+two", "+c1", "three", "four"]),
        ([2, 4], 5, ["+one", "two", "+c1", "three", "+four"]),
        ([4, 5], 3, ["+one", "+two", "+c1", "three", "four"]),
        ([1, 4, 5], 3, ["one", "+two", "+c1", "three", "four"]),
    ],
)
def test_what_only_the_snapshot_has_is_put_where_it_was(there: list[int], covered: int, expected: list[str]) -> None:
    messages = tuple(remembered(role, text) for role, text in TALK[:covered])
    records = [record(seq, *TALK[seq - 1]) for seq in there]
    moments = with_remembered(LegacySnapshot(covered=covered, messages=messages), records)
    assert [("+" if moment.remembered else "") + words(moment.event) for moment in moments] == expected


def test_the_same_words_twice_are_two_messages() -> None:
    messages = tuple(remembered("user", "again") for _ in range(3))
    moments = with_remembered(LegacySnapshot(covered=3, messages=messages), [record(2, "user", "again")])
    assert [words(moment.event) for moment in moments] == ["again"] * 3
    assert sum(moment.remembered for moment in moments) == 2


def test_a_snapshot_without_messages_adds_nothing() -> None:
    records = [record(7, "user", "one")]
    moments = with_remembered(LegacySnapshot(covered=9), records)
    assert [(moment.event, moment.ts, moment.remembered) for moment in moments] == [(records[0].event, "ts7", False)]
