"""What may happen to a tool call, as data: in each status, the events that may come, and the status they lead to.

This table is the only place that says so. `apply` moves calls through it, `admit` asks it which decisions a call takes,
and the diagram in `docs/tool-calls.md` is drawn from it. To add a status: its name in `CallStatus`, its row here, the
event that leads to it in the rows where that event may come, and its rows in `tests/journal/test_call_states.py`.
"""

from collections.abc import Mapping
from typing import Final, Literal

CallStatus = Literal["requested", "waiting", "approved", "denied", "started", "lost"]
"""Of a call without a result.

`requested`: the model asked for it. `waiting`: a person has to allow it. `approved`, `denied`: a person decided.
`started`: it runs, or did when its server died. `lost`: it was started, and how it ended is not known.
"""

FINISHED: Final = "finished"
"""Not a status of an open call: it has its one result, and the state forgets it."""

CallEvent = Literal[
    "approval_requested", "allowed", "denied", "tool_started", "tool_lost", "retried", "settled", "tool_finished"
]
"""The events of a call by their names on disk; the two that carry a decision by what was decided, see `DECIDED`."""

TRANSITIONS: Mapping[CallStatus, Mapping[CallEvent, CallStatus | Literal["finished"]]] = {
    "requested": {"approval_requested": "waiting", "tool_started": "started", "tool_finished": FINISHED},
    "waiting": {"allowed": "approved", "denied": "denied", "tool_finished": FINISHED},
    # An approval holds for one place: the person is asked again when the call would now run elsewhere.
    "approved": {"approval_requested": "waiting", "tool_started": "started", "tool_finished": FINISHED},
    "denied": {"tool_finished": FINISHED},
    "started": {"tool_lost": "lost", "tool_finished": FINISHED},
    "lost": {"retried": "approved", "settled": "lost", "tool_finished": FINISHED},
}
"""By status: the events that may come, and the status that each leads to."""

DECIDED: Mapping[str, CallEvent] = {
    "allow_once": "allowed",
    "allow_session": "allowed",
    "allow_always": "allowed",
    "deny": "denied",
    "retry": "retried",
    "done": "settled",
    "failed": "settled",
}
"""What a decision is for the call: those of `ApprovalDecided.decision` and of `ToolResolved.resolution`."""

_FROM_ANYWHERE: Mapping[CallEvent, CallStatus | Literal["finished"]] = {
    event: to for status, row in TRANSITIONS.items() for event, to in row.items() if to != status
}


def may_follow(status: CallStatus, event: CallEvent) -> bool:
    """Whether the event may come now. What writes an event asks this; the fold does not."""
    return event in TRANSITIONS[status]


def after(status: CallStatus, event: CallEvent) -> CallStatus | Literal["finished"]:
    """The status after the event. Total: the fold takes each log as it is.

    Where the table has no such event (a log of an old version, or a repaired one), the event leads where it leads from
    any other status; one that leads nowhere changes nothing.
    """
    return TRANSITIONS[status].get(event) or _FROM_ANYWHERE.get(event, status)
