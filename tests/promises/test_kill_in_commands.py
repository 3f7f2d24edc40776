"""kill -9 around commands: before, during and after, around a decision, twice in a row. Promises 2, 3 and 6."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hands import Hands, make_hands, whole

REPLIES = (["./do a1"], ["./do b1", "./ask b2"], ["./do c1", "./ask c2", "./do c3", "./ask c4", "./do c5"])
"""One, two and five calls in a reply; three sessions at once, so that a kill finds each somewhere else."""


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    hands = make_hands(tmp_path)
    yield hands
    hands.server.stop()


async def _lives(hands: Hands, points: list[str]) -> None:
    """Serve, and be killed at each point, one server after the other; the last one lives."""
    hands.server.start({"DURAGENT_CRASHPOINT": points[0]})
    for point in [*points[1:], ""]:
        await hands.server.wait_until_dead()
        hands.server.start({"DURAGENT_CRASHPOINT": point} if point else {})


async def _killed_at(hands: Hands, points: list[str]) -> int:
    """The turns of three sessions, with a kill at each of the points if it is ever passed. How often it was killed."""
    serving = asyncio.ensure_future(_lives(hands, points))
    async with hands.server.client() as client:
        sessions = [await hands.say(client, *commands) for commands in REPLIES]
        await hands.settle(client, sessions)
    serving.cancel()
    assert hands.count() == Counter(word.split()[1] for commands in REPLIES for word in commands)
    for session, commands in zip(sessions, REPLIES, strict=True):
        whole(hands, session, commands)
    return hands.server.starts - 1


@pytest.mark.parametrize(
    "points",
    [
        ["tool.started:1", "tool.started:1"],
        ["log.synced:20", "log.written:3"],
    ],
    ids=lambda points: "+".join(points),
)
async def test_killed_at_two_points_in_a_row_each_command_runs_once(hands: Hands, points: list[str]) -> None:
    assert await _killed_at(hands, points) == 2


@pytest.mark.campaign
@pytest.mark.parametrize("second", ["tool.started:1", "log.written:3", "tool.ran:1"])
@pytest.mark.parametrize("nth", range(1, 9))
@pytest.mark.parametrize("point", ["tool.started", "spool.made", "spool.spawned", "tool.ran", "tool.finished"])
async def test_killed_at_every_point_of_a_call(hands: Hands, point: str, nth: int, second: str) -> None:
    assert await _killed_at(hands, [f"{point}:{nth}", second]) >= 1


@pytest.mark.campaign
@pytest.mark.parametrize("nth", range(8, 44))
@pytest.mark.parametrize("point", ["log.before_write", "log.written", "log.synced"])
async def test_killed_at_every_write(hands: Hands, point: str, nth: int) -> None:
    await _killed_at(hands, [f"{point}:{nth}", f"{point}:{nth % 5 + 1}"])
