"""What comes of a call that was started when its process dies, or its runner does: by its effect class, or a person."""

from dataclasses import replace

import pytest

from duragent.errors import RunnerLost
from duragent.journal.events import ToolFinished, ToolLost, ToolResolved, ToolStarted
from duragent.process.base import Finished
from duragent.sandboxes.base import Command
from tests.campaigns.turns_plan import End, Mode, Plan
from tests.campaigns.turns_rules import tried
from tests.campaigns.turns_world import FakeCommands, World


def _crashed_behind_the_effect(tool: str, mode: Mode = "ask", answer: str = "") -> World:
    """The process dies when the tool has taken effect and before it could say so; a person gives the answer."""
    for seed in range(20):
        plan = Plan((((tool,),),), mode=mode, seed=seed)
        for at in range(14, 27):
            world = tried(replace(plan, ends=(End(at),)))
            lost = any(isinstance(event, ToolLost) for event in world.events())
            if lost and world.effects and world.answers == ([answer] if answer else []):
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
def test_effect_class_decides_when_nobody_is_asked(tool: str, mode: Mode, attempts: int, outcome: str) -> None:
    world = _crashed_behind_the_effect(tool, mode)
    events = world.events()
    assert [event.attempt for event in events if isinstance(event, ToolStarted)] == list(range(1, attempts + 1))
    [result] = [event for event in events if isinstance(event, ToolFinished)]
    assert result.outcome == outcome
    assert result.content.startswith("OUTCOME UNKNOWN") == (outcome == "interrupted")
    assert not any(event.asks for event in events if isinstance(event, ToolLost))
    assert world.answers == []


@pytest.mark.parametrize(("answer", "attempts"), [("retry", 2), ("done", 1), ("failed", 1)])
def test_person_decides_about_an_unsafe_call_that_may_have_run(answer: str, attempts: int) -> None:
    world = _crashed_behind_the_effect("send", answer=answer)
    events = world.events()
    assert [event.asks for event in events if isinstance(event, ToolLost)] == [True]
    [resolved] = [event for event in events if isinstance(event, ToolResolved)]
    assert resolved.resolution == answer
    assert resolved.by in ("a person", "another person")
    assert len([event for event in events if isinstance(event, ToolStarted)]) == attempts


def test_command_whose_runner_dies_each_time_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(self: FakeCommands, command: Command, *, timeout_seconds: float) -> Finished:
        raise RunnerLost("its runner is gone")

    monkeypatch.setattr(FakeCommands, "run", run)
    events = tried(Plan(((("peek",),),))).events()
    assert [event.attempt for event in events if isinstance(event, ToolStarted)] == [1, 2, 3, 4]
    assert [event.outcome for event in events if isinstance(event, ToolFinished)] == ["interrupted"]
