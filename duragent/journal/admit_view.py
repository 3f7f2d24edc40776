"""May this change what the model is shown of the past? Summaries, pins, goals and forgotten texts, as events. Pure."""

from collections.abc import Sequence
from typing import assert_never

from duragent.errors import InvalidRequest, NothingToDo, SessionIsClosed
from duragent.journal.covered import (
    GOAL_CHARS,
    MAX_GOALS,
    MAX_PINS,
    PIN_CHARS,
    Coverage,
    CoverageEvent,
    children_of,
    may_cover,
)
from duragent.journal.events import (
    Event,
    GoalEnded,
    GoalSet,
    HistorySummarised,
    RecordPinned,
    RecordUnpinned,
    SummaryExpanded,
    TextForgotten,
)
from duragent.journal.inputs import (
    EndGoal,
    ExpandSummary,
    Forget,
    HistorySummary,
    Pin,
    SetGoal,
    Unpin,
    ViewportInput,
)
from duragent.journal.state import SessionState


def admit_view(state: SessionState, posted: ViewportInput) -> Sequence[Event]:
    """The events of the input; none when it is stale, or changes nothing.

    Raises SessionIsClosed, InvalidRequest, NothingToDo.
    """
    at = state.viewport.coverage
    if isinstance(posted, HistorySummary):
        # What the next turn answers is shown whole.
        open_since = min((*state.waiting, state.turn.trigger if state.turn else state.seq + 1))
        return _summary(at, min(state.seq, open_since - 1), posted)
    if isinstance(posted, Forget):
        # Also in a session that is closed: it has the texts as long as it exists.
        return _forgotten(state.seq, posted)
    if state.closed:
        raise SessionIsClosed(state.session_id)
    match posted:
        case ExpandSummary():
            return _expansion(at, posted)
        case Pin():
            return _pin(at, state.seq, posted)
        case Unpin():
            return _unpin(at, posted)
        case SetGoal():
            return _goal(at, posted)
        case EndGoal():
            return _goal_end(at, posted)
        case _:
            assert_never(posted)


def _forgotten(seq: int, posted: Forget) -> Sequence[Event]:
    """Raises InvalidRequest."""
    for each in posted.fields:
        if not 1 <= each.seq <= seq:
            raise InvalidRequest(f"there is no record {each.seq}: the newest one is {seq}")
    return [TextForgotten(fields=posted.fields, by=posted.by, reason=posted.reason)] if posted.fields else []


def _summary(at: Coverage, seq: int, posted: HistorySummary) -> Sequence[CoverageEvent]:
    """The event of a summary; none when it is stale: it was made twice, or too late."""
    if not may_cover(at, seq, posted.level, posted.first_seq, posted.last_seq):
        return []
    children = children_of(at, posted.level, posted.first_seq, posted.last_seq) if posted.level > 1 else ()
    return [HistorySummarised(**dict(posted), children=tuple(each.seq for each in children))]


def _pin(at: Coverage, seq: int, posted: Pin) -> Sequence[CoverageEvent]:
    """Raises InvalidRequest."""
    if not 1 <= posted.seq <= seq:
        raise InvalidRequest(f"there is no record {posted.seq}: the newest one is {seq}")
    active = {goal.goal for goal in at.active_goals}
    if unknown := [goal for goal in posted.goals if goal not in active]:
        known = f"there are: {', '.join(active)}" if active else "there is none"
        raise InvalidRequest(f"no goal '{unknown[0]}' is under way ({known})")
    same = [pin for pin in at.active_pins if pin.seq == posted.seq]
    if same and set(same[0].goals) == set(posted.goals):
        return []
    if not same and len(at.active_pins) >= MAX_PINS:
        raise InvalidRequest(f"{MAX_PINS} records are pinned already: unpin one first")
    text = posted.text[:PIN_CHARS]
    return [RecordPinned(record=posted.seq, text=text, goals=posted.goals, by=posted.by, reason=posted.reason)]


def _unpin(at: Coverage, posted: Unpin) -> Sequence[CoverageEvent]:
    """Raises NothingToDo."""
    if not any(pin.seq == posted.seq for pin in at.active_pins):
        raise NothingToDo(f"record {posted.seq} is not pinned")
    return [RecordUnpinned(record=posted.seq, by=posted.by, reason=posted.reason)]


def _goal(at: Coverage, posted: SetGoal) -> Sequence[CoverageEvent]:
    """Raises InvalidRequest."""
    text = " ".join(posted.text.split())
    if not text or len(text) > GOAL_CHARS:
        raise InvalidRequest(f"a goal is a sentence of at most {GOAL_CHARS} characters")
    if any((goal.text, goal.parent) == (text, posted.parent) for goal in at.active_goals):
        return []
    if len(at.active_goals) >= MAX_GOALS:
        raise InvalidRequest(f"{MAX_GOALS} goals are under way already: finish or drop one first")
    if posted.parent:
        _must_be_active(at, posted.parent)
    goal = f"g{at.goals_set + 1}"
    return [GoalSet(goal=goal, parent=posted.parent, text=text, by=posted.by, call=posted.call)]


def _goal_end(at: Coverage, posted: EndGoal) -> Sequence[CoverageEvent]:
    """None for a goal that has ended already: the answer to the first request may be lost. Raises InvalidRequest."""
    if posted.goal in _ended_goals(at):
        return []
    _must_be_active(at, posted.goal)
    return [GoalEnded(goal=posted.goal, outcome=posted.outcome, by=posted.by, call=posted.call)]


def _expansion(at: Coverage, posted: ExpandSummary) -> Sequence[CoverageEvent]:
    """Raises InvalidRequest, NothingToDo."""
    shown = next((each for each in at.frontier if each.seq == posted.summary), None)
    if shown is None:
        raise NothingToDo(f"no summary of record {posted.summary} is shown")
    if shown.level < 2 or not posted.children:
        raise InvalidRequest("a summary of records has no summaries in it; read its records with `history`")
    return [SummaryExpanded(summary=posted.summary, children=posted.children, by=posted.by)]


def _ended_goals(at: Coverage) -> set[str]:
    """Goals are numbered as they are set; those that are not under way have ended."""
    return {f"g{number}" for number in range(1, at.goals_set + 1)} - {goal.goal for goal in at.active_goals}


def _must_be_active(at: Coverage, goal: str) -> None:
    active = [each.goal for each in at.active_goals]
    if goal not in active:
        known = f"there are: {', '.join(active)}" if active else "there is none"
        raise InvalidRequest(f"no goal '{goal}' is under way ({known})")
