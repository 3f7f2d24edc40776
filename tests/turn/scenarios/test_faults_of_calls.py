"""Tool calls when something around them fails: the spool, the log, a pause, a stop."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from duragent.errors import Unavailable
from duragent.journal.events import ToolFinished, ToolLost, ToolResolved, ToolStarted
from duragent.journal.inputs import Decision, Pause, Resume
from duragent.journal.question import Question
from duragent.process.spool import Spool
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.host import FULL_STORE_PAUSE_SECONDS
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import House, open_house
from tests.support.tool_calls import bash, finished
from tests.support.until import until
from tests.support.workbench import workbench_in

Opened = Callable[..., AbstractAsyncContextManager[House]]

BASH = "  tools: [{type: builtin, name: bash}]"
LONG = "touch begun; while [ ! -e go ]; do sleep 0.02; done; echo once >> count; echo over"


@pytest.fixture
async def opened(tmp_path: Path) -> Opened:
    """As `open_house`, with a spool that has its id on the disk; everything is allowed."""
    (tmp_path / "policy.yaml").write_text("mode: ask\nallow: ['bash:*']\n")
    spool = await Spool.open(tmp_path / "run" / "spool")
    return partial(open_house, agent_rest=BASH, workbench=replace(workbench_in(tmp_path), spool=spool))


async def test_a_server_that_stops_while_a_paused_session_runs_a_command_does_not_wait_for_it(
    tmp_path: Path, opened: Opened
) -> None:
    store, project = MemoryStore(), tmp_path / "project"
    async with opened(store, ScriptedModel([bash(LONG)]), tmp_path) as house:
        session = await house.new()
        await house.say(session, "go")
        await until((project / "begun").exists)
        await house.sessions.post(session, Pause())
        async with asyncio.timeout(LIMIT_SECONDS):
            await house.sessions.close(0.1)
    (project / "go").touch()
    async with opened(store, ScriptedModel(["done"]), tmp_path, node="node-2") as house:
        await house.sessions.post(session, Resume())
        await house.idle(session)
        assert [(each.outcome, each.content) for each in await finished(house, session)] == [("ok", "over\n")]
    assert (project / "count").read_text() == "once\n"


async def test_a_spool_that_cannot_be_used_holds_the_turn_up_and_it_goes_on_when_it_can(
    tmp_path: Path, opened: Opened
) -> None:
    store, project = MemoryStore(), tmp_path / "project"
    root, away = tmp_path / "run" / "spool", tmp_path / "away"
    async with opened(store, ScriptedModel([bash(LONG)]), tmp_path) as house:
        session = await house.new()
        seq = await house.say(session, "go")
        await until((project / "begun").exists)
    (project / "go").touch()
    await until((project / "count").exists)
    again, clock = ScriptedModel(["done"]), FakeClock()
    async with opened(store, again, tmp_path, node="node-2", clock=clock) as house:
        root.rename(away)
        root.write_text("this is no folder")
        await house.sessions.state(session)
        async with asyncio.timeout(LIMIT_SECONDS):
            await clock.until_asleep()
        root.unlink()
        away.rename(root)
        await clock.advance(FULL_STORE_PAUSE_SECONDS)
        assert (await house.sessions.answer(session, seq)).outcome == "completed"
        assert [each.content for each in await finished(house, session)] == ["over\n"]
    assert (project / "count").read_text() == "once\n"


async def test_a_result_that_cannot_be_read_under_a_running_server_is_asked_about(
    tmp_path: Path, opened: Opened
) -> None:
    project, root = tmp_path / "project", tmp_path / "run" / "spool"
    async with opened(MemoryStore(), ScriptedModel([bash(LONG), "done"]), tmp_path) as house:
        session = await house.new()
        seq = await house.say(session, "go")
        await until((project / "begun").exists)
        root.rename(tmp_path / "away")
        root.write_text("this is no folder")
        question = await _question(house, session)
        assert (question.kind, "may have run" in question.evidence) == ("lost", True)
        (project / "go").touch()
        await until((project / "count").exists)
        await house.sessions.post(session, Decision(call=question.call, decision="done"))
        assert (await house.sessions.answer(session, seq)).outcome == "completed"
    assert (project / "count").read_text() == "once\n"


async def _question(house: House, session: str) -> Question:
    question = await until(lambda: house.sessions.question(session))
    assert question is not None
    return question


async def test_a_call_whose_result_was_removed_under_a_running_server_is_asked_about(
    tmp_path: Path, opened: Opened
) -> None:
    store, project = MemoryStore(), tmp_path / "project"
    async with opened(store, ScriptedModel([bash(LONG)]), tmp_path) as house:
        session = await house.new()
        await house.say(session, "go")
        await until((project / "begun").exists)
    (project / "go").touch()
    await until((project / "count").exists)
    # Not deleted: its runner may still be at work in it.
    (tmp_path / "run" / "spool").rename(tmp_path / "away")
    (tmp_path / "run" / "spool").mkdir()
    async with opened(store, ScriptedModel(["done"]), tmp_path, node="node-2") as house:
        await house.sessions.state(session)
        question = await _question(house, session)
        assert (question.kind, "no result" in question.evidence) == ("lost", True)
        await house.sessions.post(session, Decision(call=question.call, decision="done"))
        await house.idle(session)
        events = await house.events(session)
        assert [event.resolution for event in events if isinstance(event, ToolResolved)] == ["done"]
        assert len([event for event in events if isinstance(event, ToolStarted)]) == 1
    assert (project / "count").read_text() == "once\n"


class Unreadable(MemoryStore):
    """A store that cannot read its logs at the moment."""

    fails = False

    async def claim(self, session_id: str) -> Claim:
        if self.fails:
            raise Unavailable("cannot open the log")
        return await super().claim(session_id)


async def test_the_result_of_a_session_that_cannot_be_read_now_is_kept(tmp_path: Path, opened: Opened) -> None:
    store, project = Unreadable(), tmp_path / "project"
    async with opened(store, ScriptedModel([bash(LONG)]), tmp_path) as house:
        session = await house.new()
        await house.say(session, "go")
        await until((project / "begun").exists)
    store.fails, clock = True, FakeClock()
    async with opened(store, ScriptedModel(), tmp_path, node="node-2", clock=clock) as house:
        keeping = asyncio.ensure_future(house.sessions.run())
        async with asyncio.timeout(LIMIT_SECONDS):
            await clock.until_asleep(5)
        keeping.cancel()
        await asyncio.wait((keeping,))
    store.fails = False
    (project / "go").touch()
    async with opened(store, ScriptedModel(["done"]), tmp_path, node="node-3") as house:
        await house.sessions.state(session)
        await house.idle(session)
        events = await house.events(session)
        assert [event for event in events if isinstance(event, ToolLost)] == []
        assert [event.content for event in events if isinstance(event, ToolFinished)] == ["over\n"]
    assert (project / "count").read_text() == "once\n"
