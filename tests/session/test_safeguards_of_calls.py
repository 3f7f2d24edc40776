"""Tool calls: the intent before the effect, nothing twice in silence, and only what a person has seen."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest

from duragent.errors import AlreadyDecided, NothingToDo, RunnerLost, StoreFull
from duragent.journal.events import (
    ApprovalDecided,
    EffectClass,
    ToolFinished,
    ToolLost,
    ToolResolved,
    ToolStarted,
)
from duragent.journal.inputs import Cancel, Decision
from duragent.journal.next_step import MAY_HAVE_TAKEN_EFFECT, OUTCOME_UNKNOWN
from duragent.models.messages import ModelReply, ToolCall
from duragent.policy.tiers import Mode
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.tools.base import ToolContext
from duragent.turn.settings import SessionsSettings
from tests.support.house import House, open_house
from tests.support.probes import DO_IT, Deed, Watched, for_ever, give, nothing, of_kind
from tests.support.until import until

BASH = "  tools: [{type: builtin, name: bash}]"


def bash(command: str) -> ModelReply:
    call = ToolCall(id="m", name="bash", arguments=f'{{"command": "{command}"}}')
    return ModelReply(calls=(call,), finish_reason="tool_calls")


async def test_tool_starts_only_when_its_intent_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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

    give(monkeypatch, deed)
    store.while_storing = until_it_runs
    async with open_house(store, ScriptedModel([DO_IT, "done"]), tmp_path) as house:
        assert (await house.ask(await house.new(), "go")).outcome == "completed"
    assert found == [[(1, 1)]]


async def killed_while_it_runs(effect: EffectClass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """The store of a process that died while the tool ran."""
    store, deed = Watched(), Deed(effect, for_ever)
    give(monkeypatch, deed)
    async with open_house(store, ScriptedModel([DO_IT]), tmp_path) as house:
        await house.say(await house.new(), "go")
        await until(lambda: asyncio.sleep(0, deed.runs == 1))
        store.dead = True
    store.dead = False
    return store


@pytest.mark.parametrize("effect", get_args(EffectClass))
async def test_call_that_may_have_run_is_not_run_again_unless_it_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, effect: EffectClass
) -> None:
    store = await killed_while_it_runs(effect, tmp_path, monkeypatch)
    deed = Deed(effect, nothing)
    give(monkeypatch, deed, "ask")
    async with open_house(store, ScriptedModel(["done"]), tmp_path, node="node-2") as house:
        [session] = store._streams
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


async def test_call_that_is_lost_each_time_is_not_tried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deed = Deed("pure", nothing)

    async def lose(context: ToolContext) -> None:
        if deed.runs < 10:
            raise RunnerLost("its runner is gone")

    deed._does = lose
    give(monkeypatch, deed)
    store = Watched()
    async with open_house(store, ScriptedModel([DO_IT, "done"]), tmp_path) as house:
        assert (await house.ask(await house.new(), "go")).outcome == "completed"
    assert [event.attempt for event in of_kind(store.stored(), ToolStarted)] == [1, 2, 3, 4]
    assert [event.outcome for event in of_kind(store.stored(), ToolFinished)] == ["interrupted"]


async def test_result_of_a_stopped_call_says_that_it_may_have_taken_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await killed_while_it_runs("unsafe", tmp_path, monkeypatch)
    give(monkeypatch, Deed("unsafe", nothing), "ask")
    async with open_house(store, ScriptedModel(), tmp_path, node="node-2") as house:
        [session] = store._streams
        await house.sessions.state(session)
        await until(lambda: _at_rest(house, session))
        await house.sessions.post(session, Cancel())
        await until(lambda: _ended(store))
    [finished] = of_kind(store.stored(), ToolFinished)
    assert (finished.outcome, MAY_HAVE_TAKEN_EFFECT in finished.content) == ("cancelled", True)


async def _ended(store: Watched) -> bool:
    return store.stored()[-1].type == "turn_ended"


@pytest.mark.parametrize("mode", ["dangerous", "ask"])
async def test_call_of_a_turn_that_is_cancelled_while_it_is_judged_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    store, deed = Watched(), Deed("unsafe", nothing)
    judging = give(monkeypatch, deed, mode)
    async with open_house(store, ScriptedModel([DO_IT]), tmp_path) as house:
        session = await house.new()
        judging.append(lambda: house.sessions.post(session, Cancel()))
        await house.say(session, "go")
        await until(lambda: _ended(store))
    kinds = [event.type for event in store.stored()]
    assert kinds[-3:] == ["cancel_requested", "tool_finished", "turn_ended"]
    assert deed.runs == 0


async def test_result_of_a_tool_that_finds_no_room_waits_and_the_tool_runs_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, deed = Watched(), Deed("unsafe", nothing)
    store.failures = {b'"tool_finished"': [StoreFull("no room"), StoreFull("no room")]}
    give(monkeypatch, deed)
    async with open_house(store, ScriptedModel([DO_IT, "done"]), tmp_path) as house:
        assert (await house.ask(await house.new(), "go")).outcome == "completed"
    assert [event.outcome for event in of_kind(store.stored(), ToolFinished)] == ["ok"]
    assert (deed.runs, store.failures) == (1, {b'"tool_finished"': []})


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


# --- decisions ------------------------------------------------------------------------------------------------------


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
