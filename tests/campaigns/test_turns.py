"""Turns in processes that die at every point, get a stop, are cancelled, paused and asked twice: the simulator.

What must hold is in `turns_rules.py`; what can happen in `turns_plan.py`. Time and chance are the plan's, so that a
case is always the same run.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pytest

from tests.campaigns.campaign import Campaign
from tests.campaigns.mutants.in_place import taken_out
from tests.campaigns.mutants.mutant import Mutant
from tests.campaigns.turns_mutants import MUTANTS
from tests.campaigns.turns_plan import REPLIES, Along, End, Fault, Happening, Mode, Plan, Replies, random_plan
from tests.campaigns.turns_play import played
from tests.campaigns.turns_rules import crashed_twice, model_calls, tried, turns, without_crashes
from tests.campaigns.turns_world import World

THREE_CALLS: Replies = (("look",), ("send",))
"""A turn in which the model is asked three times, with tools in between."""

SMALL = 160
"""Random plans in each of the four parts of the small run; `LONG` in each of the sixteen of the long one."""

LONG = 1_300

SEEN = frozenset(
    {"model_failed", "tool_lost", "tool_resolved", "approval_decided", "cancel_requested", "session_paused"}
    | {"session_resumed", "retry", "done", "failed", "allow_once", "allow_always", "deny"}
)
"""What happens in any few hundred random plans, or they try less than they should."""


pytestmark = pytest.mark.usefixtures("without_logging")


def _names(values: Sequence[object]) -> list[str]:
    return [str(value).translate(str.maketrans("", "", "'\"(), ")) or "none" for value in values]


# --- by chance ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shard", range(4))
def test_random_plan_keeps_every_promise(campaign: Campaign, shard: int) -> None:
    _random_plans(campaign, range(shard * SMALL, (shard + 1) * SMALL))


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(16))
def test_many_random_plans_keep_every_promise(campaign: Campaign, shard: int) -> None:
    first = 100_000 + shard * LONG
    _random_plans(campaign, range(first, first + LONG))


def _random_plans(campaign: Campaign, numbers: range) -> None:
    worlds, seen = [], set[str]()
    for number in campaign.cases(numbers):
        with campaign.case(number):
            world = tried(random_plan(number))
        worlds.append((world.lives, world.crashes, world.points))
        seen |= {event.type for event in world.events()} | set(world.answers)
    lives, crashes, points = (sum(counts) for counts in zip(*worlds, strict=True))
    print(f"\n{len(worlds)} random plans: {lives} processes, {crashes} crashes, {points} points")  # noqa: T201  # what was tried
    if campaign.only is None:
        assert len(worlds) == len(numbers)
        assert seen >= SEEN, f"never happened: {SEEN - seen}"


def test_case_is_the_same_run_each_time() -> None:
    """One with two sessions, crashes, and all that depends on who comes first."""
    for number in (5, 48):
        first, second = (played(random_plan(number))[0] for _ in range(2))
        logs = [{name: stream.lines for name, stream in world.store.streams.items()} for world in (first, second)]
        assert logs[0] == logs[1]
        assert first.points == second.points


# --- at every point -------------------------------------------------------------------------------------------------

ONCE = (((("send",),),), ((("run_asked",),),), ((("look", "pay_asked"),),), ((("send",),), (("put",),)))
"""Sessions whose process dies at every point in the small run: the last are two side by side."""


@pytest.mark.parametrize("scripts", ONCE, ids=_names(ONCE))
def test_crash_at_every_point_neither_repeats_nor_loses_anything(
    campaign: Campaign, scripts: tuple[Replies, ...]
) -> None:
    _crashed_everywhere(campaign, Plan(scripts, pieces=2))


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("takes_along", get_args(Along), ids=lambda along: along or "nothing")
@pytest.mark.parametrize("script", REPLIES, ids=_names(REPLIES))
def test_every_reply_crashed_at_every_point(
    campaign: Campaign, script: Replies, takes_along: Along, mode: Mode
) -> None:
    _crashed_everywhere(campaign, Plan((script,), takes_along=takes_along, mode=mode, pieces=2))


def _crashed_everywhere(campaign: Campaign, plan: Plan) -> None:
    points = tried(plan).points
    lives = 0
    for at in campaign.cases(range(1, points + 1)):
        with campaign.case(at):
            # As the crash comes before anything that its chance decides, the run up to it is the one without.
            lives += tried(replace(plan, ends=(End(at),))).lives
    print(f"\n{points} points, {lives} processes")  # noqa: T201  # what was tried
    assert campaign.only is not None or (points > 15 and lives > 1.8 * points)


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(8))
@pytest.mark.parametrize("script", [(("send",),), (("run_asked",),)], ids=["send", "run_asked"])
def test_two_crashes_at_every_pair_of_points(campaign: Campaign, script: Replies, shard: int) -> None:
    tries = crashed_twice(campaign, Plan((script,), pieces=1), shard)
    assert campaign.only is not None or tries > 100


@pytest.mark.parametrize("faults", [(), ((1, "silence"),)], ids=["", "while the model says nothing"])
def test_stop_at_every_point_is_bounded_and_goes_on_later(
    campaign: Campaign, faults: tuple[tuple[int, Fault], ...]
) -> None:
    plan = Plan(((("send_asked", "run"),),), faults=faults, pieces=3)
    points = tried(plan).points
    for at in campaign.cases(range(1, points + 1)):
        with campaign.case(at) as chance:
            end = End(at, chance.choice((0.0, 0.5, 60.0)), chance.choice((None, None, 1, 2, 3)))
            assert tried(replace(plan, ends=(end,), seed=0)).lives <= 2


@pytest.mark.parametrize("few_steps", [False, True], ids=["", "before it pauses"])
@pytest.mark.parametrize("calls", [("send", "send_asked"), ("run", "look")], ids="+".join)
def test_nothing_begins_behind_a_cancel_wherever_it_comes(
    campaign: Campaign, calls: tuple[str, ...], few_steps: bool
) -> None:
    plan = Plan(((calls,),), few_steps=few_steps)
    cancelled = 0
    for at in campaign.cases(range(8, tried(plan).points + 1)):
        with campaign.case(at):
            world = tried(replace(plan, happenings=(Happening(at, "cancel"),), seed=at))
        cancelled += any(event.type == "cancel_requested" for event in world.events())
    assert campaign.only is not None or cancelled > 15


@pytest.mark.parametrize("calls", [("run",), ("peek", "peek", "look")], ids="+".join)
def test_runner_that_is_killed_at_any_point_is_told_of_its_own_call(campaign: Campaign, calls: tuple[str, ...]) -> None:
    plan, lost = Plan(((calls,),)), 0
    for at in campaign.cases(range(12, tried(plan).points + 1)):
        with campaign.case(at):
            world = tried(replace(plan, lose_at=at, seed=at))
        lost += sum(event.type == "tool_lost" for event in world.events())
    assert campaign.only is not None or lost


# --- how often the model is asked -----------------------------------------------------------------------------------


def test_model_is_asked_again_only_for_what_a_crash_took(campaign: Campaign) -> None:
    _asked_again(campaign, range(70))


@pytest.mark.campaign
@pytest.mark.timeout(900)
def test_model_is_asked_again_only_for_what_a_crash_took_in_many_plans(campaign: Campaign) -> None:
    _asked_again(campaign, range(2_000))


def _asked_again(campaign: Campaign, numbers: range) -> None:
    """With `n` crashes at most `n + 1` times as often as without: one answer is lost with each crash."""
    runs: list[tuple[World, World]] = []
    for number in campaign.cases(numbers):
        with campaign.case(number) as chance:
            ends = tuple(End(chance.randrange(8, 50)) for _ in range(chance.choice((1, 1, 2, 3))))
            along = chance.choice(get_args(Along))
            plan = Plan((THREE_CALLS,), ends, along, pieces=chance.randrange(4), seed=number)
            crashed, whole = tried(plan), tried(without_crashes(plan))
            most = model_calls(whole) * (1 + crashed.crashes)
            assert model_calls(crashed) <= most, f"{model_calls(crashed)} instead of {model_calls(whole)}: {plan}"
            runs.append((crashed, whole))
    crashed_mean, whole_mean = (
        sum(model_calls(pair[side]) for pair in runs) / sum(turns(pair[side]) for pair in runs) for side in (0, 1)
    )
    crashes = sum(crashed.crashes for crashed, _ in runs)
    told = (
        f"{crashed_mean:.2f} model calls a turn with {crashes} crashes in {len(runs)} turns; {whole_mean:.2f} without"
    )
    print(f"\n{told}")  # noqa: T201  # what was tried
    assert whole_mean == 3
    assert campaign.only is not None or crashed_mean < 3 + crashes / len(runs)


# --- the simulator can fail -----------------------------------------------------------------------------------------

SILENT = Plan(((("send",),),), (End(8, 0.0),), faults=((1, "silence"),))
"""Told to stop while the model says nothing."""

CANCELLED_LATE = random_plan(443)
"""Cancelled between the last answer and the end of its turn."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_safeguard_that_is_taken_out_is_missed_within_a_hundred_runs(mutant: Mutant) -> None:
    with taken_out(mutant):
        plans = (SILENT, CANCELLED_LATE, *map(random_plan, range(98)))
        assert any(_is_noticed(plan) for plan in plans)


def _is_noticed(plan: Plan) -> bool:
    try:
        tried(plan)
    except Exception:
        # Not only what the rules say: what is broken may also break the run.
        return True
    return False
