"""Tool calls: which may run, what is written before and after, and what a person is asked."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from duragent.errors import NothingToDo
from duragent.journal.events import (
    ModelReplied,
    ToolStarted,
    TurnEnded,
)
from duragent.journal.inputs import Cancel, Decision
from duragent.models.messages import ModelReply, ToolCall
from duragent.policy.tiers import Mode
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.tools.base import ToolContext
from tests.support.house import open_house
from tests.support.probes import DO_IT, Deed, Watched, given, nothing, of_kind
from tests.support.tool_calls import BASH, bash, calls, finished, question, wait_for_end
from tests.support.until import until


async def test_a_command_that_the_policy_allows_runs_and_its_output_goes_to_the_model(tmp_path: Path) -> None:
    model = ScriptedModel([bash("echo hello"), "it said hello"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        answered = await house.ask(session, "say hello")
        assert answered.reply is not None
        assert answered.reply.text == "it said hello"
        assert await house.kinds(session) == [
            "message_received",
            "turn_started",
            "prompt_set",
            "model_called",
            "model_replied",
            "tool_started",
            "tool_finished",
            "model_called",
            "model_replied",
            "turn_ended",
        ]
        [result] = await finished(house, session)
        assert (result.outcome, result.content.strip()) == ("ok", "hello")
        started = next(event for event in await house.events(session) if isinstance(event, ToolStarted))
        assert (started.invocation, started.rule) == ("echo hello", "built-in default: bash:echo *")
    assert model.requests[0].tools[0].name == "bash"
    assert model.requests[1].messages[-1].content.strip() == "hello"


async def test_a_denied_command_is_not_run_and_the_model_learns_the_rule(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("mode: dangerous\ndeny: ['bash:touch *']\n")
    model = ScriptedModel([bash("touch made"), "a pity"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        assert (await house.ask(session, "make it")).outcome == "completed"
        [result] = await finished(house, session)
        assert result.outcome == "denied"
        assert "policy.yaml: bash:touch *" in result.content
    assert not (tmp_path / "project" / "made").exists()


async def test_a_broken_policy_file_denies_everything_and_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("mode: dangerous\nalow: []\n")
    model = ScriptedModel([bash("echo hi"), "a pity"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.ask(session, "hi")
        [result] = await finished(house, session)
        assert result.outcome == "denied"
        assert "policy.yaml:2" in result.content


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("bsh", "{}", "tool not found: bsh; did you mean bash?"),
        ("bash", "{", "failed to parse tool arguments: they are not valid JSON"),
        ("bash", '{"command": 3}', "failed to parse tool arguments: command: must be text, not 3"),
        ("bash", '{"comand": "ls"}', "failed to parse tool arguments"),
    ],
)
async def test_a_call_that_makes_no_sense_is_told_to_the_model(
    tmp_path: Path, name: str, arguments: str, said: str
) -> None:
    call = ToolCall(id="x", name=name, arguments=arguments)
    model = ScriptedModel([ModelReply(calls=(call,), finish_reason="tool_calls"), "sorry"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        assert (await house.ask(session, "hi")).outcome == "completed"
        [result] = await finished(house, session)
        assert result.outcome == "error"
        assert result.content.startswith(said)


async def test_calls_that_change_nothing_run_side_by_side(tmp_path: Path) -> None:
    wanted: Sequence[tuple[str, dict[str, object]]] = [("think", {"thought": str(number)}) for number in range(3)]
    model = ScriptedModel([calls(*wanted), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.ask(session, "think")
        kinds = await house.kinds(session)
        first = kinds.index("tool_started")
        assert kinds[first : first + 3] == ["tool_started"] * 3
        assert sorted(kinds[first + 3 : first + 6]) == ["tool_finished"] * 3


async def test_a_message_that_comes_before_a_call_was_run_takes_its_place(tmp_path: Path) -> None:
    model = ScriptedModel([calls(("bash", {"command": "touch a"}), ("bash", {"command": "touch b"})), "changed"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "make both")
        asked = await question(house, session)
        second = await house.say(session, "only a, please")
        await house.sessions.post(session, Decision(call=asked.call, decision="allow_once"))
        answered = await house.sessions.answer(session, second)
        assert answered.reply is not None
        assert [result.outcome for result in await finished(house, session)] == ["ok", "skipped"]
    last = model.requests[1].messages
    assert [message.role for message in last[1:]] == ["user", "assistant", "tool", "tool", "user"]
    assert sorted(path.name for path in (tmp_path / "project").iterdir()) == ["a"]


async def test_a_waiting_call_can_be_cancelled(tmp_path: Path) -> None:
    model = ScriptedModel([bash("touch made")])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "make it")
        asked = await question(house, session)
        await house.sessions.post(session, Cancel())
        assert (await wait_for_end(house, session)).outcome == "cancelled"
        with pytest.raises(NothingToDo):
            await house.sessions.post(session, Decision(call=asked.call, decision="allow_once"))


async def test_the_calls_of_the_log_are_what_the_model_asked_for(tmp_path: Path) -> None:
    model = ScriptedModel([bash("echo 1"), "ok"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.ask(session, "hi")
        replied = next(event for event in await house.events(session) if isinstance(event, ModelReplied))
        assert json.loads(replied.calls[0].arguments) == {"command": "echo 1"}


SKILL = """\
---
name: look
description: How to look at things.
allowed-tools: Bash(echo *)
---
Look at them with echo.
"""


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


async def test_tool_starts_only_when_its_intent_is_durable(tmp_path: Path) -> None:
    store = Watched()
    found: list[list[tuple[int, int]]] = []

    async def look(context: ToolContext) -> None:
        found.append([(event.epoch, event.attempt) for event in of_kind(store.stored(), ToolStarted)])

    deed = Deed("unsafe", look)

    async def until_it_runs(lines: bytes) -> None:
        """The disk is so slow that a tool which does not wait for it has run before."""
        if b"tool_started" in lines:
            with suppress(AssertionError):
                await until(lambda: deed.runs, bound=0.3)

    store.while_storing = until_it_runs
    async with open_house(store, ScriptedModel([DO_IT, "done"]), tmp_path, workbench=given(tmp_path, deed)) as house:
        assert (await house.ask(await house.new(), "go")).outcome == "completed"
    assert found == [[(1, 1)]]


@pytest.mark.parametrize("mode", ["dangerous", "ask"])
async def test_call_of_a_turn_that_is_cancelled_while_it_is_judged_does_not_begin(tmp_path: Path, mode: Mode) -> None:
    store, deed = Watched(), Deed("unsafe", nothing)
    workbench = given(tmp_path, deed, mode)
    async with open_house(store, ScriptedModel([DO_IT]), tmp_path, workbench=workbench) as house:
        session = await house.new()
        workbench.judging.append(lambda: house.sessions.post(session, Cancel()))
        await house.say(session, "go")
        await until(lambda: of_kind(store.stored(), TurnEnded))
    kinds = [event.type for event in store.stored()]
    assert kinds[-3:] == ["cancel_requested", "tool_finished", "turn_ended"]
    assert deed.runs == 0
