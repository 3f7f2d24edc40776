"""What a person allows until the session ends: it asks no second time, in this session only, until it is taken back."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest

from duragent.agent.load import Agent
from duragent.errors import InvalidRequest, NothingToDo
from duragent.journal.events import AllowanceRevoked, ApprovalDecided, ApprovalRequested, ToolStarted
from duragent.journal.inputs import Decision, Revocation
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.transfer.fork import Fork, fork
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import House, open_house
from tests.support.probes import DO_IT, Deed, GivenWorkbench, given, nothing, of_kind
from tests.support.tool_calls import BASH, bash, calls, question

FILES = "  tools: [{type: builtin, name: write_file}, {type: builtin, name: edit_file}]"


async def allow(house: House, session: str, *patterns: str) -> ApprovalRequested:
    asked = await question(house, session)
    decision = Decision(call=asked.call, decision="allow_session", patterns=patterns, by="me")
    await house.sessions.post(session, decision)
    return asked


async def test_a_session_asks_no_second_time_and_another_one_does(tmp_path: Path) -> None:
    model = ScriptedModel([bash("mkdir a"), bash("mkdir b"), "done", bash("mkdir c")])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        seq = await house.say(session, "make them")
        asked = await allow(house, session)
        assert [(each.scope, each.patterns) for each in asked.offers][1] == ("session", ("bash:mkdir *",))
        assert (await house.sessions.answer(session, seq)).outcome == "completed"
        events = await house.events(session)
        assert [each.patterns for each in of_kind(events, ApprovalDecided)] == [("bash:mkdir *",)]
        assert [each.rule for each in of_kind(events, ToolStarted)] == [
            "approved by me",
            "this session: bash:mkdir *",
        ]
        assert not (tmp_path / "assistant" / "policy.local.yaml").exists()
        other = await house.new()
        await house.say(other, "one more")
        await question(house, other)


async def test_what_was_taken_back_is_asked_about_again(tmp_path: Path) -> None:
    model = ScriptedModel([bash("mkdir a"), "done", bash("mkdir b"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        seq = await house.say(session, "make it")
        await allow(house, session)
        await house.sessions.answer(session, seq)
        await house.sessions.post(session, Revocation(patterns=("bash:mkdir *", "bash:other"), by="me"))
        revoked = of_kind(await house.events(session), AllowanceRevoked)
        assert revoked == [AllowanceRevoked(patterns=("bash:mkdir *",), by="me")]
        await house.say(session, "again")
        await question(house, session)
        assert not (tmp_path / "project" / "b").exists()


async def test_a_fork_has_none_of_the_allowances_of_the_session_that_it_comes_from(tmp_path: Path) -> None:
    model = ScriptedModel([bash("mkdir a"), "done", bash("mkdir b")])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        seq = await house.say(session, "make it")
        await allow(house, session)
        await house.sessions.answer(session, seq)
        forked, _ = await fork(house.sessions, house.clock, Fork(session))
        assert forked.allowed == ()
        await house.say(forked.session_id, "one more")
        await question(house, forked.session_id)


@pytest.mark.parametrize(("pattern", "says"), [("mkdir *", "has no type"), ("bsh:mkdir", "which there is not")])
async def test_a_pattern_that_is_none_is_refused(tmp_path: Path, pattern: str, says: str) -> None:
    async with open_house(MemoryStore(), ScriptedModel([bash("mkdir a")]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "make it")
        with pytest.raises(InvalidRequest, match=says):
            await allow(house, session, pattern)


async def test_a_call_that_is_never_allowed_wide_has_no_offer_for_the_session(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel([bash("rm x")]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "remove it")
        with pytest.raises(NothingToDo):
            await allow(house, session)
        asked = await question(house, session)
        assert [(each.scope, each.words) for each in asked.offers] == [("policy", "this call")]


async def test_a_change_of_a_file_is_asked_about_with_its_diff_and_allowed_below_its_folder(tmp_path: Path) -> None:
    write = calls(("write_file", {"path": "src/a", "content": "one\n"}))
    edit = calls(("edit_file", {"path": "src/a", "old_text": "one", "new_text": "two"}))
    outside = calls(("write_file", {"path": "b", "content": "x\n"}))
    guarded = calls(("write_file", {"path": "src/.envrc", "content": "x\n"}))
    model = ScriptedModel([write, edit, guarded, outside])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=FILES) as house:
        session = await house.new()
        await house.say(session, "write")
        asked = await question(house, session)
        assert asked.preview == "@@ -0,0 +1 @@\n+one"
        assert [each.words for each in asked.offers][1] == "changes of files below src/"
        await allow(house, session, *asked.offers[1].patterns)
        await house.idle(session)
        # The edit of the same file ran; what decides about agents is asked about all the same.
        again = await question(house, session)
        assert ("src/.envrc" in again.invocation, again.offers) == (True, ())
        assert (tmp_path / "project" / "src" / "a").read_text() == "two\n"
        await house.decide(session, again.call)
        await house.idle(session)
        assert (await question(house, session)).invocation.startswith("write_file b ")


class CommandDeed(Deed):
    """A deed that runs in a sandbox, so that its place is looked at before it starts."""

    by_command = True


@dataclass(frozen=True, slots=True)
class HeldWorkbench(GivenWorkbench):
    """A workbench on which something happens between the judgement of a call and its start."""

    before_start: list[Callable[[], Coroutine[Any, Any, object]]] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def place(self, agent: Agent) -> str:
        while self.before_start:
            asyncio.run_coroutine_threadsafe(self.before_start.pop()(), self.loop).result(LIMIT_SECONDS)
        return "here"


async def test_what_is_taken_back_between_judgement_and_start_runs_nothing(tmp_path: Path) -> None:
    deed = CommandDeed("unsafe", nothing)
    usual = given(tmp_path, deed, "ask")
    bench = HeldWorkbench(**{each.name: getattr(usual, each.name) for each in fields(usual) if each.init})
    model = ScriptedModel([DO_IT, "done", DO_IT, "done"])
    async with open_house(MemoryStore(), model, tmp_path, workbench=bench) as house:
        session = await house.new()
        seq = await house.say(session, "do it")
        await allow(house, session, "builtin:deed")
        await house.sessions.answer(session, seq)
        assert deed.runs == 1
        revocation = Revocation(patterns=("builtin:deed",))
        bench.before_start.append(lambda: house.sessions.post(session, revocation))
        await house.say(session, "again")
        await question(house, session)
        assert deed.runs == 1
