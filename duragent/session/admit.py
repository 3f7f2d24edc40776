"""May this come in? `admit` turns an input into events, or refuses it: the same answer at every door. Pure."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from duragent import errors
from duragent.journal.events import (
    CancelRequested,
    Event,
    MessageReceived,
    SessionClosed,
    SessionPaused,
    SessionRenamed,
    SessionResumed,
)
from duragent.journal.inputs import Cancel, Close, Decision, Input, Message, Pause, Rename, Resume
from duragent.journal.state import Remembered, SessionState

MAX_WAITING = 256
"""Messages that may wait for an answer in one session."""


@dataclass(frozen=True, slots=True)
class Already:
    """The same request came before; this is what came of it."""

    remembered: Remembered


def admit(state: SessionState, posted: Input, fresh_id: str) -> Sequence[Event] | Already:
    """The events of an input; none when there is nothing to change. `fresh_id` names the message, if it is one.

    Raises SessionClosed, SessionBusy, IdempotencyMismatch, NothingToDo.
    """
    match posted:
        case Message():
            return _message(state, posted, fresh_id)
        case Cancel():
            return _cancel(state, posted)
        case Pause():
            running = state.has_work and not state.paused
            return [SessionPaused(reason=posted.reason)] if running else []
        case Resume():
            return [SessionResumed(reason=posted.reason)] if state.paused and not state.closed else []
        case Rename():
            title = posted.title or None
            return [SessionRenamed(title=title)] if title != state.title else []
        case Close():
            late = posted.at_seq is not None and posted.at_seq != state.seq
            return [] if state.closed or late else [SessionClosed(reason=posted.reason)]
        case Decision():
            raise errors.NothingToDo(f"no call '{posted.call}' waits for a decision")


def fingerprint(posted: Message | Cancel) -> str:
    """What makes two requests the same, but for their key: 16 hex digits."""
    fields = posted.model_dump(exclude={"idempotency_key"})
    return hashlib.sha256(json.dumps([type(posted).__name__, fields], sort_keys=True).encode()).hexdigest()[:16]


def _message(state: SessionState, posted: Message, fresh_id: str) -> Sequence[Event] | Already:
    mark = fingerprint(posted)
    if (before := _remembered(state, posted.idempotency_key, mark)) is not None:
        return Already(before)
    if state.closed:
        raise errors.SessionClosed(state.session_id)
    if len(state.waiting) >= MAX_WAITING:
        raise errors.SessionBusy(state.session_id, len(state.waiting))
    received = MessageReceived(
        message_id=fresh_id,
        text=posted.text,
        sender=posted.sender,
        source=posted.source,
        idempotency_key=posted.idempotency_key,
        fingerprint=mark if posted.idempotency_key else None,
    )
    return [SessionResumed(reason="a new message"), received] if state.paused else [received]


def _cancel(state: SessionState, posted: Cancel) -> Sequence[Event] | Already:
    mark = fingerprint(posted)
    if (before := _remembered(state, posted.idempotency_key, mark)) is not None:
        return Already(before)
    if state.turn is None or state.turn.cancelled:
        return []
    key = posted.idempotency_key
    return [
        CancelRequested(turn=state.turn.id, by=posted.by, idempotency_key=key, fingerprint=mark if key else None),
    ]


def _remembered(state: SessionState, key: str | None, mark: str) -> Remembered | None:
    for request in state.remembered:
        if key is not None and request.key == key:
            if request.fingerprint != mark:
                raise errors.IdempotencyMismatch(key)
            return request
    return None
