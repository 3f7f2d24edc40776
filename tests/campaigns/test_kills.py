"""Campaign: the real server is killed, stopped and frozen at every named point, while clients use everything.

A story is a case: from its number follow the order of its ends and what happens between them. Promises 1 to 6, 8, 11.
"""

import itertools
import random
import re
import time
from pathlib import Path

import pytest

from tests.campaigns.campaign import Campaign
from tests.campaigns.kills_points import BEHIND, HITS, ONCE, WAYS, Hit, points, story_of
from tests.campaigns.kills_server import Action
from tests.campaigns.kills_story import Story
from tests.campaigns.kills_truth import must_hold
from tests.campaigns.kills_world import make_world

RECOVERING = ("recovery.synced", "log.folded", "log.before_write", "log.written", "log.synced", "commit.stored")
"""What a server passes while it picks up what another one left."""

ACTIONS: tuple[Action, ...] = ("term", "freeze")


async def told(folder: Path, hits: list[Hit], chance: random.Random, *, any_order: bool = False) -> None:
    world = make_world(folder, chance)
    story = Story(world, hits, any_order)
    began = time.monotonic()
    try:
        await story.run()
    finally:
        world.stop()
        print(f"{len(story.reached)} lives, {world.rounds} rounds, {time.monotonic() - began:.0f} s:", *story.reached)  # noqa: T201
    must_hold(world)


def test_points_have_names_of_one_kind_and_what_is_said_of_them_is_about_points_that_exist() -> None:
    found = points()
    assert [name for name in found if not re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", name)] == []
    assert {*WAYS, *BEHIND, *BEHIND.values()} - set(found) == set()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("third", [0, *(pytest.param(each, marks=pytest.mark.campaign) for each in (1, 2))])
async def test_server_that_is_killed_at_each_point_keeps_what_it_promised(
    tmp_path: Path, campaign: Campaign, third: int
) -> None:
    for number in campaign.cases([third + 1]):
        with campaign.case(number) as chance:
            hits = story_of([Hit(point) for point in points()[third::3]], chance)
            await told(tmp_path, hits, chance, any_order=True)


@pytest.mark.timeout(900)
async def test_server_that_is_asked_to_end_or_is_stopped_for_a_moment_loses_nothing(
    tmp_path: Path, campaign: Campaign
) -> None:
    for number in campaign.cases([1]):
        with campaign.case(number) as chance:
            phases = ("log.folded", "log.written", "model.called", "tool.started", "spool.spawned", "model.heard")
            hits = [Hit(point, action="term") for point in phases] + [Hit("partial.kept", 2, "freeze")]
            await told(tmp_path, hits, chance, any_order=True)


def stories(point: str, chance: random.Random) -> list[list[Hit]]:
    """All ends at this point, each followed by one in the recovery from it."""
    kills = [Hit(point, nth) for nth in HITS if nth == 1 or point not in ONCE]
    # Where the disk fails, or a person meddles, clients are refused unless the server dies before it tells them.
    others = [Hit(point, action=action) for action in ACTIONS if Hit(point).way in ("run", "torn")]
    if Hit(point).way == "first start":
        return [[Hit(point, action=action), Hit("log.folded")] for action in ("kill", *ACTIONS)]
    before = [Hit(BEHIND[point])] if point in BEHIND else []
    again = (Hit(chance.choice(RECOVERING), chance.randint(1, 2)) for _ in itertools.count())
    return [[each for hit in (*kills, *others) for each in (*before, hit, next(again))]]


@pytest.mark.campaign
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("point", points())
async def test_every_end_at_a_point_and_a_second_one_in_the_recovery_from_it(
    tmp_path: Path, campaign: Campaign, point: str
) -> None:
    for number in campaign.cases([points().index(point)]):
        with campaign.case(number) as chance:
            for at, hits in enumerate(stories(point, chance)):
                (folder := tmp_path / str(at)).mkdir()
                await told(folder, hits, chance)
