"""What a person decides about a call: it counts once, for what was shown, where it was shown."""

import asyncio
from pathlib import Path

import pytest

from duragent.errors import (
    AlreadyDecided,
    CallChanged,
    IdempotencyMismatch,
    InvalidRequest,
    NothingToDo,
)
from duragent.journal.events import (
    ApprovalDecided,
    ToolFinished,
    ToolStarted,
)
from duragent.journal.inputs import Decision
from duragent.stores.base import Store
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.settings import SessionsSettings
from tests.support.house import House, open_house
from tests.support.probes import Watched, of_kind
from tests.support.tool_calls import BASH, bash, finished, question, wait_for_end
from tests.support.until import until


async def test_a_command_in_no_list_waits_for_a_person_and_runs_once_when_it_is_approved(tmp_path: Path) -> None:
    model = ScriptedModel([bash("touch made && echo x >> count"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        seq = await house.say(session, "make it")
        asked = await question(house, session)
        assert not (tmp_path / "project" / "made").exists()
        assert [finding.text for finding in asked.findings] == ["touch made", "> count"]
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


async def test_an_approval_counts_only_where_the_person_was_told_that_it_runs(tmp_path: Path) -> None:
    store: Store = MemoryStore()
    async with open_house(store, ScriptedModel([bash("touch made")]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "go")
        asked = await question(house, session)
    moved = BASH + "\n  working_directory: other"
    (tmp_path / "project" / "other").mkdir()
    async with open_house(store, ScriptedModel(["done"]), tmp_path, agent_rest=moved, node="node-2") as house:
        await house.decide(session, asked.call)
        again = await question(house, session)
        assert again.place != asked.place
        assert asked.place in again.findings[0].reason
        assert not (tmp_path / "project" / "other" / "made").exists()
        await house.decide(session, asked.call)
        assert (await wait_for_end(house, session)).outcome == "completed"
    assert (tmp_path / "project" / "other" / "made").exists()


async def asked(house: House, session: str) -> str:
    """The call that a person has to decide about, when there is one."""
    await until(lambda: _asks(house, session))
    call = (await house.sessions.state(session)).asks
    assert call is not None
    return call.call


async def _asks(house: House, session: str) -> bool:
    return (await house.sessions.state(session)).asks is not None


async def test_denial_that_came_after_the_approval_was_asked_for_wins(tmp_path: Path) -> None:
    async with open_house(
        MemoryStore(), ScriptedModel([bash("touch made"), "a pity"]), tmp_path, agent_rest=BASH
    ) as house:
        session = await house.new()
        seq = await house.say(session, "go")
        call = await asked(house, session)
        (tmp_path / "policy.yaml").write_text("deny: ['bash:touch *']\n")
        await house.decide(session, call)
        assert (await house.sessions.answer(session, seq)).outcome == "completed"
        [finished] = of_kind(await house.events(session), ToolFinished)
        assert (finished.outcome, (tmp_path / "project" / "made").exists()) == ("denied", False)


async def test_always_of_a_call_that_does_not_wait_writes_nothing(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel([bash("touch made")]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "go")
        await asked(house, session)
        always = Decision(call="call_other", decision="allow_always", patterns=("bash:*",))
        with pytest.raises(NothingToDo):
            await house.sessions.post(session, always)
        assert not (tmp_path / "assistant" / "policy.local.yaml").exists()


async def test_call_is_decided_once(tmp_path: Path) -> None:
    store = Watched()
    async with open_house(store, ScriptedModel([bash("touch made")]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "go")
        call = await asked(house, session)
        twice = [house.decide(session, call), house.decide(session, call)]
        found = await asyncio.gather(*twice, return_exceptions=True)
        assert [type(each) for each in found] == [type(None), AlreadyDecided]
    assert len(of_kind(store.stored(), ApprovalDecided)) == 1


async def test_call_that_nobody_allowed_in_time_is_denied(tmp_path: Path) -> None:
    store, clock, settings = Watched(), FakeClock(), SessionsSettings(approval_ttl_hours=2)
    model = ScriptedModel([bash("touch made"), "a pity"])
    async with open_house(store, model, tmp_path, agent_rest=BASH, clock=clock, settings=settings) as house:
        session = await house.new()
        await house.say(session, "go")
        await asked(house, session)
        await clock.advance(2 * 3600)
        await house.sessions.housekeeping.tick_expired_approvals()
        decided = [(event.decision, event.by) for event in of_kind(store.stored(), ApprovalDecided)]
        assert decided == [("deny", "expiry")]


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
