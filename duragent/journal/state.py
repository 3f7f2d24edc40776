"""The state of a session: what its records add up to.

`reduce(records)` is the one way to a state, live and after a crash alike. The state holds small control facts only,
never what was said, so that a fold is cheap, a snapshot is small and a fast open is possible. All of it is frozen.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    CancelRequested,
    LogRecovered,
    MessageReceived,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    OnDisconnect,
    Opaque,
    OwnerClaimed,
    SessionClosed,
    SessionCreated,
    SessionPaused,
    SessionRenamed,
    SessionResumed,
    Source,
    Tokens,
    ToolFinished,
    ToolLost,
    ToolResolved,
    ToolsSkipped,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.record import BLOB_MIN_BYTES, Record
from duragent.text import Text

CallStatus = Literal["requested", "waiting", "approved", "denied", "started", "lost"]

REMEMBERED_KEYS = 128
"""How many Idempotency-Keys of the newest requests a session remembers."""

TOPIC_MAX = 80
"""Characters of a session's topic: the beginning of its first message, so that people can tell sessions apart."""

TOPIC_TEXT_MAX = BLOB_MIN_BYTES // 4
"""Up to so many characters a message is certain to stand in its line."""

REASON_MAX = 500
"""Characters of an error's message that the state keeps; the log has it whole."""


NOT_THE_MODEL = frozenset({"interrupted", "shutdown", "paused", "cancelled"})
"""Values of `ModelFailed.error` for an attempt that was stopped from outside; they are no failures of the model."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A tool call without a result. `epoch` is the owner's that started it; 0 before it was started."""

    call: Text
    tool: Text
    status: CallStatus = "requested"
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Asking:
    """The turn's newest question to the model, and how it stands. `failed_at` is the `ts` of its failure."""

    step: int
    attempt: int
    epoch: int
    input_seq: int
    status: Literal["open", "replied", "failed"] = "open"
    error: str = ""
    message: Text = ""
    retry: bool = False
    retry_after_seconds: float | None = None
    failed_at: str = ""


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """The turn that is under way.

    `failures`: attempts of this step that failed by the model's fault. `recoveries`: how often an owner found work of
    the turn orphaned since it last made progress. `final`: the newest reply asked for no tool.
    """

    id: str
    trigger: int
    asking: Asking | None = None
    calls: tuple[OpenCall, ...] = ()
    final: bool = False
    cancelled: bool = False
    failures: int = 0
    recoveries: int = 0


@dataclass(frozen=True, slots=True)
class Remembered:
    """A request that was admitted under an Idempotency-Key."""

    key: Text
    fingerprint: str
    seq: int
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Over the whole session. `cost_usd` sums what is known; `unpriced` counts replies without a price."""

    messages: int = 0
    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class SessionState:
    """The fold of a session's log up to record `seq`."""

    session_id: str
    seq: int = 0
    agent: str = ""
    agent_fingerprint: str = ""
    title: Text | None = None
    topic: Text = ""
    created_at: str = ""
    updated_at: str = ""
    on_disconnect: OnDisconnect = "continue"
    source: Source = "http"
    parent: str | None = None
    fingerprint: str = ""
    epoch: int = 0
    node: str = ""
    closed: bool = False
    paused: bool = False
    pause_reason: Text = ""
    turn: OpenTurn | None = None
    waiting: tuple[int, ...] = ()
    totals: Totals = Totals()
    remembered: tuple[Remembered, ...] = ()

    @property
    def status(self) -> Literal["active", "running", "paused", "completed"]:
        """As duragent v0.5 names it: idle is `active`, in a turn is `running`."""
        if self.closed:
            return "completed"
        if self.paused:
            return "paused"
        return "running" if self.turn or self.waiting else "active"

    @property
    def has_work(self) -> bool:
        """Whether the session goes on by itself when it is opened."""
        return self.turn is not None or (bool(self.waiting) and not self.paused and not self.closed)


_Change = Callable[[OpenTurn], OpenTurn]


def reduce(state: SessionState, records: Iterable[Record]) -> SessionState:
    for record in records:
        state = apply(state, record)
    return state


def apply(state: SessionState, record: Record) -> SessionState:  # noqa: C901  # one case for each event, none nested
    """The state after one more record. Total: it accepts every record, in any order, and never raises."""
    at = replace(state, seq=record.seq, updated_at=record.ts, created_at=state.created_at or record.ts)
    event = record.event
    match event:
        case SessionCreated():
            return _created(at, event)
        case OwnerClaimed():
            return _claimed(at, event)
        case SessionPaused():
            return replace(at, paused=True, pause_reason=event.reason)
        case SessionResumed():
            return replace(at, paused=False, pause_reason="")
        case SessionRenamed():
            return replace(at, title=event.title)
        case SessionClosed():
            return replace(at, closed=True)
        case MessageReceived():
            return _message(at, event)
        case TurnStarted():
            return replace(at, turn=OpenTurn(event.turn, event.trigger))
        case ModelCalled():
            return _model_called(at, event)
        case ModelReplied():
            return _model_replied(at, event)
        case ModelFailed():
            return _model_failed(at, event, record.ts)
        case CancelRequested():
            at = _remember(at, event.idempotency_key, event.fingerprint, "")
            return _in_turn(at, event.turn, lambda turn: replace(turn, cancelled=True))
        case TurnEnded():
            return _turn_ended(at, event)
        case ToolFinished():
            # A call that was interrupted is no progress: it may be what kills the server.
            return _without_calls(at, (event.call,), progress=event.outcome != "interrupted")
        case ToolsSkipped():
            return _without_calls(at, event.calls)
        case ApprovalRequested():
            return _call_is(at, event.call, "waiting")
        case ApprovalDecided():
            return _call_is(at, event.call, "denied" if event.decision == "deny" else "approved")
        case ToolStarted():
            return _call_is(at, event.call, "started", event.epoch)
        case ToolLost():
            return _call_is(at, event.call, "lost")
        case ToolResolved():
            return _call_is(at, event.call, "approved") if event.resolution == "retry" else at
        case LogRecovered() | Opaque():
            return at
        case _:
            assert_never(event)


