"""What is taken from a `state.json` of v0.5; whatever has a wrong shape counts as absent."""

import json
from typing import Any

import pytest

from duragent.journal.events import Call, MessageReceived, ModelReplied, Opaque, ToolFinished
from duragent.journal.legacy.snapshot import (
    KEPT_MESSAGES,
    BadSnapshot,
    LegacySnapshot,
    PendingApproval,
    as_event,
    load,
)

CALL = {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": "{}"}}


def state(**fields: Any) -> bytes:
    return json.dumps({"schema_version": "2", **fields}).encode()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, LegacySnapshot()),
        (
            {"agent": "a", "status": "paused", "created_at": "2026-01-01T00:00:00Z", "last_event_seq": 9},
            LegacySnapshot(agent="a", status="paused", created_at="2026-01-01T00:00:00Z", last_seq=9),
        ),
        ({"checkpoint_seq": 4, "last_event_seq": 9}, LegacySnapshot(last_seq=9, covered=4)),
        ({"schema_version": "1", "checkpoint_seq": 4, "last_event_seq": 9}, LegacySnapshot(last_seq=9, covered=9)),
        (
            {"config": {"on_disconnect": "continue", "gateway": "telegram", "gateway_chat_id": "42"}},
            LegacySnapshot(on_disconnect="continue", gateway="telegram", chat_id="42"),
        ),
        (
            {"config": {"pending_approval": {"call_id": "c1", "command": "ls"}}},
            LegacySnapshot(pending=PendingApproval("c1", "ls")),
        ),
        ({"config": {"pending_approval": {"call_id": "c1"}}}, LegacySnapshot(pending=PendingApproval("c1", ""))),
        ({"config": {"pending_approval": {"command": "ls"}}}, LegacySnapshot()),
        ({"agent": 7, "status": None, "created_at": "now", "last_event_seq": True, "config": []}, LegacySnapshot()),
        ({"last_event_seq": -3, "config": {"gateway": 5}, "conversation": "x"}, LegacySnapshot()),
    ],
)
def test_fields_of_the_right_shape_are_taken(fields: dict[str, Any], expected: LegacySnapshot) -> None:
    assert load(state(**fields)) == expected


@pytest.mark.parametrize(
    ("message", "taken"),
    [
        ({"role": "user", "content": "hi"}, True),
        ({"role": "user", "content": None}, True),
        ({"role": "user", "content": 5}, False),
        ({"content": "hi"}, False),
        ({"role": "tool", "tool_call_id": "c1", "content": "ok"}, True),
        ({"role": "tool", "content": "ok"}, False),
        ({"role": "assistant", "tool_calls": [CALL]}, True),
        ({"role": "assistant", "tool_calls": [{"id": "c1"}]}, False),
        ({"role": "assistant", "tool_calls": "x"}, False),
        ("hi", False),
    ],
)
def test_messages_of_a_wrong_shape_are_left_out(message: object, taken: bool) -> None:
    assert len(load(state(conversation=[message])).messages) == taken


def test_the_newest_messages_are_kept() -> None:
    conversation = [{"role": "user", "content": str(n)} for n in range(KEPT_MESSAGES + 5)]
    messages = load(state(conversation=conversation)).messages
    assert (len(messages), messages[0]["content"]) == (KEPT_MESSAGES, "5")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b"{}", "schema_version is 'None', not 1 or 2"),
        (state(schema_version="3"), "schema_version is '3', not 1 or 2"),
    ],
)
def test_a_file_that_is_no_snapshot_says_why(data: bytes, problem: str) -> None:
    with pytest.raises(BadSnapshot) as refused:
        load(data)
    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (
            {"role": "user", "content": "hi"},
            MessageReceived(message_id="msg_legacy_s3", text="hi", source="legacy"),
        ),
        (
            {"role": "steering", "content": "hi"},
            MessageReceived(message_id="msg_legacy_s3", text="hi", source="legacy"),
        ),
        (
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            ModelReplied(message_id="msg_legacy_s3", calls=(Call(call="c1", tool="bash", arguments="{}"),)),
        ),
        (
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
            ToolFinished(call="c1", outcome="ok", content="done"),
        ),
        (
            {"role": "tool", "tool_call_id": "c1", "content": "Skipped: new"},
            ToolFinished(call="c1", outcome="skipped", content="Skipped: new"),
        ),
        (
            {"role": "system", "content": "be kind"},
            Opaque(type="legacy_message", payload={"role": "system", "content": "be kind"}),
        ),
    ],
)
def test_each_message_is_the_event_that_it_came_from(message: dict[str, Any], event: object) -> None:
    assert as_event(message, 3) == event
