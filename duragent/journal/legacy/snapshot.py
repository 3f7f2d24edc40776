"""`state.json` of duragent-rust v0.5: what it remembered of a session beside the log. Pure.

Its compaction removed the records that the snapshot covers, so that the snapshot may be the only one to know them.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from duragent.journal.events import Call, Event, MessageReceived, ModelReplied, Opaque, ToolFinished
from duragent.journal.legacy.lift import is_moment

SCHEMAS = ("1", "2")
KEPT_MESSAGES = 5_000
"""v0.5 kept 2,000 at most."""


class BadSnapshot(Exception):
    """It cannot be read; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """A call that waited for a person."""

    call_id: str
    """The call's id."""
    command: str
    """What would have run, for people."""


@dataclass(frozen=True, slots=True)
class LegacySnapshot:
    """What `state.json` says of a session."""

    agent: str = ""
    """The name of the agent; "" when it is not there."""
    status: str = "active"
    """As v0.5 named it; true at record `last_seq`."""
    created_at: str = ""
    """"" when it is no moment."""
    last_seq: int = 0
    """The newest record when the snapshot was taken."""
    covered: int = 0
    """`messages` hold what was said up to this record."""
    on_disconnect: Literal["pause", "continue"] = "pause"
    """What a turn does when the last watcher leaves."""
    gateway: str | None = None
    """Of the chat that the session belongs to; None without one."""
    chat_id: str | None = None
    """That chat's id at its gateway."""
    pending: PendingApproval | None = None
    """The call that waited for a person; None without one."""
    messages: tuple[dict[str, Any], ...] = field(default=())
    """The newest `KEPT_MESSAGES`, as v0.5 wrote them."""


def load(data: bytes) -> LegacySnapshot:
    """Raises BadSnapshot. A field or a message of a wrong shape counts as absent."""
    try:
        fields = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise BadSnapshot(f"it is not JSON: {str(error)[:200]}") from error
    if not isinstance(fields, dict):
        raise BadSnapshot("it is not a JSON object")
    if (schema := fields.get("schema_version")) not in SCHEMAS:
        raise BadSnapshot(f"schema_version is {str(schema)[:40]!r}, not 1 or 2")
    config = _mapping(fields.get("config"))
    last_seq = _count(fields.get("last_event_seq"))
    messages = [message for message in _list(fields.get("conversation")) if _is_message(message)]
    return LegacySnapshot(
        agent=_text(fields.get("agent")) or "",
        status=_text(fields.get("status")) or "active",
        created_at=_moment(fields.get("created_at")),
        last_seq=last_seq,
        # Snapshots of schema 1 had no checkpoint: they cover all that they had seen.
        covered=last_seq if schema == "1" else _count(fields.get("checkpoint_seq")),
        on_disconnect="continue" if config.get("on_disconnect") == "continue" else "pause",
        gateway=_text(config.get("gateway")),
        chat_id=_text(config.get("gateway_chat_id")),
        pending=_pending(config.get("pending_approval")),
        messages=tuple(messages[-KEPT_MESSAGES:]),
    )


def _pending(value: object) -> PendingApproval | None:
    fields = _mapping(value)
    call_id, command = _text(fields.get("call_id")), _text(fields.get("command"))
    return PendingApproval(call_id, command or "") if call_id else None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _moment(value: object) -> str:
    return value if isinstance(value, str) and is_moment(value) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _is_message(value: object) -> bool:
    fields = _mapping(value)
    if not isinstance(fields.get("role"), str) or not isinstance(fields.get("content"), str | None):
        return False
    if fields["role"] == "tool":
        return isinstance(fields.get("tool_call_id"), str)
    if not isinstance(fields.get("tool_calls"), list | None):
        return False
    return all(_is_call(call) for call in _list(fields.get("tool_calls")))


def _is_call(value: object) -> bool:
    called = _mapping(_mapping(value).get("function"))
    return all(
        isinstance(part, str) for part in (_mapping(value).get("id"), called.get("name"), called.get("arguments"))
    )


# --- one message ----------------------------------------------------------------------------------------------------


def as_event(message: dict[str, Any], number: int) -> Event:
    """A message of the snapshot as the event that it came from; `number` makes its id."""
    role, content, message_id = message["role"], message.get("content") or "", f"msg_legacy_s{number}"
    match role:
        case "user" | "steering":
            return MessageReceived(message_id=message_id, text=content, source="legacy")
        case "assistant":
            return ModelReplied(message_id=message_id, text=content, calls=tuple(_calls(message)))
        case "tool":
            outcome: Literal["ok", "skipped"] = "skipped" if content.startswith("Skipped: ") else "ok"
            return ToolFinished(call=message["tool_call_id"], outcome=outcome, content=content)
        case _:
            return Opaque(type="legacy_message", payload={"role": role, "content": content})


def _calls(message: dict[str, Any]) -> list[Call]:
    return [
        Call(call=call["id"], tool=call["function"]["name"], arguments=call["function"]["arguments"])
        for call in _list(message.get("tool_calls"))
    ]
