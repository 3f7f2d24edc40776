"""Turns of an agent with a memory in processes that die: its sessions' logs, its mind's log and its files.

It is the simulator of `test_turns.py`, with long sessions that are summarised, searches before each question, and a
tool that writes a note. What must hold beside the rules of turns is in `turns_memory.py`.
"""

from dataclasses import replace

import pytest

from tests.campaigns.campaign import Campaign
from tests.campaigns.mutants.in_place import taken_out
from tests.campaigns.mutants.mutant import Mutant
from tests.campaigns.turns_mutants import OF_MEMORY
from tests.campaigns.turns_plan import LATER, End, Happening, Plan, remembering_plan
from tests.campaigns.turns_rules import crashed_twice, tried

SEEN = frozenset({"memory_recalled", "history_summarised", "model_failed", "prompt_set"})
"""What happens in any few dozen plans, or they try less than they should."""


pytestmark = pytest.mark.usefixtures("without_logging")


def _plans(campaign: Campaign, numbers: range) -> None:
    seen, crashes, points = set[str](), 0, 0
    for number in campaign.cases(numbers):
        with campaign.case(number):
            world = tried(remembering_plan(number))
        seen |= {event.type for event in world.events()}
        crashes, points = crashes + world.crashes, points + world.points
    print(f"\n{len(numbers)} plans with a memory: {crashes} crashes, {points} points")  # noqa: T201  # what was tried
    assert campaign.only is not None or seen >= SEEN, f"never happened: {SEEN - seen}"


def test_random_plan_with_a_memory_keeps_every_promise(campaign: Campaign) -> None:
    _plans(campaign, range(16))


@pytest.mark.campaign
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shard", range(8))
def test_many_random_plans_with_a_memory_keep_every_promise(campaign: Campaign, shard: int) -> None:
    _plans(campaign, range(10_000 + 400 * shard, 10_000 + 400 * (shard + 1)))


TWICE = Plan((((),),), happenings=(Happening(LATER, "message"),), remembers=True)
"""Two turns, each of which writes a note."""


def test_crash_at_points_of_both_logs_and_of_the_files(campaign: Campaign) -> None:
    _crashed(campaign, step=4)


@pytest.mark.campaign
@pytest.mark.timeout(1800)
def test_crash_at_every_point_of_both_logs_and_of_the_files(campaign: Campaign) -> None:
    _crashed(campaign, step=1)


def _crashed(campaign: Campaign, step: int) -> None:
    points = tried(TWICE).points
    lives = 0
    for at in campaign.cases(range(1, points + 1, step)):
        with campaign.case(at):
            lives += tried(replace(TWICE, ends=(End(at),))).lives
    assert campaign.only is not None or (points > 60 and lives > 1.8 * (points // step))


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("shard", range(8))
def test_two_crashes_at_every_pair_of_points_of_both_logs(campaign: Campaign, shard: int) -> None:
    tries = crashed_twice(campaign, replace(TWICE, happenings=()), shard)
    assert campaign.only is not None or tries > 150


@pytest.mark.parametrize("mutant", OF_MEMORY, ids=lambda mutant: mutant.name)
def test_safeguard_that_is_taken_out_is_missed(mutant: Mutant) -> None:
    points = tried(TWICE).points
    with taken_out(mutant):
        assert any(_is_noticed(replace(TWICE, ends=(End(at),))) for at in range(points // 4, points + 1))


def _is_noticed(plan: Plan) -> bool:
    try:
        tried(plan)
    except Exception:
        # Not only what the rules say: what is broken may also break the run.
        return True
    return False
