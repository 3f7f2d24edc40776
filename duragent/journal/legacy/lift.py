"""Lines of duragent-rust v0.5, lifted to today's events.

They have `timestamp` instead of `ts`, no `crc`, and know no turns. What was said and done is kept; a message without an
answer in such a log starts no turn: its client is long gone.
"""

import json
from datetime import datetime
from typing import Any


def checked_seq(line: bytes, bad_line: type[Exception]) -> int:
    """The seq of a legacy line, which has no checksum: only its form can be checked. Raises `bad_line`."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise bad_line(f"not JSON: {error}") from error
    if not isinstance(fields, dict) or "timestamp" not in fields or "ts" in fields:
        raise bad_line("has no checksum")
    seq: int = checked_lift(fields, bad_line)["seq"]
    return seq


def checked_lift(fields: dict[str, Any], bad_line: type[Exception]) -> dict[str, Any]:
    """As `lift`, for a line of which only the keys of its frame are known to be there. Raises `bad_line`."""
    seq = fields.get("seq")
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 1 or not isinstance(fields.get("type"), str):
        raise bad_line("has no seq or no type")
    if not is_moment(fields["timestamp"]):
        raise bad_line("its timestamp is none")
    try:
        return lift(fields)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        # Checked here, so that code which only shows the line does not fail at it.
        raise bad_line(f"a {fields['type'][:60]} lacks what it needs: {error}") from error


def is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def lift(fields: dict[str, Any]) -> dict[str, Any]:
    """A v0.5 line's fields as today's. Unknown types pass with their payload as it is."""
    kind, payload = fields["type"], {k: v for k, v in fields.items() if k not in ("seq", "timestamp", "type")}
    lifted = _LIFTS[kind](fields["seq"], payload) if kind in _LIFTS else {"type": kind, **payload}
    return {"seq": fields["seq"], "ts": fields["timestamp"], **lifted}


def _session_start(seq: int, old: dict[str, Any]) -> dict[str, Any]:
    on_disconnect = old.get("on_disconnect", "pause")
    chat = {"gateway": old.get("gateway"), "chat_id": old.get("gateway_chat_id")}
    return {
        "type": "session_created",
        "agent": old["agent"],
        "on_disconnect": on_disconnect,
        "source": "legacy",
        **{name: str(value) for name, value in chat.items() if value is not None},
    }


def _session_end(seq: int, old: dict[str, Any]) -> dict[str, Any]:
    return {"type": "session_closed", "reason": old.get("reason", "completed")}


def _user_message(seq: int, old: dict[str, Any]) -> dict[str, Any]:
    sender = {"id": old.get("sender_id"), "name": old.get("sender_name")}
    return {
        "type": "message_received",
        "message_id": f"msg_legacy_{seq}",
        "text": old["content"],
        "sender": sender if any(sender.values()) else None,
        "source": "legacy",
    }


def _assistant(seq: int, old: dict[str, Any]) -> dict[str, Any]:
    usage = old.get("usage") or {}
    return {
        "type": "model_replied",
        "message_id": f"msg_legacy_{seq}",
        "text": old.get("content") or "",
        "calls": [_call(call) for call in old.get("tool_calls") or ()],
        "usage": {"input": _count(usage, "prompt_tokens"), "output": _count(usage, "completion_tokens")},
    }


def _count(usage: object, name: str) -> int:
    # An answer is not thrown away for its figures.
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and 0 <= count < 1 << 53 else 0


def _call(old: dict[str, Any]) -> dict[str, Any]:
    return {"call": old["call_id"], "tool": old["tool_name"], "arguments": json.dumps(old.get("arguments"))}


def _tool_call(seq: int, old: dict[str, Any]) -> dict[str, Any]:
    return {"type": "model_replied", "message_id": f"msg_legacy_{seq}", "calls": [_call(old)]}


def _tool_result(seq: int, old: dict[str, Any]) -> dict[str, Any]:
    result = old["result"]
    outcome = "ok" if result.get("success") else "error"
    return {"type": "tool_finished", "call": old["call_id"], "outcome": outcome, "content": result.get("content", "")}


def _tools_skipped(seq: int, old: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tools_skipped", "calls": old["call_ids"], "reason": old.get("reason", "")}


def _status_change(seq: int, old: dict[str, Any]) -> dict[str, Any]:
    kind = {"completed": "session_closed", "paused": "session_paused"}.get(old["to"], "session_resumed")
    return {"type": kind, "reason": f"was {old.get('from')}"}


def _approval(seq: int, old: dict[str, Any]) -> dict[str, Any]:
    # v0.5 kept what was waiting in state.json and not in the log: there is nothing left that could be decided.
    return {"type": f"legacy_{'decision' if 'decision' in old else 'approval'}", **old}


_LIFTS = {
    "session_start": _session_start,
    "session_end": _session_end,
    "user_message": _user_message,
    "assistant_message": _assistant,
    "assistant_response": _assistant,
    "tool_call": _tool_call,
    "tool_result": _tool_result,
    "tools_skipped": _tools_skipped,
    "status_change": _status_change,
    "approval_required": _approval,
    "approval_decision": _approval,
}

KINDS = frozenset(_LIFTS)
"""The types of v0.5 that became events of today."""
