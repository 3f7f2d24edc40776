"""Short histories of one session, and the state that they add up to, for the tables of this room."""

from collections.abc import Iterable
from typing import Any

from duragent.journal import events as e
from duragent.journal.apply import reduce
from duragent.journal.record import Record
from duragent.journal.state import SessionState

SHA = "5" * 64
FIRST, SECOND = (e.Call(call=f"c{n}", tool="bash", arguments=f'{{"n": {n}}}') for n in (1, 2))
MESSAGE = e.MessageReceived(message_id="m", text="hi")
PAUSED, RESUMED, CLOSED = e.SessionPaused(reason="wait"), e.SessionResumed(), e.SessionClosed()
CANCELLED = e.CancelRequested(turn="t")
CLAIMED = e.OwnerClaimed(epoch=2, node="n")
BEGUN: list[e.Event] = [MESSAGE, e.TurnStarted(turn="t", trigger=1)]
"""A turn that has not asked the model yet; records 1 and 2."""


def at(seq: int) -> str:
    """The time of a record: one second for each."""
    return f"2026-01-01T00:{seq // 60:02d}:{seq % 60:02d}.000Z"


def folded(events: Iterable[e.Event]) -> SessionState:
    return reduce(SessionState("s"), (Record(seq, at(seq), event) for seq, event in enumerate(events, 1)))


def message(**facts: Any) -> e.MessageReceived:
    return MESSAGE.model_copy(update=facts)


def called(step: int = 1, attempt: int = 1, **facts: Any) -> e.ModelCalled:
    called = e.ModelCalled(turn="t", step=step, attempt=attempt, epoch=1, model="m", input_seq=2)
    return called.model_copy(update=facts)


def replied(*calls: e.Call, **facts: Any) -> e.ModelReplied:
    return e.ModelReplied(message_id="a", turn="t", calls=calls).model_copy(update={"text": "ok", **facts})


def failed(error: str = "model-unavailable", **facts: Any) -> e.ModelFailed:
    return e.ModelFailed(turn="t", step=1, attempt=1, error=error, retry=True).model_copy(update=facts)


ASKED: list[e.Event] = [*BEGUN, called(), replied(FIRST, SECOND)]
"""The model asked for two calls; records 1 to 4."""


def requested(call: str = "c1", **facts: Any) -> e.ApprovalRequested:
    return e.ApprovalRequested(turn="t", call=call, tool="bash", arguments_sha256=SHA).model_copy(update=facts)


def decided(decision: str, call: str = "c1", **facts: Any) -> e.ApprovalDecided:
    fields = {"turn": "t", "call": call, "decision": decision, "arguments_sha256": SHA}
    return e.ApprovalDecided.model_validate(fields | facts)


def started(call: str = "c1", **facts: Any) -> e.ToolStarted:
    return e.ToolStarted(turn="t", call=call, tool="bash", epoch=1).model_copy(update=facts)


def lost(call: str = "c1", *, asks: bool) -> e.ToolLost:
    return e.ToolLost(turn="t", call=call, asks=asks)


def resolved(resolution: str, call: str = "c1") -> e.ToolResolved:
    return e.ToolResolved.model_validate({"turn": "t", "call": call, "resolution": resolution})


def finished(call: str = "c1", **facts: Any) -> e.ToolFinished:
    return e.ToolFinished(turn="t", call=call, tool="bash", outcome="ok").model_copy(update=facts)


def ended(outcome: str, **facts: Any) -> e.TurnEnded:
    return e.TurnEnded.model_validate({"turn": "t", "outcome": outcome} | facts)
