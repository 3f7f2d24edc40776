"""How often a turn is recovered, and what the attempts that were lost on the way may have cost. Pure."""

import math
import random

import pytest

from duragent.journal.apply import reduce
from duragent.journal.events import (
    Call,
    Event,
    MessageReceived,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    OwnerClaimed,
    TokenCounts,
    ToolFinished,
    ToolStarted,
    TurnStarted,
)
from duragent.journal.limits import Budget, TurnLimits
from duragent.journal.next_step import AskModel, EndTurn, RecoverCall, RunTool, SettleModel, next_step
from duragent.journal.record import Record
from duragent.journal.state import SessionState

TS = "2026-01-01T00:00:00.000Z"
CALL = Call(call="call_1", tool="bash", arguments="{}")


class Story:
    """A log that servers write who die; `dies` is one life with what it left of an answer."""

    def __init__(self, limits: TurnLimits | None = None) -> None:
        self.limits = limits or TurnLimits()
        self.events: list[Event] = [
            OwnerClaimed(epoch=1, node="n"),
            MessageReceived(message_id="m", text="hi"),
            TurnStarted(turn="t", trigger=2),
        ]
        self.step, self.attempt, self.epoch = 1, 0, 1

    @property
    def state(self) -> SessionState:
        return reduce(SessionState("s"), (Record(seq, TS, event) for seq, event in enumerate(self.events, 1)))

    @property
    def now(self) -> object:
        return next_step(self.state, self.limits)

    @property
    def paused(self) -> bool:
        return isinstance(self.now, EndTurn) and self.now.code == "too-many-recoveries"

    def asked(self) -> None:
        self.attempt += 1
        reserved = {"estimated_tokens": 100, "reserved_tokens": 1_100, "reserved_usd": 0.5}
        place = {"turn": "t", "step": self.step, "attempt": self.attempt, "epoch": self.epoch}
        self.events.append(ModelCalled.model_validate(place | reserved | {"model": "m", "input_seq": 3}))

    def claimed(self) -> None:
        self.epoch += 1
        self.events.append(OwnerClaimed(epoch=self.epoch, node="n"))

    def failed(self, error: str, partial: str = "", reasoning: str = "") -> None:
        assert self.state.turn is not None
        asking = self.state.turn.asking
        assert asking is not None
        failed = ModelFailed(turn="t", step=self.step, attempt=self.attempt, error=error, retry=True)
        texts = {"partial_text": partial, "partial_reasoning": reasoning}
        possible = {"possible_tokens": asking.reserved_tokens, "possible_usd": asking.reserved_usd}
        self.events.append(failed.model_copy(update=texts | possible))

    def dies(self, partial: str = "", reasoning: str = "") -> None:
        """Ask, die, and let the next server find out."""
        self.asked()
        self.claimed()
        assert isinstance(self.now, SettleModel)
        self.failed("interrupted", partial, reasoning)

    def replies(self, *calls: Call) -> None:
        self.asked()
        usage = TokenCounts(input=100, output=10)
        self.events.append(ModelReplied(message_id="a", turn="t", step=self.step, calls=calls, usage=usage))
        self.step, self.attempt = self.step + 1, 0


@pytest.mark.parametrize(
    ("lives", "paused"),
    [
        ([""] * 3, False),
        ([""] * 4, True),
        (["one"] * 4, False),
        (["one", "one two", "one", "one two three", "o"], False),
        (["one"] * 20, False),
        (["one"] * 21, True),
        (["one", "", "", "", "one", "", "", ""], False),
        (["one", "", "", "", ""], True),
        (["one" * n for n in range(1, 22)], True),
        (["", "", "", "reply", "", "", ""], False),
        ([*["one"] * 20, "reply", *["one"] * 20], False),
        ([*["one"] * 20, "reply", *["one"] * 21], True),
        (["", "", "", "thought", "", "", ""], False),
    ],
)
def test_turn_pauses_by_lack_of_progress_and_not_by_count_alone(lives: list[str], paused: bool) -> None:
    story = Story()
    for life in lives:
        assert isinstance(story.now, AskModel), "it paused before"
        if life == "reply":
            story.replies(CALL)
            story.events.append(ToolFinished(turn="t", call="call_1", outcome="ok"))
        elif life == "thought":
            story.dies(reasoning="hm")
        else:
            story.dies(life)
    assert story.paused is paused


