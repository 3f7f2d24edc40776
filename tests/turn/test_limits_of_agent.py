"""How far the turns of an agent go: rounds of calls, repetitions, tokens, seconds."""

import sys
from pathlib import Path

from duragent.agent.spec import AgentSpec
from duragent.journal.events import (
    ModelReplied,
)
from duragent.journal.inputs import Resume
from duragent.journal.limits import Budget, TurnLimits
from duragent.models.messages import ModelReply, ModelUsage, ToolCall
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.limits_of_agent import limits_of
from duragent.turn.settings import SessionsSettings
from tests.support.house import open_house
from tests.support.tool_calls import BASH, bash, finished, question, wait_for_end
from tests.support.until import until


async def test_going_in_circles_is_told_and_then_pauses_the_turn(tmp_path: Path) -> None:
    model = ScriptedModel([bash("echo same") for _ in range(9)])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.ask(session, "loop")
        ended = await wait_for_end(house, session)
        assert (ended.outcome, ended.code) == ("paused", "loop-detected")
        notes = [result.note for result in await finished(house, session)]
        assert [bool(note) for note in notes] == [False, False, True, True, True]
    assert "3 times with the same result" in model.requests[3].messages[-1].content


async def test_a_spent_budget_pauses_the_turn_and_a_message_goes_on(tmp_path: Path) -> None:
    rest = BASH + "\n  session: {turn_budget: {tokens: 5}}"
    spent = bash("echo hi").model_copy(update={"usage": ModelUsage(input_tokens=4, output_tokens=2)})
    model = ScriptedModel([spent, "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=rest) as house:
        session = await house.new()
        assert (await house.ask(session, "spend")).outcome == "paused"
        ended = await wait_for_end(house, session)
        assert (ended.code, ended.reason.partition(";")[0]) == (
            "turn-budget",
            "the turn has used its budget: 6 of 5 tokens",
        )
        answered = await house.ask(session, "go on")
        assert answered.reply is not None
        assert answered.reply.text == "done"


async def test_max_tool_iterations_pauses_the_turn_and_a_message_goes_on(tmp_path: Path) -> None:
    rest = BASH + "\n  session: {max_tool_iterations: 2}"
    model = ScriptedModel([bash("echo 1"), bash("echo 2"), bash("echo 3"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=rest) as house:
        session = await house.new()
        assert (await house.ask(session, "work")).outcome == "paused"
        assert (await wait_for_end(house, session)).code == "max-tool-iterations"
        assert (await house.sessions.state(session)).status == "paused"
        answered = await house.ask(session, "go on")
        assert answered.reply is not None
        assert answered.reply.text == "done"


async def test_a_session_budget_pauses_every_turn_until_it_is_raised(tmp_path: Path) -> None:
    rest = BASH + "\n  session: {session_budget: {cost_usd: 0.5}}"
    dear = ModelReply(text="dear", model="m", usage=ModelUsage(input_tokens=1, output_tokens=1), cost_usd=0.6)
    async with open_house(MemoryStore(), ScriptedModel([dear]), tmp_path, agent_rest=rest) as house:
        session = await house.new()
        assert (await house.ask(session, "spend")).outcome == "completed"
        assert (await house.ask(session, "more")).outcome == "paused"
        assert (await wait_for_end(house, session)).code == "session-budget"


async def test_wall_time_of_a_turn_does_not_count_while_a_person_decides(tmp_path: Path) -> None:
    rest = BASH + "\n  session: {turn_budget: {seconds: 60}}"
    clock = FakeClock()
    model = ScriptedModel([bash("touch made"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=rest, clock=clock) as house:
        session = await house.new()
        seq = await house.say(session, "make it")
        asked = await question(house, session)
        await clock.advance(3600)
        await house.decide(session, asked.call)
        assert (await house.sessions.answer(session, seq)).outcome == "completed"


async def test_a_turn_that_takes_too_long_is_paused(tmp_path: Path) -> None:
    rest = BASH + "\n  session: {turn_budget: {seconds: 60}}"
    clock = FakeClock()
    model = ScriptedModel([bash("while [ ! -e go ]; do sleep 0.05; done"), "done"])
    (tmp_path / "policy.yaml").write_text("mode: dangerous\n")
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=rest, clock=clock) as house:
        session = await house.new()
        await house.say(session, "wait")

        async def is_started() -> bool:
            return "tool_started" in await house.kinds(session)

        await until(is_started)
        await clock.advance(61)
        (tmp_path / "project" / "go").touch()
        ended = await wait_for_end(house, session)
        assert (ended.outcome, ended.code) == ("paused", "turn-budget")


async def test_a_model_that_asks_for_tools_without_end_is_paused_and_can_go_on(tmp_path: Path) -> None:
    call = ModelReply(calls=(ToolCall(id="x", name="bash", arguments="{}"),), finish_reason="tool_calls")
    model = ScriptedModel([call, call, call, "enough"])
    rest = "  session:\n    max_tool_iterations: 3"
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=rest) as house:
        session = await house.new()
        answered = await house.ask(session, "go")
        assert (answered.outcome, answered.code) == ("paused", "max-tool-iterations")
        assert (await house.sessions.state(session)).status == "paused"
        await house.sessions.post(session, Resume())
        await house.idle(session)
        last = [event for event in await house.events(session) if isinstance(event, ModelReplied)][-1]
        assert last.text == "enough"


def test_limits_are_those_of_the_server_and_of_the_agents_file() -> None:
    settings = SessionsSettings(retry_base_seconds=3.0)
    spec = AgentSpec.model_validate(
        {
            "model": {"provider": "demo"},
            "session": {
                "max_tool_iterations": 7,
                "turn_budget": {"tokens": 10, "cost_usd": 0.5, "seconds": 30},
                "session_budget": {"tokens": 20, "cost_usd": 2},
            },
        }
    )
    assert limits_of(settings, spec) == TurnLimits(
        retry_base_seconds=3.0, steps=7, turn=Budget(10, 0.5, 30), session=Budget(20, 2)
    )


def test_no_limit_comes_before_the_turn_says_that_its_agent_is_unknown() -> None:
    limits = limits_of(SessionsSettings(), None)
    assert (limits.steps, limits.turn, limits.session) == (sys.maxsize, Budget(), Budget())
