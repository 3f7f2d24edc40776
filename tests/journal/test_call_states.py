"""Every status of a call with every event: what may follow, what the fold makes of it, and who acts."""

from typing import get_args

import pytest

from duragent.journal.apply import apply
from duragent.journal.call_states import DECIDED, FINISHED, TRANSITIONS, CallEvent, CallStatus, after, may_follow
from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    Event,
    ToolFinished,
    ToolLost,
    ToolResolved,
    ToolsSkipped,
    ToolStarted,
)
from duragent.journal.inputs import Decision
from duragent.journal.limits import TurnLimits
from duragent.journal.next_step import RecoverCall, RunTool, SettleCall, next_step
from duragent.journal.record import Record
from duragent.journal.state import ModelAttempt, OpenCall, OpenTurn, SessionState

STATUSES: tuple[CallStatus, ...] = get_args(CallStatus)
EVENTS: tuple[CallEvent, ...] = get_args(CallEvent)
CALL = {"turn": "t", "call": "c"}

# What each event makes of each status. In brackets: no log of ours has it there, and the fold takes it all the same.
TABLE = """
            approval_requested  allowed     denied    tool_started  tool_lost  retried     settled      tool_finished
requested   waiting             (approved)  (denied)  started       (lost)     (approved)  (requested)  finished
waiting     (waiting)           approved    denied    (started)     (lost)     (approved)  (waiting)    finished
approved    waiting             (approved)  (denied)  started       (lost)     (approved)  (approved)   finished
denied      (waiting)           (approved)  (denied)  (started)     (lost)     (approved)  (denied)     finished
started     (waiting)           (approved)  (denied)  (started)     lost       (approved)  (started)    finished
lost        (waiting)           (approved)  (denied)  (started)     (lost)     approved    lost         finished
"""


def _rows() -> list[tuple[CallStatus, CallEvent, str, bool]]:
    """Status, event, the status after it, and whether it may come."""
    header, *rows = [line.split() for line in TABLE.strip().splitlines()]
    return [
        (status, event, cell.strip("()"), not cell.startswith("("))  # type: ignore[misc]  # the names are checked below
        for status, *cells in rows
        for event, cell in zip(header, cells, strict=True)
    ]


def _events(event: CallEvent) -> list[Event]:
    """The events on the disk that are this event of a call."""
    sha = {"arguments_sha256": "0" * 64}
    decisions = [decision for decision, kind in DECIDED.items() if kind == event]
    match event:
        case "approval_requested":
            return [ApprovalRequested.model_validate(CALL | sha | {"tool": "bash"})]
        case "allowed" | "denied":
            return [ApprovalDecided.model_validate(CALL | sha | {"decision": each}) for each in decisions]
        case "tool_started":
            return [ToolStarted(turn="t", call="c", tool="bash", epoch=1)]
        case "tool_lost":
            return [ToolLost(turn="t", call="c"), ToolLost(turn="t", call="c", asks=True)]
        case "retried" | "settled":
            return [ToolResolved.model_validate(CALL | {"resolution": each}) for each in decisions]
        case "tool_finished":
            return [ToolFinished(turn="t", call="c", outcome="ok"), ToolsSkipped(calls=("c",))]


def _state(status: CallStatus, *, asks: bool = False) -> SessionState:
    calls = (OpenCall("c", "bash", status, attempt=1, asks=asks), OpenCall("other", "bash"))
    turn = OpenTurn("t", 1, asking=ModelAttempt(1, 1, 1, 1, status="replied"), calls=calls)
    return SessionState("s", seq=9, updated_at="2026-01-01T00:00:00.000Z", turn=turn)


def test_the_table_has_every_status_with_every_event_once() -> None:
    assert sorted((status, event) for status, event, _, _ in _rows()) == sorted(
        (status, event) for status in STATUSES for event in EVENTS
    )
    assert set(TRANSITIONS) == set(STATUSES)


@pytest.mark.parametrize(("status", "event", "to", "may"), _rows())
def test_what_follows(status: CallStatus, event: CallEvent, to: str, may: bool) -> None:
    assert (after(status, event), may_follow(status, event)) == (to, may)


@pytest.mark.parametrize(("status", "event", "to", "may"), _rows())
def test_the_fold_moves_the_call_to_it_and_leaves_others_alone(
    status: CallStatus, event: CallEvent, to: str, may: bool
) -> None:
    for happened in _events(event):
        turn = apply(_state(status), Record(10, "2026-01-01T00:00:01.000Z", happened)).turn
        assert turn is not None
        statuses = {call.call: call.status for call in turn.calls}
        assert statuses == ({} if to == FINISHED else {"c": to}) | {"other": "requested"}


def test_each_event_leads_to_one_status_or_leaves_it() -> None:
    """The fold of an event that may not come has one answer only because of this."""
    for event in EVENTS:
        assert len({row[event] for status, row in TRANSITIONS.items() if event in row and row[event] != status}) <= 1


def test_every_decision_is_an_event_of_a_call() -> None:
    assert set(DECIDED) == set(get_args(Decision.model_fields["decision"].annotation))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("asks", [False, True])
def test_the_next_step_of_a_call_leads_to_events_that_may_follow(status: CallStatus, asks: bool) -> None:
    state = _state(status, asks=asks)
    step = next_step(state, TurnLimits())
    expected: dict[type, set[CallEvent]] = {
        RunTool: {"tool_started", "approval_requested", "tool_finished"},
        RecoverCall: {"tool_lost", "tool_finished"},
        SettleCall: {"tool_finished"},
    }
    if step is None:
        # Nothing happens by itself, so a person must be able to decide, and is asked.
        assert set(DECIDED.values()) & set(TRANSITIONS[status])
        assert state.asks is not None
    else:
        assert expected[type(step)] <= set(TRANSITIONS[status])
        assert state.asks is None
