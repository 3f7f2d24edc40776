"""May this come in? `admit` turns an input into events, or refuses it: the same answer at every door. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from duragent import errors
from duragent.file_types import MAX_ATTACHMENTS
from duragent.journal.admit_view import admit_view
from duragent.journal.call_states import DECIDED, CallStatus, may_follow
from duragent.journal.events import (
    AllowanceRevoked,
    ApprovalDecided,
    CallOutcome,
    CancelRequested,
    CommandRequested,
    Event,
    MessageReceived,
    ModelChosen,
    SessionClosed,
    SessionPaused,
    SessionRenamed,
    SessionResumed,
    ToolFinished,
    ToolResolved,
    UndoRequested,
)
from duragent.journal.inputs import (
    Cancel,
    ChooseModel,
    Close,
    Decision,
    Input,
    Message,
    Pause,
    Rename,
    Resume,
    Revocation,
    RunCommand,
    Undo,
)
from duragent.journal.source import is_person
from duragent.journal.state import OpenCall, Remembered, SessionState, chosen_model

MAX_WAITING = 256
"""How many messages of people, and how many of machines, may wait for an answer in one session.

Each kind has its own bound: what machines send to a paused session must not keep out the person who resumes it.
"""

MAX_ALLOWED, MAX_ALLOWED_CHARS = 200, 32_000
"""How many patterns a session may allow until it ends, and how long they may be together."""


@dataclass(frozen=True, slots=True)
class Already:
    """The same request came before; this is what came of it."""

    remembered: Remembered
    """The request as the state remembers it."""


def admit(state: SessionState, posted: Input, fresh_id: str) -> Sequence[Event] | Already:
    """The events of an input; none when there is nothing to change. `fresh_id` names the message, if it is one.

    Raises SessionIsClosed, SessionBusy, IdempotencyMismatch, NothingToDo, AlreadyDecided, CallChanged,
    InvalidRequest, NotNow.
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
        case ChooseModel():
            return _model_choice(state, posted)
        case Close():
            late = posted.at_seq is not None and posted.at_seq != state.seq
            return [] if state.closed or late else [SessionClosed(reason=posted.reason)]
        case Revocation():
            patterns = tuple(pattern for pattern in state.allowed if pattern in posted.patterns)
            return [AllowanceRevoked(patterns=patterns, by=posted.by)] if patterns else []
        case Decision():
            return _decision(state, posted)
        case Undo():
            return _undo(state, posted)
        case RunCommand():
            return _command(state, posted, fresh_id)
        case _:
            return admit_view(state, posted)


def fingerprint(posted: Message | Cancel | Decision | Undo | RunCommand) -> str:
    """What makes two requests the same, but for their key: 16 hex digits."""
    fields = posted.model_dump(
        exclude={"idempotency_key", "written", "door", "turn_id", "files", "spool", "attachments"}
    )
    if isinstance(posted, Message) and posted.attachments:
        # A message without any has the mark that it had before there were some. The type is our judgement, not theirs.
        fields["attachments"] = [(file.name, file.sha256) for file in posted.attachments]
    return hashlib.sha256(json.dumps([type(posted).__name__, fields], sort_keys=True).encode()).hexdigest()[:16]


def _message(state: SessionState, posted: Message, fresh_id: str) -> Sequence[Event] | Already:
    mark = fingerprint(posted)
    if (before := _remembered(state, posted.idempotency_key, mark)) is not None:
        return Already(before)
    if state.closed:
        raise errors.SessionIsClosed(state.session_id)
    if len(posted.attachments) > MAX_ATTACHMENTS:
        raise errors.InvalidRequest(f"a message may have at most {MAX_ATTACHMENTS} attachments")
    by_machines = len(state.waiting_from_machines)
    waiting = len(state.waiting) - by_machines if is_person(posted.source) else by_machines
    if waiting >= MAX_WAITING:
        raise errors.SessionBusy(state.session_id, waiting)
    received = MessageReceived(
        message_id=fresh_id,
        text=posted.text,
        sender=posted.sender,
        source=posted.source,
        door=posted.door,
        idempotency_key=posted.idempotency_key,
        fingerprint=mark if posted.idempotency_key else None,
        attachments=posted.attachments,
    )
    resumes = state.paused and is_person(posted.source)
    return [SessionResumed(reason="a new message"), received] if resumes else [received]


def _model_choice(state: SessionState, posted: ChooseModel) -> Sequence[Event]:
    if state.closed:
        raise errors.SessionIsClosed(state.session_id)
    if bool(posted.provider) != bool(posted.model):
        raise errors.InvalidRequest("a model has a provider and a name; both empty is the agent's own")
    chosen = ModelChosen(provider=posted.provider, model=posted.model, base_url=posted.base_url, by=posted.by)
    return [] if chosen_model(chosen) == state.model_choice else [chosen]


def _cancel(state: SessionState, posted: Cancel) -> Sequence[Event] | Already:
    mark = fingerprint(posted)
    if (before := _remembered(state, posted.idempotency_key, mark)) is not None:
        return Already(before)
    if (turn := _to_cancel(state)) is None:
        return []
    key = posted.idempotency_key
    return [CancelRequested(turn=turn, by=posted.by, idempotency_key=key, fingerprint=mark if key else None)]


def _to_cancel(state: SessionState) -> str | None:
    """The turn that is stopped, "" for a person's command, which is stopped first; None when there is neither."""
    if state.commanding is not None and not state.commanding.cancelled:
        return ""
    return None if state.turn is None or state.turn.cancelled else state.turn.id


