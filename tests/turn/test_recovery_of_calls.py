"""What comes of a call that was started when its process dies, or its runner does: by its effect class, or a person."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from duragent.errors import RunnerLost
from duragent.journal.events import (
    EffectClass,
    ToolFinished,
    ToolLost,
    ToolResolved,
    ToolStarted,
)
from duragent.journal.inputs import Cancel
from duragent.journal.next_step import MAY_HAVE_TAKEN_EFFECT, OUTCOME_UNKNOWN
from duragent.testing import ScriptedModel
from duragent.tools.base import ToolContext
from tests.campaigns.turns_plan import End, Mode, Plan
from tests.campaigns.turns_rules import tried
from tests.campaigns.turns_world import World
from tests.support.house import House, open_house
from tests.support.probes import DO_IT, Deed, Watched, for_ever, given, nothing, of_kind
from tests.support.tool_calls import BASH, bash
from tests.support.until import until


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


def test_command_whose_runner_dies_each_time_is_not_tried_for_ever() -> None:
    events = tried(Plan(((("peek",),),), runners_die=True)).events()
    assert [event.attempt for event in events if isinstance(event, ToolStarted)] == [1, 2, 3, 4]
    assert [event.outcome for event in events if isinstance(event, ToolFinished)] == ["interrupted"]


async def killed_while_it_runs(effect: EffectClass, tmp_path: Path) -> Watched:
    """The store of a process that died while the tool ran."""
    store, deed = Watched(), Deed(effect, for_ever)
    async with open_house(store, ScriptedModel([DO_IT]), tmp_path, workbench=given(tmp_path, deed)) as house:
        await house.say(await house.new(), "go")
        await until(lambda: asyncio.sleep(0, deed.runs == 1))
        store.dead = True
    store.dead = False
    return store


@pytest.mark.parametrize("effect", get_args(EffectClass))
async def test_call_that_may_have_run_is_not_run_again_unless_it_may_be(tmp_path: Path, effect: EffectClass) -> None:
    store = await killed_while_it_runs(effect, tmp_path)
    deed = Deed(effect, nothing)
    workbench = given(tmp_path, deed, "ask")
    async with open_house(store, ScriptedModel(["done"]), tmp_path, node="node-2", workbench=workbench) as house:
        session = store.only_id()
        await house.sessions.state(session)
        await until(lambda: _at_rest(house, session))
        lost, finished = of_kind(store.stored(), ToolLost), of_kind(store.stored(), ToolFinished)
        asks, retries = (await house.sessions.state(session)).asks, len(of_kind(store.stored(), ToolResolved))
        ended = [(each.outcome, each.content) for each in finished]
        assert (len(lost), asks is not None) == (1, effect == "unsafe")
        if effect == "unsafe":
            assert (deed.runs, retries, ended) == (0, 0, [])
        elif effect == "never":
            assert (deed.runs, retries, ended) == (0, 0, [("interrupted", OUTCOME_UNKNOWN)])
        else:
            assert (deed.runs, retries, ended) == (1, 1, [("ok", "done")])


async def _at_rest(house: House, session: str) -> bool:
    state = await house.sessions.state(session)
    return not state.has_work


async def test_call_that_is_lost_each_time_is_not_tried_for_ever(tmp_path: Path) -> None:
    deed = Deed("pure", nothing)

    async def lose(context: ToolContext) -> None:
        if deed.runs < 10:
            raise RunnerLost("its runner is gone")

    deed._does = lose
    store = Watched()
    async with open_house(store, ScriptedModel([DO_IT, "done"]), tmp_path, workbench=given(tmp_path, deed)) as house:
        assert (await house.ask(await house.new(), "go")).outcome == "completed"
    assert [event.attempt for event in of_kind(store.stored(), ToolStarted)] == [1, 2, 3, 4]
    assert [event.outcome for event in of_kind(store.stored(), ToolFinished)] == ["interrupted"]


async def test_result_of_a_stopped_call_says_that_it_may_have_taken_effect(tmp_path: Path) -> None:
    store = await killed_while_it_runs("unsafe", tmp_path)
    workbench = given(tmp_path, Deed("unsafe", nothing), "ask")
    async with open_house(store, ScriptedModel(), tmp_path, node="node-2", workbench=workbench) as house:
        session = store.only_id()
        await house.sessions.state(session)
        await until(lambda: _at_rest(house, session))
        await house.sessions.post(session, Cancel())
        await until(lambda: _ended(store))
    [finished] = of_kind(store.stored(), ToolFinished)
    assert (finished.outcome, MAY_HAVE_TAKEN_EFFECT in finished.content) == ("cancelled", True)


async def _ended(store: Watched) -> bool:
    return store.stored()[-1].type == "turn_ended"


async def test_result_of_a_command_is_kept_until_it_is_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("mode: dangerous\n")
    store, spool = Watched(), tmp_path / "run" / "spool"
    found: list[list[str]] = []

    def look(lines: bytes) -> None:
        if b'"tool_finished"' in lines:
            found.extend(sorted(os.listdir(each)) for each in spool.iterdir())

    store.before = look
    async with open_house(store, ScriptedModel([bash("true"), "done"]), tmp_path, agent_rest=BASH) as house:
        assert (await house.ask(await house.new(), "go")).outcome == "completed"
    assert ["exit.json" in each for each in found] == [True]
    assert list(spool.iterdir()) == []
