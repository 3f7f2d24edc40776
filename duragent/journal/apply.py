"""The fold: `apply` gives the state after one more record, `reduce` after many. Live and after a crash alike."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from duragent.journal import beside_turns
from duragent.journal.call_states import DECIDED, FINISHED, CallEvent, after
from duragent.journal.events import (
    REFUSED,
    AllowanceRevoked,
    ApprovalDecided,
    ApprovalRequested,
    CancelRequested,
    CommandFinished,
    CommandRequested,
    HistoryAdopted,
    HistoryRedacted,
    LogRecovered,
    MessageReceived,
    ModelCalled,
    ModelChosen,
    ModelFailed,
    ModelReplied,
    Opaque,
    OwnerClaimed,
    SessionClosed,
    SessionCreated,
    SessionPaused,
    SessionRenamed,
    SessionResumed,
    ToolFinished,
    ToolLost,
    ToolResolved,
    ToolsSkipped,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    UndoFinished,
    UndoRequested,
)
from duragent.journal.record import Record
from duragent.journal.source import is_person
from duragent.journal.state import (
    NOT_THE_MODEL,
    REASON_MAX,
    REMEMBERED_DECISIONS,
    REMEMBERED_KEYS,
    REMEMBERED_REPEATS,
    ChosenModel,
    Decided,
    ModelAttempt,
    OpenCall,
    OpenTurn,
    Remembered,
    SessionState,
    chosen_model,
    end_unknown,
    is_final,
)
from duragent.journal.topic import topic_of
from duragent.journal.totals import with_unknown, with_usage
from duragent.journal.viewport import ViewportEvent, longer, viewed

_Change = Callable[[OpenTurn], OpenTurn]


def reduce(state: SessionState, records: Iterable[Record]) -> SessionState:
    for record in records:
        state = apply(state, record)
    return state


def apply(state: SessionState, record: Record) -> SessionState:  # noqa: C901  # one case for each event, none nested
    """The state after one more record. Total: it accepts every record, in any order, and never raises."""
    event, view = record.event, longer(state.viewport, record.event, record.ts)
    at = replace(state, seq=record.seq, updated_at=record.ts, created_at=state.created_at or record.ts, viewport=view)
    if isinstance(event, ViewportEvent):
        return replace(at, viewport=viewed(at.viewport, at.seq, event))
    match event:
        case SessionCreated():
            return _created(at, event)
        case OwnerClaimed():
            return _claimed(state, at, event)
        case SessionPaused():
            return replace(at, paused=True, pause_reason=event.reason, paused_at=record.ts)
        case SessionResumed():
            return _resumed(at, record.ts)
        case SessionRenamed():
            return replace(at, title=event.title)
        case ModelChosen():
            return replace(at, model_choice=chosen_model(event))
        case SessionClosed():
            return replace(at, closed=True, allowed=())
        case MessageReceived():
            return _message(at, event)
        case TurnStarted():
            return replace(at, turn=OpenTurn(event.turn, event.trigger, started_at=record.ts))
        case ModelCalled():
            return _model_called(at, event)
        case ModelReplied():
            return _model_replied(at, event)
        case ModelFailed():
            return _model_failed(at, event, record.ts)
        case CancelRequested():
            at = _remember(at, event.idempotency_key, event.fingerprint, "")
            return beside_turns.cancelled(_in_turn(at, event.turn, lambda turn: replace(turn, cancelled=True)), event)
        case TurnEnded():
            return _turn_ended(at, event)
        case ToolFinished():
            return _tool_finished(at, event)
        case ToolsSkipped():
            return _calls_finished(at, event.calls, progress=True)
        case ApprovalRequested():
            asked = {"arguments_sha256": event.arguments_sha256, "asked_seq": record.seq, "asked_at": record.ts}
            limits = {"expires_at": event.expires_at or "", "place": event.place[:REASON_MAX]}
            return _call_moves(at, (event.call,), "approval_requested", **asked, **limits)
        case ApprovalDecided():
            at = _remember(at, event.idempotency_key, event.fingerprint, "")
            at = _decided(at, event.call, event.decision, event.by, record.ts)
            at = _allowed(at, event.patterns) if event.decision == "allow_session" else at
            return _call_moves(at, (event.call,), DECIDED[event.decision])
        case AllowanceRevoked():
            return replace(at, allowed=tuple(each for each in at.allowed if each not in event.patterns))
        case ToolStarted():
            begun = {"epoch": event.epoch, "attempt": event.attempt, "effect": event.effect, "spool": event.spool}
            return _call_moves(at, (event.call,), "tool_started", **begun)
        case ToolLost():
            asked = {"asks": event.asks, "asked_seq": record.seq, "asked_at": record.ts}
            return _call_moves(at, (event.call,), "tool_lost", **asked)
        case ToolResolved():
            at = _remember(at, event.idempotency_key, event.fingerprint, "")
            at = _decided(at, event.call, event.resolution, event.by, record.ts)
            answered = {"asks": False} if event.resolution == "retry" else {}
            return _call_moves(at, (event.call,), DECIDED[event.resolution], **answered)
        case LogRecovered() | HistoryRedacted():
            return _not_as_seen(at, event, record.seq)
        case UndoRequested() | CommandRequested() | UndoFinished() | CommandFinished():
            return _beside_turns(at, event)
        case HistoryAdopted() | Opaque():
            return at
        case _:
            assert_never(event)


def _not_as_seen(at: SessionState, event: LogRecovered | HistoryRedacted, seq: int) -> SessionState:
    # What a crash tore off was never acknowledged.
    torn = isinstance(event, LogRecovered) and event.saved_as.startswith("events.torn-")
    return at if torn else replace(at, repaired=seq)


def _beside_turns(
    at: SessionState, event: UndoRequested | CommandRequested | UndoFinished | CommandFinished
) -> SessionState:
    if isinstance(event, UndoFinished | CommandFinished):
        return beside_turns.finished(at, event)
    return beside_turns.requested(_remember(at, event.idempotency_key, event.fingerprint, ""), event)


# --- the session ----------------------------------------------------------------------------------------------------


def _created(at: SessionState, event: SessionCreated) -> SessionState:
    return replace(
        at,
        agent=event.agent,
        agent_fingerprint=event.agent_fingerprint,
        on_disconnect=event.on_disconnect,
        title=event.title,
        source=event.source,
        door=event.door,
        parent=event.parent,
        gateway=event.gateway,
        chat_id=event.chat_id,
        fingerprint=event.fingerprint or "",
        model_choice=_model_of_session(event.model),
        has_system=bool(event.system.strip()),
    )


def _model_of_session(label: str) -> ChosenModel | None:
    provider, _, name = label.partition("/")
    return ChosenModel(provider, name) if provider and name else None


def _claimed(before: SessionState, at: SessionState, event: OwnerClaimed) -> SessionState:
    at = replace(at, epoch=event.epoch, node=event.node)
    if at.turn is None:
        return at
    idle = at.turn.idle_seconds + (
        0.0 if before.turn and before.turn.waits else _seconds(before.updated_at, at.updated_at)
    )
    orphaned = _has_orphans(at.turn)
    worked = not (at.turn.waits or at.paused)
    recoveries, restarts = at.turn.recoveries + orphaned, at.turn.restarts + worked
    return replace(at, turn=replace(at.turn, idle_seconds=idle, recoveries=recoveries, restarts=restarts))


def _resumed(at: SessionState, ts: str) -> SessionState:
    """Go on. The time of the pause is idle time of the turn."""
    turn = at.turn and replace(at.turn, idle_seconds=at.turn.idle_seconds + _seconds(at.paused_at, ts))
    return replace(at, paused=False, pause_reason="", paused_at="", turn=turn)


def _has_orphans(turn: OpenTurn) -> bool:
    return (turn.asking is not None and turn.asking.status == "open") or any(c.status == "started" for c in turn.calls)


def _message(at: SessionState, event: MessageReceived) -> SessionState:
    at = _remember(at, event.idempotency_key, event.fingerprint, event.message_id)
    waiting, machines = at.waiting, at.waiting_from_machines
    if event.source != "legacy":
        waiting = (*waiting, at.seq)
        machines = machines if is_person(event.source) else (*machines, at.seq)
    return replace(
        at,
        topic=at.topic or topic_of(event.text),
        totals=replace(at.totals, messages=at.totals.messages + 1),
        waiting=waiting,
        waiting_from_machines=machines,
    )


def _answered(at: SessionState, turn: OpenTurn | None, upto: int) -> SessionState:
    """The turn as it is now; messages up to this seq wait no longer."""
    waiting = tuple(seq for seq in at.waiting if seq > upto)
    machines = tuple(seq for seq in at.waiting_from_machines if seq > upto)
    return replace(at, turn=turn, waiting=waiting, waiting_from_machines=machines)


def _remember(at: SessionState, key: str | None, fingerprint: str | None, message_id: str) -> SessionState:
    if key is None:
        return at
    newest = Remembered(key, fingerprint or "", at.seq, message_id)
    return replace(at, remembered=(*at.remembered[-(REMEMBERED_KEYS - 1) :], newest))


# --- the turn -------------------------------------------------------------------------------------------------------


def _in_turn(at: SessionState, turn_id: str, change: _Change) -> SessionState:
    """The state with its open turn changed; events of another turn change nothing."""
    if at.turn is None or at.turn.id != turn_id:
        return at
    return replace(at, turn=change(at.turn))


def _model_called(at: SessionState, event: ModelCalled) -> SessionState:
    asking = ModelAttempt(
        event.step,
        event.attempt,
        event.epoch,
        event.input_seq,
        reserved_tokens=event.reserved_tokens or 0,
        reserved_usd=event.reserved_usd,
    )

    def change(turn: OpenTurn) -> OpenTurn:
        same_step = turn.asking is not None and turn.asking.step == event.step
        return replace(turn, asking=asking, final=False, failures=turn.failures if same_step else 0)

    return _in_turn(at, event.turn, change)


def _model_replied(at: SessionState, event: ModelReplied) -> SessionState:
    at = replace(at, totals=with_usage(at.totals, event.usage, event.cost_usd))
    turn = at.turn
    if turn is None or turn.id != event.turn or turn.asking is None:
        return at
    asking = replace(turn.asking, status="replied", error="", message="", retry=False)
    calls = tuple(OpenCall(call.call, call.tool, quiet=call.quiet) for call in event.calls)
    turn = replace(
        turn,
        asking=asking,
        calls=calls,
        final=is_final(event),
        refused=event.finish_reason == REFUSED and not calls and not event.text.strip(),
        failures=0,
        recoveries=0,
        restarts=0,
        reply_seq=at.seq,
        tokens=turn.tokens + event.usage.input + event.usage.output,
        cost_usd=turn.cost_usd + (event.cost_usd or 0.0),
    )
    return _answered(at, turn, asking.input_seq)


def _model_failed(at: SessionState, event: ModelFailed, ts: str) -> SessionState:
    def change(turn: OpenTurn) -> OpenTurn:
        if turn.asking is None:
            return turn
        asking = replace(
            turn.asking,
            status="failed",
            error=event.error,
            message=event.message[:REASON_MAX],
            retry=event.retry,
            retry_after_seconds=event.retry_after_seconds,
            failed_at=ts,
        )
        # A server that died in the middle of an answer made progress: watchers had seen new words.
        words = event.error == "interrupted" and (event.partial_text or event.partial_reasoning)
        return replace(
            turn,
            asking=asking,
            failures=turn.failures + (event.error not in NOT_THE_MODEL),
            recoveries=0 if words else turn.recoveries,
            unknown_tokens=turn.unknown_tokens + (event.possible_tokens or 0),
            unknown_usd=turn.unknown_usd + (event.possible_usd or 0.0),
        )

    at = replace(at, totals=with_unknown(at.totals, event)) if end_unknown(event) else at
    return _in_turn(at, event.turn, change)


def _turn_ended(at: SessionState, event: TurnEnded) -> SessionState:
    turn = at.turn
    if turn is None or turn.id != event.turn:
        return at
    at = replace(at, totals=replace(at.totals, turns=at.totals.turns + 1))
    if event.outcome == "paused":
        # The message that the turn was for waits again: a resume answers it.
        waiting, reason = tuple(sorted({turn.trigger, *at.waiting})), event.reason[:REASON_MAX]
        return replace(at, turn=None, paused=True, pause_reason=reason, paused_at=at.updated_at, waiting=waiting)
    return _answered(at, None, max(turn.trigger, turn.asking.input_seq if turn.asking else 0))


# --- tool calls -----------------------------------------------------------------------------------------------------


def _call_moves(at: SessionState, call_ids: tuple[str, ...], event: CallEvent, **facts: Any) -> SessionState:
    """Move the calls to the status that the event leads to, with what the event says of them."""
    if at.turn is None:
        return at
    return replace(at, turn=replace(at.turn, calls=_moved(at.turn.calls, call_ids, event, facts)))


def _moved(
    calls: tuple[OpenCall, ...], call_ids: tuple[str, ...], event: CallEvent, facts: Mapping[str, Any]
) -> tuple[OpenCall, ...]:
    moved: list[OpenCall] = []
    for call in calls:
        if call.call not in call_ids:
            moved.append(call)
        elif (status := after(call.status, event)) != FINISHED:
            moved.append(replace(call, status=status, **facts))
    return tuple(moved)


def _tool_finished(at: SessionState, event: ToolFinished) -> SessionState:
    # An interrupted call is no progress: it may be what kills the server.
    at = _calls_finished(at, (event.call,), progress=event.outcome != "interrupted")
    return _repeated(at, event.turn, event.signature) if event.signature else at


def _calls_finished(at: SessionState, call_ids: tuple[str, ...], *, progress: bool) -> SessionState:
    """Forget the calls. With `progress` the turn came further: deaths of servers before this count no longer."""
    if at.turn is None:
        return at
    calls = _moved(at.turn.calls, call_ids, "tool_finished", {})
    if progress:
        return replace(at, turn=replace(at.turn, calls=calls, recoveries=0, restarts=0))
    return replace(at, turn=replace(at.turn, calls=calls))


def _decided(at: SessionState, call_id: str, decision: str, by: str, ts: str) -> SessionState:
    """Remember the decision. The time since the question is idle time of the turn."""
    newest = Decided(call_id, decision, by[:REASON_MAX], at.seq)
    at = replace(at, decided=(*at.decided[-(REMEMBERED_DECISIONS - 1) :], newest))
    call = next((call for call in at.turn.calls if call.call == call_id), None) if at.turn else None
    if at.turn is None or call is None or not call.asked_at:
        return at
    idle = at.turn.idle_seconds + _seconds(call.asked_at, ts)
    return replace(at, turn=replace(at.turn, idle_seconds=idle))


def _allowed(at: SessionState, patterns: tuple[str, ...]) -> SessionState:
    """With more that is allowed until the session ends; a session that is closed has ended."""
    return at if at.closed else replace(at, allowed=tuple(dict.fromkeys((*at.allowed, *patterns))))


def _repeated(at: SessionState, turn_id: str, signature: str) -> SessionState:
    def change(turn: OpenTurn) -> OpenTurn:
        before = dict(turn.repeats)
        times = before.pop(signature, 0) + 1
        return replace(turn, repeats=(*list(before.items())[-(REMEMBERED_REPEATS - 1) :], (signature, times)))

    return _in_turn(at, turn_id, change)


def _seconds(earlier: str, later: str) -> float:
    """The time between two timestamps; 0 when the clock went back or one of them is no timestamp."""
    try:
        return max((datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return 0.0
