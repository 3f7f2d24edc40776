"""More of what a turn does around its tool calls: limits, skills, notes, notices, expiry, long outputs."""

import asyncio
from pathlib import Path

from duragent.journal.events import ApprovalDecided, ToolFinished
from duragent.models.messages import ModelReply, ModelRequest, ModelUsage
from duragent.stores.memory import MemoryStore
from duragent.subscribers.notify import Notice
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.settings import SessionsSettings
from tests.session.test_acting import BASH, bash, calls, finished, question, wait_for_end
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import open_house

SKILL = """\
---
name: look
description: How to look at things.
allowed-tools: Bash(echo *)
---
Look at them with echo.
"""


async def test_an_approval_that_nobody_gives_in_time_counts_as_denied(tmp_path: Path) -> None:
    model = ScriptedModel([bash("touch made"), "a pity"])
    clock = FakeClock()
    settings = SessionsSettings(approval_ttl_hours=2)
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH, clock=clock, settings=settings) as house:
        session = await house.new()
        await house.say(session, "make it")
        asked = await question(house, session)
        assert asked.expires_at == "2026-01-01T02:00:00.000Z"
        await house.sessions.housekeeping.tick_expired_approvals()
        assert await house.sessions.question(session) is not None
        await clock.advance(2 * 3600)
        await house.sessions.housekeeping.tick_expired_approvals()
        assert (await wait_for_end(house, session)).outcome == "completed"
        decided = next(event for event in await house.events(session) if isinstance(event, ApprovalDecided))
        assert (decided.decision, decided.by) == ("deny", "expiry")
    assert not (tmp_path / "project" / "made").exists()


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
        async with asyncio.timeout(LIMIT_SECONDS):
            while "tool_started" not in await house.kinds(session):
                await asyncio.sleep(0.01)
        await clock.advance(61)
        (tmp_path / "project" / "go").touch()
        ended = await wait_for_end(house, session)
        assert (ended.outcome, ended.code) == ("paused", "turn-budget")


async def test_an_active_skill_narrows_the_tools_until_the_turn_ends(tmp_path: Path) -> None:
    (tmp_path / "skills" / "look").mkdir(parents=True)
    (tmp_path / "skills" / "look" / "SKILL.md").write_text(SKILL)
    both = calls(("skill", {"name": "look"}), ("bash", {"command": "ls"}), ("bash", {"command": "echo x"}))
    model = ScriptedModel([both, "looked", bash("ls"), "free again"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        assert (await house.ask(session, "look")).outcome == "completed"
        assert (await house.ask(session, "ls")).outcome == "completed"
        results = await finished(house, session)
        assert [result.outcome for result in results] == ["ok", "denied", "ok", "ok"]
        assert "allows only: Bash(echo *)" in results[1].content
    assert "How to look at things." in model.requests[0].messages[0].content
    assert "Look at them with echo." not in model.requests[0].messages[0].content
    assert "Look at them with echo." in model.requests[1].messages[-3].content


async def test_directives_and_the_projects_own_rules_are_shown_and_read_anew_for_each_turn(tmp_path: Path) -> None:
    (tmp_path / "directives").mkdir()
    (tmp_path / "directives" / "tone.md").write_text("Be polite.\n")
    model = ScriptedModel(["one", "two"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        (tmp_path / "project" / "AGENTS.md").write_text("Use tabs.\n")
        session = await house.new()
        await house.ask(session, "hi")
        (tmp_path / "directives" / "tone.md").write_text("Be brief.\n")
        await house.ask(session, "hi")
    first, second = (request.messages[0].content for request in model.requests)
    assert "Be polite." in first
    assert "Use tabs." in first
    assert "Be brief." in second
    assert "Be polite." not in second


async def test_guards_and_notes_of_the_agent_hold(tmp_path: Path) -> None:
    rest = BASH + (
        "\n  hooks:\n    before_tool:\n      - {match: bash, type: depends_on, prior: think}\n"
        "    after_tool:\n      - {match: think, message: Now act.}\n"
    )
    model = ScriptedModel([bash("echo 1"), calls(("think", {"thought": "hm"})), bash("echo 1"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=rest) as house:
        session = await house.new()
        await house.ask(session, "go")
        results = await finished(house, session)
        assert [(result.tool, result.outcome) for result in results] == [
            ("bash", "error"),
            ("think", "ok"),
            ("bash", "ok"),
        ]
        assert results[1].note == "Now act."


async def test_who_wants_to_be_told_of_calls_is_told_after_the_result_is_durable(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("notify: {enabled: true, patterns: ['bash:echo *']}\n")
    model = ScriptedModel([calls(("bash", {"command": "echo 1"}), ("think", {"thought": "2"})), "done"])
    notices: list[Notice] = []
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH, notify=notices.append) as house:
        session = await house.new()
        await house.ask(session, "go")
    assert [(notice.invocation, notice.success) for notice in notices] == [("echo 1", True)]


async def test_a_long_output_is_cut_for_the_model_and_can_be_read_whole(tmp_path: Path) -> None:
    def read_it(request: ModelRequest) -> ModelReply:
        call = request.messages[-1].call_id
        assert call is not None
        return calls(("read_output", {"call": call, "pattern": "line 15000"}))

    model = ScriptedModel([bash("seq -f 'line %g' 30000"), read_it, "found it"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        assert (await house.ask(session, "count")).outcome == "completed"
        first, second = await finished(house, session)
        assert len(first.content) < 40_000
        assert "bytes omitted" in first.content
        assert (len(first.output_sha256), first.output_bytes) == (
            64,
            len("".join(f"line {n}\n" for n in range(1, 30001))),
        )
        assert "line 15000" in second.content


async def test_the_details_of_a_result_are_in_the_log(tmp_path: Path) -> None:
    model = ScriptedModel([bash("echo hi"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.ask(session, "hi")
        [result] = [event for event in await house.events(session) if isinstance(event, ToolFinished)]
        assert result.details["exit_code"] == 0