def test_storm_of_kills_in_which_each_life_shows_words_pauses_hardly_any_turn() -> None:
    """A life ends at a random moment, on the average before an answer is whole: 56 of 100 do not get there."""
    chance, paused, turns = random.Random(7), 0, 300
    for _ in range(turns):
        story = Story()
        while (lived := chance.expovariate(-math.log(0.44))) < 1 and not story.paused:
            story.dies("word " * int(10 * lived))
        paused += story.paused
    # By the count of kills alone, as it was once, it were 30.
    assert paused <= 1


def test_lives_that_die_in_a_call_pause_the_turn_and_a_finished_call_is_progress() -> None:
    story = Story()
    story.replies(CALL, CALL.model_copy(update={"call": "call_2"}))
    story.events.append(ToolStarted(turn="t", call="call_1", tool="bash", epoch=1))
    for _ in range(3):
        story.claimed()
        assert isinstance(story.now, RecoverCall)
    story.events.append(ToolFinished(turn="t", call="call_1", outcome="ok"))
    for _ in range(3):
        story.claimed()
        assert isinstance(story.now, RunTool)
    story.events.append(ToolStarted(turn="t", call="call_2", tool="bash", epoch=story.epoch))
    for _ in range(4):
        story.claimed()
    assert story.state.turn is not None
    assert story.state.turn.recoveries == 4


@pytest.mark.parametrize(
    ("error", "partial", "counts"),
    [
        ("interrupted", "", True),
        ("shutdown", "", True),
        ("paused", "", True),
        ("cancelled", "one", True),
        ("model-timeout", "", True),
        ("model-unavailable", "one", True),
        ("model-unavailable", "", False),
        ("rate-limited", "", False),
        ("authentication-failed", "", False),
    ],
)
def test_attempt_that_may_have_been_charged_for_is_counted_beside_the_exact_totals(
    error: str, partial: str, counts: bool
) -> None:
    story = Story()
    story.asked()
    failed = ModelFailed(turn="t", step=1, attempt=1, error=error, partial_text=partial)
    story.events.append(failed.model_copy(update={"possible_tokens": 1_100, "possible_usd": 0.5} if counts else {}))
    totals = story.state.totals
    assert (totals.unknown_attempts, totals.unknown_tokens, totals.unknown_usd) == (
        (1, 1_100, 0.5) if counts else (0, 0, 0.0)
    )
    assert (totals.input_tokens, totals.output_tokens, totals.cost_usd, totals.unpriced) == (0, 0, 0.0, 0)


@pytest.mark.parametrize(
    ("limits", "lives", "code"),
    [
        (TurnLimits(turn=Budget(tokens=3_000)), 2, ""),
        (TurnLimits(turn=Budget(tokens=3_000)), 3, "turn-budget"),
        (TurnLimits(turn=Budget(cost_usd=1.0)), 1, ""),
        (TurnLimits(turn=Budget(cost_usd=1.0)), 2, "turn-budget"),
        (TurnLimits(session=Budget(tokens=3_000)), 3, "session-budget"),
        (TurnLimits(session=Budget(cost_usd=1.0)), 2, "session-budget"),
    ],
)
def test_lost_attempts_count_in_budgets_with_what_was_reserved_for_them(
    limits: TurnLimits, lives: int, code: str
) -> None:
    story = Story(limits)
    for _ in range(lives):
        assert isinstance(story.now, AskModel), "it ended before"
        story.dies("words")
    now = story.now
    assert (now.code if isinstance(now, EndTurn) else "") == code
