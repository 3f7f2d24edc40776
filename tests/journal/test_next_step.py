"""Each state has one next step: a table of histories, and what is to be done then."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import assert_never

import pytest

from duragent.journal.events import Event, OwnerClaimed, TokenCounts, TurnStarted
from duragent.journal.limits import Budget, TurnLimits
from duragent.journal.next_step import (
    DECLINED,
    MAX_BACKOFF_SECONDS,
    MAY_HAVE_TAKEN_EFFECT,
    OUTCOME_UNKNOWN,
    SKIPPED,
    AskModel,
    EndTurn,
    RecoverCall,
    RunTool,
    SettleCall,
    SettleModel,
    StartTurn,
    Step,
    next_step,
)
from tests.journal.histories import (
    ASKED,
    BEGUN,
    CANCELLED,
    CLAIMED,
    CLOSED,
    FIRST,
    MESSAGE,
    PAUSED,
    RESUMED,
    SECOND,
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
    resolved,
    started,
)

BOTH = [*ASKED, finished("c1"), finished("c2")]
QUIET = FIRST.model_copy(update={"quiet": True})
FROM_MACHINE = message(source="schedule")


def told(step: Step | None) -> str:
    """A step in short: its name, and what distinguishes it."""
    match step:
        case None:
            return "wait"
        case StartTurn():
            return f"start {step.trigger}"
        case AskModel():
            return f"ask {step.step}.{step.attempt}"
        case SettleModel():
            return f"settle ask {step.step}.{step.attempt}"
        case RunTool():
            return f"run {step.call.call} {step.call.status}"
        case RecoverCall():
            return f"recover {step.call.call}"
        case SettleCall():
            return f"settle {step.call.call} {step.outcome}"
        case EndTurn():
            return f"end {step.outcome} {step.code}".strip()
        case _:
            assert_never(step)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # Without a turn.
        ([], "wait"),
        ([MESSAGE], "start 1"),
        ([MESSAGE, MESSAGE], "start 1"),
        ([message(source="legacy")], "wait"),
        ([message(source="legacy"), MESSAGE], "start 2"),
        ([FROM_MACHINE], "start 1"),
        ([MESSAGE, PAUSED], "wait"),
        ([MESSAGE, PAUSED, RESUMED], "start 1"),
        ([PAUSED, FROM_MACHINE], "wait"),
        ([MESSAGE, CLOSED], "wait"),
        # The model is asked.
        (BEGUN, "ask 1.1"),
        ([*BEGUN, called()], "settle ask 1.1"),
        ([*BEGUN, called(), CLAIMED], "settle ask 1.1"),
        ([*BEGUN, called(), CANCELLED], "settle ask 1.1"),
        ([*BEGUN, called(), PAUSED], "settle ask 1.1"),
        ([*BEGUN, PAUSED], "wait"),
        ([*BEGUN, PAUSED, RESUMED], "ask 1.1"),
        ([*BEGUN, CANCELLED], "end cancelled"),
        ([*BEGUN, CLOSED], "end cancelled"),
        ([*BEGUN, PAUSED, CANCELLED], "end cancelled"),
        ([*BEGUN, called(), failed()], "ask 1.2"),
        ([*BEGUN, called(), failed("interrupted")], "ask 1.2"),
        ([*BEGUN, called(), failed("interrupted"), CANCELLED], "end cancelled"),
        ([*BEGUN, called(), failed("authentication-failed", retry=False)], "end failed authentication-failed"),
        ([*BEGUN, called(), replied()], "end completed"),
        ([*BEGUN, called(), replied(text="")], "end completed"),
        ([*BEGUN, called(), replied(text="", finish_reason="content_filter")], "end failed model-refused"),
        ([*BEGUN, called(), replied(text="no", finish_reason="content_filter")], "end completed"),
        ([*BEGUN, called(), MESSAGE, replied()], "end completed"),
        ([*BEGUN, called(), MESSAGE, replied(), ended("completed")], "start 4"),
        ([*BEGUN, called(), replied(), ended("completed")], "wait"),
        ([*BEGUN, called(), replied(), ended("paused")], "wait"),
        ([*BEGUN, called(), replied(), ended("paused"), RESUMED], "start 1"),
        # Calls for whose results the model does not wait.
        ([*BEGUN, called(), replied(QUIET)], "run c1 requested"),
        ([*BEGUN, called(), replied(QUIET), MESSAGE], "run c1 requested"),
        ([*BEGUN, called(), replied(QUIET), finished("c1")], "end completed"),
        ([*BEGUN, called(), replied(QUIET, text=" "), finished("c1")], "ask 2.1"),
        ([*BEGUN, called(), replied(QUIET, SECOND), finished("c1"), finished("c2")], "ask 2.1"),
        # A call, status by status.
        (ASKED, "run c1 requested"),
        ([*ASKED, requested()], "wait"),
        ([*ASKED, requested(), decided("allow_once")], "run c1 approved"),
        ([*ASKED, requested(), decided("allow_always")], "run c1 approved"),
        ([*ASKED, requested(), decided("deny")], "settle c1 denied"),
        ([*ASKED, started()], "recover c1"),
        ([*ASKED, started(), lost(asks=True)], "wait"),
        ([*ASKED, started(), lost(asks=False)], "settle c1 interrupted"),
        ([*ASKED, started(), lost(asks=True), resolved("retry")], "run c1 approved"),
        ([*ASKED, finished("c1")], "run c2 requested"),
        (BOTH, "ask 2.1"),
        ([*BOTH, called(2), failed(step=2)], "ask 2.2"),
        # What comes in between.
        ([*ASKED, PAUSED], "wait"),
        ([*ASKED, started(), PAUSED], "wait"),
        ([*ASKED, CANCELLED], "settle c1 cancelled"),
        ([*ASKED, requested(), CANCELLED], "settle c1 cancelled"),
        ([*ASKED, started(), lost(asks=True), CANCELLED], "settle c1 cancelled"),
        ([*ASKED, finished("c1"), finished("c2"), CANCELLED], "end cancelled"),
        ([*ASKED, CLOSED], "settle c1 cancelled"),
        # A person's message skips what has not begun, and nothing else.
        ([*ASKED, MESSAGE], "settle c1 skipped"),
        ([*BEGUN, called(), MESSAGE, replied(FIRST)], "settle c1 skipped"),
        ([*ASKED, message(source="cli")], "settle c1 skipped"),
        ([*ASKED, message(source="gateway")], "settle c1 skipped"),
        ([*ASKED, message(source="a later one")], "settle c1 skipped"),
        ([*ASKED, requested(), MESSAGE], "wait"),
        ([*ASKED, requested(), MESSAGE, decided("allow_once")], "run c1 approved"),
        ([*ASKED, started(), MESSAGE], "recover c1"),
        ([*ASKED, started(), MESSAGE, finished("c1")], "settle c2 skipped"),
        # The messages of machines wait for the next question.
        ([*ASKED, FROM_MACHINE], "run c1 requested"),
        ([*ASKED, message(source="agent")], "run c1 requested"),
        ([*ASKED, message(source="process")], "run c1 requested"),
        ([*BEGUN, called(), FROM_MACHINE, replied(FIRST)], "run c1 requested"),
        ([*ASKED, FROM_MACHINE, MESSAGE], "settle c1 skipped"),
        ([*ASKED, MESSAGE, FROM_MACHINE], "settle c1 skipped"),
        ([*BOTH, FROM_MACHINE], "ask 2.1"),
        ([*BEGUN, called(), FROM_MACHINE, replied(), ended("completed")], "start 4"),
    ],
)
def test_each_history_has_its_next_step(events: Sequence[Event], expected: str) -> None:
    assert told(next_step(folded(events), TurnLimits())) == expected


@pytest.mark.parametrize(
    ("events", "content"),
    [
        ([*ASKED, MESSAGE], SKIPPED),
        ([*ASKED, started(), lost(asks=False)], OUTCOME_UNKNOWN),
        ([*ASKED, requested(), decided("deny")], "The call was denied by the user."),
        ([*ASKED, CANCELLED], "The call was cancelled."),
        ([*ASKED, started(), CANCELLED], f"The call was cancelled while it ran. {MAY_HAVE_TAKEN_EFFECT}"),
        ([*ASKED, *[started(), CLAIMED] * 4], f"The call was interrupted while it ran. {MAY_HAVE_TAKEN_EFFECT}"),
    ],
)
def test_a_call_that_is_settled_says_why(events: Sequence[Event], content: str) -> None:
    step = next_step(folded(events), TurnLimits())
    assert isinstance(step, SettleCall)
    assert (step.turn, step.call.call, step.content) == ("t", "c1", content)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([*BEGUN, called(), failed("broken", retry=False, message="it broke")], "it broke"),
        ([*BEGUN, called(), replied(text=" \n", finish_reason="content_filter")], DECLINED),
        ([*BEGUN, called(), replied()], ""),
        ([*BEGUN, CANCELLED], ""),
    ],
)
def test_a_turn_that_ends_says_why(events: Sequence[Event], reason: str) -> None:
    step = next_step(folded(events), TurnLimits())
    assert isinstance(step, EndTurn)
    assert (step.turn, step.reason) == ("t", reason)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        ([failed("rate-limited", retry_after_seconds=7.5)], 7.5),
        ([failed("rate-limited", retry_after_seconds=0.0)], 0),
        ([failed()], 2),
        ([failed(), failed()], 4),
        ([failed(), failed(), failed()], 8),
        ([failed()] * 9, MAX_BACKOFF_SECONDS),
        ([failed("interrupted"), failed()], 2),
        ([failed(), failed("interrupted")], None),
        ([failed("shutdown")], None),
        ([failed("paused")], None),
    ],
)
def test_the_model_is_asked_again_after_a_pause_that_doubles(failures: list[Event], seconds: float | None) -> None:
    attempts = [event for n, failure in enumerate(failures, 1) for event in (called(attempt=n), failure)]
    state = folded([*BEGUN, *attempts])
    step = next_step(state, TurnLimits(retry_base_seconds=2))
    assert isinstance(step, AskModel)
    newest = datetime(2026, 1, 1, 0, 0, state.seq, tzinfo=UTC)
    assert step.not_before == (None if seconds is None else newest + timedelta(seconds=seconds))


def test_the_pause_begins_again_with_each_question() -> None:
    state = folded(
        [*BEGUN, called(), failed(), called(attempt=2), replied(FIRST), finished(), called(2), failed(step=2)]
    )
    step = next_step(state, TurnLimits())
    assert isinstance(step, AskModel)
    assert step.not_before == datetime(2026, 1, 1, 0, 0, state.seq + 1, tzinfo=UTC)


SPENT = replied(FIRST, usage=TokenCounts(input=90, output=10), cost_usd=0.5)


@pytest.mark.parametrize(
    ("events", "limits", "expected"),
    [
        (BOTH, TurnLimits(steps=1), "end paused max-tool-iterations"),
        (BOTH, TurnLimits(steps=2), "ask 2.1"),
        (ASKED, TurnLimits(steps=1), "run c1 requested"),
        ([*BEGUN, called(), replied()], TurnLimits(steps=1), "end completed"),
        ([*BEGUN, called(), SPENT, finished()], TurnLimits(turn=Budget(tokens=100)), "end paused turn-budget"),
        ([*BEGUN, called(), SPENT, finished()], TurnLimits(turn=Budget(tokens=101)), "ask 2.1"),
        ([*BEGUN, called(), SPENT], TurnLimits(turn=Budget(tokens=100)), "run c1 requested"),
        ([*BEGUN, called(), SPENT, finished()], TurnLimits(session=Budget(cost_usd=0.5)), "end paused session-budget"),
        ([*BEGUN, CLAIMED], TurnLimits(restarts=0), "end paused too-many-recoveries"),
        ([*BEGUN, called(), *[CLAIMED] * 4, failed("interrupted")], TurnLimits(), "end paused too-many-recoveries"),
        ([*ASKED, started(), *[CLAIMED] * 3], TurnLimits(), "recover c1"),
        ([*ASKED, started(), *[CLAIMED] * 4], TurnLimits(), "settle c1 interrupted"),
        ([*ASKED, started(), *[CLAIMED] * 4, PAUSED], TurnLimits(), "settle c1 interrupted"),
        ([*ASKED, requested(), *[CLAIMED] * 30], TurnLimits(), "wait"),
    ],
)
def test_a_turn_stops_where_its_limits_say(events: Sequence[Event], limits: TurnLimits, expected: str) -> None:
    assert told(next_step(folded(events), limits)) == expected


def test_a_turn_that_no_message_began_goes_on_all_the_same() -> None:
    state = folded([OwnerClaimed(epoch=1, node="n"), TurnStarted(turn="t", trigger=9)])
    assert told(next_step(state, TurnLimits())) == "ask 1.1"
