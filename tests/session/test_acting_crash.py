"""Tool calls in a process that dies at every point, twice in a row too: nothing twice, nothing lost, nobody waits."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from duragent.errors import RunnerLost
from duragent.journal.events import CancelRequested, ToolFinished, ToolLost, ToolResolved, ToolStarted
from duragent.process.base import Finished
from duragent.sandboxes.base import Command
from tests.session.crash_rules import problems
from tests.session.crashing import Along, FakeCommands, Mode, Plan, World, play, prepare

REPLIES = (
    ("look",),
    ("put",),
    ("send",),
    ("pay",),
    ("run",),
    ("send_asked",),
    ("run_asked",),
    ("look", "send"),
    ("run", "pay_asked"),
    ("look_asked", "look"),
    ("peek", "peek"),
    ("peek", "look", "peek", "run", "send"),
    ("look", "look", "put", "send", "run_asked"),
    ("run_asked", "look", "look", "send", "pay_asked"),
    ("look", "put", "send_asked", "pay", "run"),
)
"""What the model asks for in one reply: one, two and five calls of every effect class."""


async def _tried(plan: Plan, folder: Path) -> World:
    world = await play(plan, folder)
    found = problems(world)
    assert not found, f"{plan}\n{found}\n{[event.type for event in world.events()]}"
    return world


@pytest.mark.parametrize("calls", [("send",), ("run_asked",), ("look", "pay_asked")], ids="+".join)
async def test_a_crash_at_every_point_neither_repeats_nor_loses_a_call(tmp_path: Path, calls: tuple[str, ...]) -> None:
    folder = prepare(tmp_path)
    points = (await _tried(Plan(calls), folder)).points
    assert points > 20
    worlds = [await _tried(Plan(calls, (at,), seed=at), folder) for at in range(1, points + 1)]
    assert sum(world.lives for world in worlds) > 1.8 * points


async def test_two_crashes_in_a_row_with_messages_and_cancels_in_between(tmp_path: Path) -> None:
    folder = prepare(tmp_path)
    seen: set[str] = set()
    for plan in _plans(random.Random(7), 120, "ask"):
        world = await _tried(plan, folder)
        seen |= {event.type for event in world.events()} | set(world.answers)
    assert {"tool_lost", "tool_resolved", "approval_decided", "cancel_requested", "retry", "done", "failed"} <= seen


@pytest.mark.parametrize("calls", [("send", "send_asked"), ("run", "look")], ids="+".join)
async def test_nothing_begins_behind_a_cancel_wherever_it_comes(tmp_path: Path, calls: tuple[str, ...]) -> None:
    folder, cancelled = prepare(tmp_path), 0
    for at in range(1, (await _tried(Plan(calls), folder)).points + 1):
        world = await _tried(Plan(calls, cancel_at=at), folder)
        cancelled += any(isinstance(event, CancelRequested) for event in world.events())
    assert cancelled > 20


@pytest.mark.parametrize("calls", [("run",), ("peek", "peek", "look")], ids="+".join)
async def test_a_runner_that_is_killed_at_any_point_is_told_of_its_own_call(
    tmp_path: Path, calls: tuple[str, ...]
) -> None:
    folder, lost = prepare(tmp_path), 0
    for at in range(12, (await _tried(Plan(calls), folder)).points + 1):
        world = await _tried(Plan(calls, lose_at=at, seed=at), folder)
        lost += sum(isinstance(event, ToolLost) for event in world.events())
    assert lost


async def test_a_command_whose_runner_dies_each_time_is_not_tried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(self: FakeCommands, command: Command, *, timeout_seconds: float) -> Finished:
        raise RunnerLost("its runner is gone")

    monkeypatch.setattr(FakeCommands, "run", run)
    events = (await _tried(Plan(("peek",)), prepare(tmp_path))).events()
    assert [event.attempt for event in events if isinstance(event, ToolStarted)] == [1, 2, 3, 4]
    assert [event.outcome for event in events if isinstance(event, ToolFinished)] == ["interrupted"]


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", ["ask", "dangerous"])
@pytest.mark.parametrize("takes_along", ["", "runners", "spool"])
async def test_every_reply_crashed_at_every_point(tmp_path: Path, mode: Mode, takes_along: Along) -> None:
    folder, runs = prepare(tmp_path, mode), 0
    for calls in REPLIES:
        points = (await _tried(Plan(calls, mode=mode), folder)).points
        for at in range(1, points + 1):
            await _tried(Plan(calls, (at,), takes_along, mode=mode, seed=at), folder)
            runs += 1
    assert runs > 300


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(4))
async def test_crashes_in_pairs_and_threes(tmp_path: Path, seed: int) -> None:
    for mode in get_args(Mode):
        folder = prepare(tmp_path / mode, mode)
        for plan in _plans(random.Random(f"{mode}{seed}"), 500, mode):
            await _tried(plan, folder)


def _plans(chance: random.Random, count: int, mode: Mode) -> Iterator[Plan]:
    """Plans with one to three crashes; sometimes somebody writes, sometimes somebody cancels."""
    for number in range(count):
        yield Plan(
            calls=chance.choice(REPLIES),
            crashes=tuple(chance.randrange(1, 45) for _ in range(chance.choice((1, 2, 2, 3)))),
            takes_along=chance.choice(get_args(Along)),
            message_at=chance.choice((None, chance.randrange(1, 60))),
            cancel_at=chance.choice((None, None, chance.randrange(1, 60))),
            lose_at=chance.choice((None, None, chance.randrange(14, 40))),
            mode=mode,
            seed=number,
        )


# --- what comes of a call that was started ----------------------------------------------------------------------------


async def _crashed_behind_the_effect(folder: Path, tool: str, mode: Mode = "ask", seed: int = 0) -> World:
    """The process dies when the tool has taken effect, and before it could say so."""
    points = (await play(Plan((tool,), mode=mode), folder)).points
    for at in range(1, points + 1):
        world = await _tried(Plan((tool,), (at,), mode=mode, seed=seed), folder)
        kinds = [event.type for event in world.events()]
        if "tool_lost" in kinds and world.effects:
            return world
    raise AssertionError(f"{tool} was never lost")


@pytest.mark.parametrize(
    ("tool", "mode", "attempts", "outcome"),
    [
        ("look", "ask", 2, "ok"),
        ("put", "ask", 2, "ok"),
        ("pay", "ask", 1, "interrupted"),
        ("pay", "dangerous", 1, "interrupted"),
        ("send", "dangerous", 1, "interrupted"),
    ],
)
async def test_the_effect_class_decides_when_nobody_is_asked(
    tmp_path: Path, tool: str, mode: Mode, attempts: int, outcome: str
) -> None:
    world = await _crashed_behind_the_effect(prepare(tmp_path, mode), tool, mode)
    events = world.events()
    assert [event.attempt for event in events if isinstance(event, ToolStarted)] == list(range(1, attempts + 1))
    [result] = [event for event in events if isinstance(event, ToolFinished)]
    assert result.outcome == outcome
    assert result.content.startswith("OUTCOME UNKNOWN") == (outcome == "interrupted")
    assert not any(event.asks for event in events if isinstance(event, ToolLost))
    assert world.answers == []


@pytest.mark.parametrize(("answer", "attempts"), [("retry", 2), ("done", 1), ("failed", 1)])
async def test_a_person_decides_about_an_unsafe_call_that_may_have_run(
    tmp_path: Path, answer: str, attempts: int
) -> None:
    folder = prepare(tmp_path)
    for seed in range(20):
        world = await _crashed_behind_the_effect(folder, "send", seed=seed)
        if world.answers == [answer]:
            break
    events = world.events()
    assert [event.asks for event in events if isinstance(event, ToolLost)] == [True]
    assert [(each.resolution, each.by) for each in events if isinstance(each, ToolResolved)] == [(answer, "a person")]
    assert len([event for event in events if isinstance(event, ToolStarted)]) == attempts