def _undo(state: SessionState, posted: Undo) -> Sequence[Event] | Already:
    mark = fingerprint(posted)
    if (before := _remembered(state, posted.idempotency_key, mark)) is not None:
        return Already(before)
    if state.closed:
        raise errors.SessionIsClosed(state.session_id)
    if state.undoing is not None:
        raise errors.NotNow("an undo is under way; try again when it is over")
    if state.commanding is not None:
        # An undo behind it would keep the agent from work as long as the command runs.
        raise errors.NotNow("a command of a person runs in this session: stop it, or wait for its end, then undo")
    if state.turn is not None or (state.waiting and not state.paused):
        raise errors.NotNow("the agent is at work: stop it, or wait for its end, then undo")
    if not posted.files:
        raise errors.NothingToUndo("the files are as they were before the turn: there is nothing to undo")
    key = posted.idempotency_key
    return [
        UndoRequested(
            turn=posted.turn_id,
            by=posted.by,
            files=posted.files,
            idempotency_key=key,
            fingerprint=mark if key else None,
        )
    ]


def _command(state: SessionState, posted: RunCommand, fresh_id: str) -> Sequence[Event] | Already:
    mark = fingerprint(posted)
    if (before := _remembered(state, posted.idempotency_key, mark)) is not None:
        return Already(before)
    if state.closed:
        raise errors.SessionIsClosed(state.session_id)
    if state.commanding is not None:
        raise errors.NotNow("another command of a person runs in this session; wait for its end, or stop it")
    key = posted.idempotency_key
    return [
        CommandRequested(
            command_id=fresh_id,
            command=posted.command,
            by=posted.by,
            spool=posted.spool,
            idempotency_key=key,
            fingerprint=mark if key else None,
        )
    ]


def _decision(state: SessionState, posted: Decision) -> Sequence[Event] | Already:
    """The decision and, when that is the end of the call, its result."""
    if (already := _remembered(state, posted.idempotency_key, fingerprint(posted))) is not None:
        return Already(already)
    call = state.asks
    if state.turn is None or call is None or call.call != posted.call:
        for before in reversed(state.decided):
            if before.call == posted.call:
                raise errors.AlreadyDecided(before.call, before.decision, before.by, before.seq)
        raise errors.NothingToDo(f"no call '{posted.call}' waits for a decision")
    if posted.arguments_sha256 not in (None, call.arguments_sha256):
        raise errors.CallChanged(posted.call)
    if not may_follow(call.status, DECIDED[posted.decision]):
        raise errors.InvalidRequest(_EXPECTED[call.status])
    _must_have_room(state, posted)
    match posted.decision:
        case "allow_once" | "allow_session" | "allow_always" | "deny" as decision:
            return _approval(state.turn.id, call, posted, decision)
        case "retry" | "done" | "failed" as resolution:
            return _resolution(state.turn.id, call, posted, resolution)


def _must_have_room(state: SessionState, posted: Decision) -> None:
    """The state is small, also with all that is allowed until the session ends. Raises InvalidRequest."""
    if posted.decision != "allow_session":
        return
    allowed = dict.fromkeys((*state.allowed, *posted.written))
    if len(allowed) > MAX_ALLOWED or sum(map(len, allowed)) > MAX_ALLOWED_CHARS:
        problem = "this session has no room for what it would allow besides: revoke some of it, or allow the call once"
        raise errors.InvalidRequest(problem)


_EXPECTED: Mapping[CallStatus, str] = {
    "waiting": "this call waits for approval: allow_once, allow_session, allow_always or deny",
    "lost": "this call may have run already: retry, done, or failed (give it up)",
}
"""The decisions that a call takes, in words, for each status in which a person is asked."""


_Verdict = Literal["allow_once", "allow_session", "allow_always", "deny"]


def _approval(turn: str, call: OpenCall, posted: Decision, decision: _Verdict) -> Sequence[Event]:
    decided = ApprovalDecided(
        **_said(turn, call, posted),
        decision=decision,
        arguments_sha256=call.arguments_sha256,
        patterns=posted.written if decision in ("allow_session", "allow_always") else (),
    )
    if decision != "deny":
        return [decided]
    why = f" The reason: {posted.reason.rstrip('. ')}." if posted.reason else ""
    content = f"The call was denied by the user.{why} Please try a different approach."
    return [decided, ToolFinished(turn=turn, call=call.call, tool=call.tool, outcome="denied", content=content)]


def _resolution(
    turn: str, call: OpenCall, posted: Decision, resolution: Literal["retry", "done", "failed"]
) -> Sequence[Event]:
    resolved = ToolResolved(**_said(turn, call, posted), resolution=resolution)
    if resolution == "retry":
        return [resolved]
    content = _DONE if resolution == "done" else _GIVEN_UP
    outcome: CallOutcome = "ok" if resolution == "done" else "interrupted"
    if posted.reason:
        content = f"{content} They say: {posted.reason}"
    return [resolved, ToolFinished(turn=turn, call=call.call, tool=call.tool, outcome=outcome, content=content)]


def _said(turn: str, call: OpenCall, posted: Decision) -> dict[str, Any]:
    """The fields that both kinds of decisions have: which call it is about, and who decided."""
    mark = fingerprint(posted) if posted.idempotency_key else None
    key = {"idempotency_key": posted.idempotency_key, "fingerprint": mark}
    return {"turn": turn, "call": call.call, "by": posted.by, "reason": posted.reason, **key}


_DONE = "The server stopped while this ran. A person looked and says that it was done. Its output is lost."
_GIVEN_UP = "The server stopped while this ran. It may have taken effect. A person decided not to run it again."


def _remembered(state: SessionState, key: str | None, mark: str) -> Remembered | None:
    for request in state.remembered:
        if key is not None and request.key == key:
            if request.fingerprint != mark:
                raise errors.IdempotencyMismatch(key)
            return request
    return None