# --- the session ----------------------------------------------------------------------------------------------------


def _created(at: SessionState, event: SessionCreated) -> SessionState:
    return replace(
        at,
        agent=event.agent,
        agent_fingerprint=event.agent_fingerprint,
        on_disconnect=event.on_disconnect,
        title=event.title,
        source=event.source,
        parent=event.parent,
        fingerprint=event.fingerprint or "",
    )


def _claimed(at: SessionState, event: OwnerClaimed) -> SessionState:
    at = replace(at, epoch=event.epoch, node=event.node)
    turn = at.turn
    if turn is None or not _has_orphans(turn):
        return at
    return replace(at, turn=replace(turn, recoveries=turn.recoveries + 1))


def _has_orphans(turn: OpenTurn) -> bool:
    return (turn.asking is not None and turn.asking.status == "open") or any(c.status == "started" for c in turn.calls)


def _message(at: SessionState, event: MessageReceived) -> SessionState:
    at = _remember(at, event.idempotency_key, event.fingerprint, event.message_id)
    topic = at.topic or _topic(event.text)
    at = replace(at, topic=topic, totals=replace(at.totals, messages=at.totals.messages + 1))
    return at if event.source == "legacy" else replace(at, waiting=(*at.waiting, at.seq))


def _topic(text: str) -> str:
    """The first line of a message, for lists; none of a text that may be in a blob, because a fold has no blobs."""
    if len(text) > TOPIC_TEXT_MAX:
        return ""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= TOPIC_MAX else f"{line[: TOPIC_MAX - 1]}…"


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
    asking = Asking(event.step, event.attempt, event.epoch, event.input_seq)

    def change(turn: OpenTurn) -> OpenTurn:
        same_step = turn.asking is not None and turn.asking.step == event.step
        return replace(turn, asking=asking, final=False, failures=turn.failures if same_step else 0)

    return _in_turn(at, event.turn, change)


def _model_replied(at: SessionState, event: ModelReplied) -> SessionState:
    at = replace(at, totals=_add(at.totals, event.usage, event.cost_usd))
    turn = at.turn
    if turn is None or turn.id != event.turn or turn.asking is None:
        return at
    asking = replace(turn.asking, status="replied", error="", message="", retry=False)
    calls = tuple(OpenCall(call.call, call.tool) for call in event.calls)
    turn = replace(turn, asking=asking, calls=calls, final=not calls, failures=0, recoveries=0)
    return replace(at, turn=turn, waiting=tuple(seq for seq in at.waiting if seq > asking.input_seq))


def _add(totals: Totals, usage: Tokens, cost_usd: float | None) -> Totals:
    return replace(
        totals,
        input_tokens=totals.input_tokens + usage.input,
        output_tokens=totals.output_tokens + usage.output,
        cached_input_tokens=totals.cached_input_tokens + usage.cached_input,
        reasoning_tokens=totals.reasoning_tokens + usage.reasoning,
        cost_usd=totals.cost_usd + (cost_usd or 0.0),
        unpriced=totals.unpriced + (cost_usd is None),
    )


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
        return replace(turn, asking=asking, failures=turn.failures + (event.error not in NOT_THE_MODEL))

    return _in_turn(at, event.turn, change)


def _turn_ended(at: SessionState, event: TurnEnded) -> SessionState:
    turn = at.turn
    if turn is None or turn.id != event.turn:
        return at
    at = replace(at, turn=None, totals=replace(at.totals, turns=at.totals.turns + 1))
    if event.outcome == "paused":
        # The message that the turn was for waits again, so that a resume takes it up.
        waiting = tuple(sorted({turn.trigger, *at.waiting}))
        return replace(at, paused=True, pause_reason=event.reason[:REASON_MAX], waiting=waiting)
    seen = max(turn.trigger, turn.asking.input_seq if turn.asking else 0)
    return replace(at, waiting=tuple(seq for seq in at.waiting if seq > seen))


# --- tool calls -----------------------------------------------------------------------------------------------------


def _call_is(at: SessionState, call_id: str, status: CallStatus, epoch: int = 0) -> SessionState:
    if at.turn is None:
        return at
    calls = tuple(
        replace(call, status=status, epoch=epoch or call.epoch) if call.call == call_id else call
        for call in at.turn.calls
    )
    return replace(at, turn=replace(at.turn, calls=calls))


def _without_calls(at: SessionState, call_ids: tuple[str, ...], *, progress: bool = True) -> SessionState:
    if at.turn is None:
        return at
    calls = tuple(call for call in at.turn.calls if call.call not in call_ids)
    recoveries = 0 if progress else at.turn.recoveries
    return replace(at, turn=replace(at.turn, calls=calls, recoveries=recoveries))
