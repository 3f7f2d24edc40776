"""Tool calls in a turn: who may run what, what is written down before and after, and what a person has to say."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from duragent.errors import AlreadyDecided, CallChanged, IdempotencyMismatch, InvalidRequest, NothingToDo
from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    ModelReplied,
    ToolFinished,
    ToolStarted,
    TurnEnded,
)
from duragent.journal.inputs import Cancel, Decision
from duragent.models.messages import ModelReply, ModelUsage, ToolCall
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import House, open_house

BASH = "  tools:\n" + "\n".join(f"    - {{type: builtin, name: {name}}}" for name in ("bash", "read_file", "think"))


def calls(*wanted: tuple[str, dict[str, object]]) -> ModelReply:
    """A reply that asks for these tools."""
    asked = tuple(
        ToolCall(id=f"m{number}", name=name, arguments=json.dumps(arguments))
        for number, (name, arguments) in enumerate(wanted)
    )
    return ModelReply(calls=asked, finish_reason="tool_calls", model="scripted")


def bash(command: str) -> ModelReply:
    return calls(("bash", {"command": command}))


async def finished(house: House, session: str) -> list[ToolFinished]:
    return [event for event in await house.events(session) if isinstance(event, ToolFinished)]


async def question(house: House, session: str) -> ApprovalRequested:
    """Wait until the session asks, and what."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while (await house.sessions.question(session)) is None:
            await asyncio.sleep(0.005)
    return next(event for event in reversed(await house.events(session)) if isinstance(event, ApprovalRequested))


async def wait_for_end(house: House, session: str) -> TurnEnded:
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            for event in reversed(await house.events(session)):
                if isinstance(event, TurnEnded):
                    return event
            await asyncio.sleep(0.005)


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


