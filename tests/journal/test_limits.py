"""How far a turn may go: budgets, steps, repetition, and how often servers may die in it."""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

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
from duragent.journal.limits import NUDGE_AT, PAUSE_AT, Budget, TurnLimits, exceeded, recovered_too_often
from duragent.journal.next_step import AskModel, EndTurn, RecoverCall, RunTool, SettleModel, next_step
from duragent.journal.record import Record
from duragent.journal.state import ModelAttempt, OpenTurn, SessionState, Totals

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


# --- the pure functions, with states made by hand -------------------------------------------------------------------

REPLIED = ModelAttempt(3, 1, 1, 5, status="replied")


def standing(
    *, worked_seconds: float = 0.0, totals: Totals | None = None, **turn: Any
) -> tuple[SessionState, OpenTurn]:
    """A session at a moment so long after its turn began, and the turn."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=worked_seconds + turn.get("idle_seconds", 0.0))
    opened = OpenTurn("t", 1, started_at=TS, **turn)
    return SessionState("s", updated_at=now.isoformat(), turn=opened, totals=totals or Totals()), opened


@pytest.mark.parametrize(
    ("used", "limits", "code", "words"),
    [
        # Tokens of the turn: known ones, what attempts of unknown end may have used, and both together.
        ({"tokens": 99}, TurnLimits(turn=Budget(tokens=100)), "", ""),
        ({"tokens": 100}, TurnLimits(turn=Budget(tokens=100)), "turn-budget", "100 of 100 tokens"),
        ({"unknown_tokens": 100}, TurnLimits(turn=Budget(tokens=100)), "turn-budget", "100 of 100 tokens"),
        ({"tokens": 60, "unknown_tokens": 40}, TurnLimits(turn=Budget(tokens=100)), "turn-budget", "100 of 100"),
        ({"tokens": 60, "unknown_tokens": 39}, TurnLimits(turn=Budget(tokens=100)), "", ""),
        ({"tokens": 12_345}, TurnLimits(turn=Budget(tokens=1)), "turn-budget", "12,345 of 1 tokens"),
        # Money of the turn.
        ({"cost_usd": 0.99}, TurnLimits(turn=Budget(cost_usd=1.0)), "", ""),
        ({"cost_usd": 1.0}, TurnLimits(turn=Budget(cost_usd=1.0)), "turn-budget", "$1.0000 of $1"),
        ({"unknown_usd": 1.0}, TurnLimits(turn=Budget(cost_usd=1.0)), "turn-budget", "$1.0000 of $1"),
        ({"cost_usd": 0.5, "unknown_usd": 0.5}, TurnLimits(turn=Budget(cost_usd=1.0)), "turn-budget", "$1.0000 of $1"),
        ({"cost_usd": 0.5, "unknown_usd": 0.4}, TurnLimits(turn=Budget(cost_usd=1.0)), "", ""),
        # Time of the turn, without what it waited for people.
        ({"worked_seconds": 59.0}, TurnLimits(turn=Budget(seconds=60)), "", ""),
        ({"worked_seconds": 60.0}, TurnLimits(turn=Budget(seconds=60)), "turn-budget", "60 of 60 seconds"),
        ({"worked_seconds": 59.0, "idle_seconds": 900.0}, TurnLimits(turn=Budget(seconds=60)), "", ""),
        ({"worked_seconds": 60.0, "idle_seconds": 900.0}, TurnLimits(turn=Budget(seconds=60)), "turn-budget", "60 of"),
        # Tokens of the session, in and out.
        ({"totals": Totals(input_tokens=99)}, TurnLimits(session=Budget(tokens=100)), "", ""),
        ({"totals": Totals(input_tokens=100)}, TurnLimits(session=Budget(tokens=100)), "session-budget", "100 of 100"),
        ({"totals": Totals(output_tokens=100)}, TurnLimits(session=Budget(tokens=100)), "session-budget", "100 of"),
        (
            {"totals": Totals(unknown_tokens=100)},
            TurnLimits(session=Budget(tokens=100)),
            "session-budget",
            "100 of 100",
        ),
        (
            {"totals": Totals(input_tokens=50, output_tokens=20, unknown_tokens=30)},
            TurnLimits(session=Budget(tokens=100)),
            "session-budget",
            "100 of 100 tokens; raise spec.session.session_budget to go on",
        ),
        (
            {"totals": Totals(input_tokens=50, output_tokens=20, cached_input_tokens=50, reasoning_tokens=20)},
            TurnLimits(session=Budget(tokens=100)),
            "",
            "",
        ),
        # Money of the session.
        ({"totals": Totals(cost_usd=1.0)}, TurnLimits(session=Budget(cost_usd=1.0)), "session-budget", "$1.0000 of $1"),
        ({"totals": Totals(unknown_usd=1.0)}, TurnLimits(session=Budget(cost_usd=1.0)), "session-budget", "$1.0000"),
        (
            {"totals": Totals(cost_usd=0.7, unknown_usd=0.3)},
            TurnLimits(session=Budget(cost_usd=1.0)),
            "session-budget",
            "$1.0000 of $1",
        ),
        ({"totals": Totals(cost_usd=0.7, unknown_usd=0.2)}, TurnLimits(session=Budget(cost_usd=1.0)), "", ""),
        # A budget of the one does not count what the other used.
        ({"totals": Totals(input_tokens=100, cost_usd=9.0)}, TurnLimits(turn=Budget(tokens=1, cost_usd=1.0)), "", ""),
        ({"tokens": 100, "cost_usd": 9.0}, TurnLimits(session=Budget(tokens=1, cost_usd=1.0)), "", ""),
        # The turn's own budget is named before the session's.
        (
            {"tokens": 5, "totals": Totals(input_tokens=5)},
            TurnLimits(turn=Budget(tokens=5), session=Budget(tokens=5)),
            "turn-budget",
            "5 of 5 tokens",
        ),
        # Steps, and repetition.
        ({"asking": REPLIED}, TurnLimits(steps=4), "", ""),
        ({"asking": REPLIED}, TurnLimits(steps=3), "max-tool-iterations", "asked for tools 3 times"),
        ({"asking": replace(REPLIED, status="failed")}, TurnLimits(steps=3), "", ""),
        ({"asking": REPLIED, "repeats": (("a", PAUSE_AT - 1), ("b", NUDGE_AT))}, TurnLimits(), "", ""),
        ({"asking": REPLIED, "repeats": (("a", 1), ("b", PAUSE_AT))}, TurnLimits(), "loop-detected", "the same result"),
        ({"asking": None, "repeats": (("b", PAUSE_AT),)}, TurnLimits(), "", ""),
        # Without limits.
        ({"tokens": 10**9, "cost_usd": 10.0**6, "worked_seconds": 10.0**6}, TurnLimits(), "", ""),
    ],
)
def test_each_budget_counts_what_was_used_and_what_may_have_been(
    used: dict[str, Any], limits: TurnLimits, code: str, words: str
) -> None:
    found = exceeded(*standing(**used), limits)
    assert (found[0] if found else "") == code
    assert words in (found[1] if found else "")


@pytest.mark.parametrize(("started_at", "now"), [("", TS), ("yesterday", TS), (TS, ""), ("2026-01-01T00:00:00", TS)])
def test_turn_whose_times_are_not_known_has_used_no_time(started_at: str, now: str) -> None:
    turn = OpenTurn("t", 1, started_at=started_at)
    state = SessionState("s", updated_at=now, turn=turn)
    assert exceeded(state, turn, TurnLimits(turn=Budget(seconds=1))) is None


@pytest.mark.parametrize(
    ("recoveries", "restarts", "words"),
    [
        (3, 20, ""),
        (4, 4, "the server stopped 4 times in this turn without progress; send a message to go on"),
        (0, 21, "the server stopped 21 times before the answer was whole; send a message to go on"),
    ],
)
def test_servers_may_die_so_often_in_a_turn(recoveries: int, restarts: int, words: str) -> None:
    turn = OpenTurn("t", 1, recoveries=recoveries, restarts=restarts)
    assert (recovered_too_often(turn, TurnLimits()) or "") == words
