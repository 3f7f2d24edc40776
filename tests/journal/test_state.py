"""What a state says of itself: who has to act, and how it is shown."""

from collections.abc import Sequence

import pytest

from duragent.journal.events import Event, ModelFailed
from duragent.journal.state import OpenCall, OpenTurn, SessionState, end_unknown
from tests.journal.histories import (
    ASKED,
    BEGUN,
    CANCELLED,
    CLOSED,
    MESSAGE,
    PAUSED,
    RESUMED,
    called,
    decided,
    ended,
    failed,
    finished,
    folded,
    lost,
    message,
    replied,
    requested,
    started,
)


@pytest.mark.parametrize(
    ("events", "status", "has_work", "asks"),
    [
        ([], "active", False, ""),
        ([MESSAGE], "running", True, ""),
        ([message(source="legacy")], "active", False, ""),
        ([MESSAGE, PAUSED], "paused", False, ""),
        ([MESSAGE, PAUSED, RESUMED], "running", True, ""),
        ([MESSAGE, CLOSED], "completed", False, ""),
        (BEGUN, "running", True, ""),
        ([*BEGUN, PAUSED], "paused", True, ""),
        ([*BEGUN, CLOSED], "completed", True, ""),
        (ASKED, "running", True, ""),
        ([*ASKED, requested()], "paused", False, "c1"),
        ([*ASKED, requested(), CANCELLED], "running", True, ""),
        ([*ASKED, requested(), CLOSED], "completed", True, ""),
        ([*ASKED, requested(), decided("allow_once")], "running", True, ""),
        ([*ASKED, started()], "running", True, ""),
        ([*ASKED, started(), lost(asks=True)], "paused", False, "c1"),
        ([*ASKED, started(), lost(asks=False)], "running", True, ""),
        ([*ASKED, finished("c1"), requested("c2")], "paused", False, "c2"),
        ([*ASKED, requested("c2")], "running", True, ""),
        ([*BEGUN, called(), replied(), ended("completed")], "active", False, ""),
        ([*BEGUN, called(), MESSAGE, replied(), ended("completed")], "running", True, ""),
        ([*BEGUN, called(), replied(), ended("paused")], "paused", False, ""),
    ],
)
def test_who_has_to_act(events: Sequence[Event], status: str, has_work: bool, asks: str) -> None:
    state = folded(events)
    asked = state.asks.call if state.asks else ""
    assert (state.status, state.has_work, asked) == (status, has_work, asks)


@pytest.mark.parametrize(
    ("first", "second", "cancelled", "waits"),
    [
        ("waiting", "requested", False, True),
        ("waiting", "requested", True, False),
        ("approved", "waiting", False, False),
        ("lost", "requested", False, False),
    ],
)
def test_a_turn_stands_still_for_its_first_call_alone(first: str, second: str, cancelled: bool, waits: bool) -> None:
    calls = tuple(OpenCall(f"c{n}", "bash", status) for n, status in enumerate((first, second)))  # type: ignore[arg-type]  # names of statuses
    assert OpenTurn("t", 1, calls=calls, cancelled=cancelled).waits is waits


def test_waiting_messages_of_people_are_those_of_no_machine() -> None:
    state = SessionState("s", waiting=(3, 5, 8), waiting_from_machines=(5, 7))
    assert state.waiting_from_people == (3, 8)


@pytest.mark.parametrize(
    ("attempt", "unknown"),
    [
        (failed("interrupted"), True),
        (failed("shutdown"), True),
        (failed("paused"), True),
        (failed("cancelled"), True),
        (failed("model-timeout"), True),
        (failed("rate-limited"), False),
        (failed("model-unavailable"), False),
        (failed("model-unavailable", partial_text="a"), True),
        (failed("model-unavailable", partial_reasoning="a"), True),
    ],
)
def test_attempt_that_was_begun_may_have_been_charged_for(attempt: ModelFailed, unknown: bool) -> None:
    assert end_unknown(attempt) is unknown


def test_an_open_attempt_may_have_used_what_was_reserved_for_it() -> None:
    turn = folded([*BEGUN, called(reserved_tokens=7, reserved_usd=0.5)]).turn
    assert turn is not None
    assert turn.asking is not None
    assert turn.asking.possible == {"possible_tokens": 7, "possible_usd": 0.5}