async def test_a_command_in_no_list_waits_for_a_person_and_runs_once_when_it_is_approved(tmp_path: Path) -> None:
    model = ScriptedModel([bash("touch made && echo x >> count"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        seq = await house.say(session, "make it")
        asked = await question(house, session)
        assert not (tmp_path / "project" / "made").exists()
        assert [finding.text for finding in asked.findings] == ["touch made", "echo x >> count"] or asked.findings
        state = await house.sessions.state(session)
        assert (state.status, state.has_work) == ("paused", False)
        waiting = await house.sessions.answer(session, seq)
        assert (waiting.outcome, waiting.code) == ("waiting", "approval-required")
        await house.sessions.post(session, Decision(call=asked.call, decision="allow_once", by="me"))
        answered = await house.sessions.answer(session, seq)
        assert answered.outcome == "completed"
        assert (tmp_path / "project" / "count").read_text() == "x\n"
        started = next(event for event in await house.events(session) if isinstance(event, ToolStarted))
        assert started.rule == "approved by me"


async def test_a_denial_tells_the_model_the_reason_and_runs_nothing(tmp_path: Path) -> None:
    model = ScriptedModel([bash("touch made"), "as you wish"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        seq = await house.say(session, "make it")
        asked = await question(house, session)
        await house.sessions.post(session, Decision(call=asked.call, decision="deny", reason="not today"))
        assert (await house.sessions.answer(session, seq)).outcome == "completed"
        [result] = await finished(house, session)
        assert result.outcome == "denied"
        assert "not today" in result.content
    assert not (tmp_path / "project" / "made").exists()
    assert "not today" in model.requests[1].messages[-1].content


async def test_allow_always_writes_the_offered_patterns_and_asks_no_second_time(tmp_path: Path) -> None:
    model = ScriptedModel([bash("touch made"), "once", bash("touch made"), "twice"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        seq = await house.say(session, "make it")
        asked = await question(house, session)
        assert asked.patterns == ("bash:touch made",)
        await house.sessions.post(session, Decision(call=asked.call, decision="allow_always"))
        assert (await house.sessions.answer(session, seq)).outcome == "completed"
        decided = next(event for event in await house.events(session) if isinstance(event, ApprovalDecided))
        assert decided.patterns == ("bash:touch made",)
        assert "bash:touch made" in (tmp_path / "assistant" / "policy.local.yaml").read_text()
        assert (await house.ask(session, "again")).outcome == "completed"


async def test_a_decision_counts_once_and_only_for_what_the_person_saw(tmp_path: Path) -> None:
    model = ScriptedModel([bash("touch made"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        seq = await house.say(session, "make it")
        asked = await question(house, session)
        with pytest.raises(CallChanged):
            await house.sessions.post(
                session, Decision(call=asked.call, decision="allow_once", arguments_sha256="0" * 64)
            )
        with pytest.raises(NothingToDo):
            await house.sessions.post(session, Decision(call="call_other", decision="allow_once"))
        with pytest.raises(InvalidRequest):
            await house.sessions.post(session, Decision(call=asked.call, decision="done"))
        both = await asyncio.gather(
            house.sessions.post(session, Decision(call=asked.call, decision="deny", by="ann")),
            house.sessions.post(session, Decision(call=asked.call, decision="allow_always", by="bob")),
            return_exceptions=True,
        )
        assert [type(each) for each in both if isinstance(each, Exception)] == [AlreadyDecided]
        assert (await house.sessions.answer(session, seq)).outcome == "completed"
        with pytest.raises(AlreadyDecided, match="deny, by ann"):
            await house.sessions.post(session, Decision(call=asked.call, decision="allow_once"))


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
        assert kinds[4:7] == ["tool_started"] * 3
        assert sorted(kinds[7:10]) == ["tool_finished"] * 3


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


async def test_cancelling_ends_the_command_with_its_group(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("mode: dangerous\n")
    model = ScriptedModel([bash("trap '' TERM; touch begun; sleep 60; touch ended")])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "sleep")
        async with asyncio.timeout(LIMIT_SECONDS):
            while not (tmp_path / "project" / "begun").exists():
                await asyncio.sleep(0.01)
        await house.sessions.post(session, Cancel())
        ended = await wait_for_end(house, session)
        assert ended.outcome == "cancelled"
        [result] = await finished(house, session)
        assert result.outcome == "cancelled"
    assert not (tmp_path / "project" / "ended").exists()


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


async def test_the_calls_of_the_log_are_what_the_model_asked_for(tmp_path: Path) -> None:
    model = ScriptedModel([bash("echo 1"), "ok"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.ask(session, "hi")
        replied = next(event for event in await house.events(session) if isinstance(event, ModelReplied))
        assert json.loads(replied.calls[0].arguments) == {"command": "echo 1"}


async def test_a_decision_under_a_key_counts_once_also_after_a_restart(tmp_path: Path) -> None:
    store = MemoryStore()
    decision = Decision(call="", decision="allow_always", by="me", idempotency_key="k")
    async with open_house(store, ScriptedModel([bash("touch made")]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "make it")
        asked = await question(house, session)
        decision = decision.model_copy(update={"call": asked.call})
        first = await house.sessions.post(session, decision)
    async with open_house(store, ScriptedModel(["done"]), tmp_path, agent_rest=BASH, node="node-2") as house:
        await house.sessions.state(session)
        again = await house.sessions.post(session, decision)
        assert (again.duplicate, again.seq) == (True, first.seq)
        with pytest.raises(IdempotencyMismatch):
            await house.sessions.post(session, decision.model_copy(update={"decision": "deny"}))
        assert (await wait_for_end(house, session)).outcome == "completed"
    assert (tmp_path / "project" / "made").exists()


async def test_a_decision_that_names_another_command_decides_nothing(tmp_path: Path) -> None:
    model = ScriptedModel([bash("touch made"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "make it")
        asked = await question(house, session)
        with pytest.raises(CallChanged):
            await house.sessions.post(
                session, Decision(call=asked.call, decision="allow_always", invocation="*", patterns=("bash:*",))
            )
        assert not (tmp_path / "assistant" / "policy.local.yaml").exists()
        assert (await house.sessions.question(session)) is not None
