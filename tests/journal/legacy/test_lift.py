"""Each line of v0.5 as an event of today, and the lines that are none."""

from typing import Any

import pytest

from duragent.journal.legacy.lift import KINDS, checked_lift, checked_seq, is_moment, lift

TS = "2026-02-18T10:00:00.123456789Z"
CALL = {"call_id": "c1", "tool_name": "bash", "arguments": {"command": "ls"}}
LIFTED_CALL = {"call": "c1", "tool": "bash", "arguments": '{"command": "ls"}'}


class Bad(Exception):
    """What the caller wants to be raised."""


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        (
            "session_start",
            {"agent": "a"},
            {"type": "session_created", "agent": "a", "on_disconnect": "pause", "source": "legacy"},
        ),
        (
            "session_start",
            {"agent": "a", "on_disconnect": "continue", "gateway": "telegram", "gateway_chat_id": 42},
            {"type": "session_created", "agent": "a", "on_disconnect": "continue", "source": "legacy"}
            | {"gateway": "telegram", "chat_id": "42"},
        ),
        ("session_end", {}, {"type": "session_closed", "reason": "completed"}),
        ("session_end", {"reason": "gone"}, {"type": "session_closed", "reason": "gone"}),
        (
            "user_message",
            {"content": "hi", "sender_id": "7", "sender_name": "Ann"},
            {"type": "message_received", "message_id": "msg_legacy_5", "text": "hi", "source": "legacy"}
            | {"sender": {"id": "7", "name": "Ann"}},
        ),
        (
            "user_message",
            {"content": "hi"},
            {"type": "message_received", "message_id": "msg_legacy_5", "text": "hi", "source": "legacy"}
            | {"sender": None},
        ),
        (
            "assistant_response",
            {"content": "ok", "usage": {"prompt_tokens": 9, "completion_tokens": 3}, "tool_calls": [CALL]},
            {"type": "model_replied", "message_id": "msg_legacy_5", "text": "ok", "calls": [LIFTED_CALL]}
            | {"usage": {"input": 9, "output": 3}},
        ),
        (
            "assistant_message",
            {"content": None, "usage": {"prompt_tokens": -1, "completion_tokens": "x"}},
            {"type": "model_replied", "message_id": "msg_legacy_5", "text": "", "calls": []}
            | {"usage": {"input": 0, "output": 0}},
        ),
        ("tool_call", CALL, {"type": "model_replied", "message_id": "msg_legacy_5", "calls": [LIFTED_CALL]}),
        (
            "tool_result",
            {"call_id": "c1", "result": {"success": True, "content": "done"}},
            {"type": "tool_finished", "call": "c1", "outcome": "ok", "content": "done"},
        ),
        (
            "tool_result",
            {"call_id": "c1", "result": {"success": False}},
            {"type": "tool_finished", "call": "c1", "outcome": "error", "content": ""},
        ),
        (
            "tools_skipped",
            {"call_ids": ["c1"], "reason": "new"},
            {"type": "tools_skipped", "calls": ["c1"], "reason": "new"},
        ),
        ("status_change", {"from": "active", "to": "paused"}, {"type": "session_paused", "reason": "was active"}),
        ("status_change", {"from": "paused", "to": "active"}, {"type": "session_resumed", "reason": "was paused"}),
        ("status_change", {"from": "active", "to": "completed"}, {"type": "session_closed", "reason": "was active"}),
        ("approval_required", {"command": "ls"}, {"type": "legacy_approval", "command": "ls"}),
        ("approval_decision", {"decision": "deny"}, {"type": "legacy_decision", "decision": "deny"}),
        ("moon_landed", {"where": "here"}, {"type": "moon_landed", "where": "here"}),
    ],
)
def test_each_line_of_v05_is_an_event_of_today(kind: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    assert lift({"seq": 5, "timestamp": TS, "type": kind, **old}) == {"seq": 5, "ts": TS, **new}


def test_the_table_has_each_kind_of_v05() -> None:
    assert len(KINDS) == 11


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"seq": 0, "timestamp": TS, "type": "session_end"}, "has no seq or no type"),
        ({"seq": True, "timestamp": TS, "type": "session_end"}, "has no seq or no type"),
        ({"seq": "1", "timestamp": TS, "type": "session_end"}, "has no seq or no type"),
        ({"seq": 1, "timestamp": TS}, "has no seq or no type"),
        ({"seq": 1, "timestamp": TS, "type": 7}, "has no seq or no type"),
        ({"seq": 1, "timestamp": "now", "type": "session_end"}, "its timestamp is none"),
        ({"seq": 1, "timestamp": 5, "type": "session_end"}, "its timestamp is none"),
        ({"seq": 1, "timestamp": TS, "type": "user_message"}, "a user_message lacks what it needs: 'content'"),
        ({"seq": 1, "timestamp": TS, "type": "tool_result", "call_id": "c", "result": 3}, "a tool_result lacks"),
    ],
)
def test_a_line_that_lacks_what_it_needs_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(Bad) as refused:
        checked_lift(fields, Bad)
    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "has no checksum"),
        (b'{"seq":1,"type":"session_end"}', "has no checksum"),
        (b'{"seq":1,"type":"session_end","timestamp":"x","ts":"x"}', "has no checksum"),
    ],
)
def test_a_line_of_another_form_is_refused(line: bytes, problem: str) -> None:
    with pytest.raises(Bad) as refused:
        checked_seq(line, Bad)
    assert str(refused.value).startswith(problem)


def test_the_seq_of_a_good_line() -> None:
    assert checked_seq(b'{"seq":7,"timestamp":"2026-01-01T00:00:00Z","type":"session_end"}', Bad) == 7


@pytest.mark.parametrize(
    ("value", "moment"),
    [(TS, True), ("2026-01-01T00:00:00+02:00", True), ("2026-01-01T00:00:00", False), ("x", False), (None, False)],
)
def test_a_moment_names_its_zone(value: object, moment: bool) -> None:
    assert is_moment(value) is moment
