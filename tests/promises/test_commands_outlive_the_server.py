"""Commands that outlive their server, and what is done about those whose end is unknown. Promises 2, 3 and 11."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duragent.client.client import Client
from duragent.journal.events import ModelReplied, ToolFinished, ToolResolved, ToolStarted, TurnEnded
from duragent.wire import Approval, DecisionName, SendMessage
from tests.support.attached import Seen, attached, whole
from tests.support.hands import TOOLS, Hands, make_hands
from tests.support.until import until

LONG = '#!/bin/sh\necho begin\ntouch begun\nwhile [ ! -e go ]; do sleep 0.02; done\necho "$1" >> count\necho end\n'


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    hands = make_hands(tmp_path, server={"shutdown_grace_seconds": 1.0})
    hands.script("long", LONG)
    yield hands
    (tmp_path / "go").touch()
    hands.server.stop()


async def _begun(hands: Hands, client: Client) -> str:
    """A session whose command runs, and does not end before the file `go` is there."""
    session = await hands.say(client, "./long word")
    await until((hands.folder / "begun").exists)
    return session


def _spool(hands: Hands) -> Path:
    return hands.server.workspace / "run" / "spool"


def _call_folder(hands: Hands, session: str) -> Path:
    [found] = _spool(hands).glob(f"{session}.*")
    return found


def _runner(hands: Hands, session: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_call_folder(hands, session) / "runner.json").read_text())
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def _picked_up(hands: Hands, session: str) -> None:
    """The command ran once, and all that it printed is there."""
    [result] = hands.results(session)
    assert (result.outcome, result.content, hands.count()) == ("ok", "begin\nend\n", {"word": 1})
    assert hands.lost(session) == []
    assert _calls(hands) == []


def _calls(hands: Hands) -> list[str]:
    return [each.name for each in _spool(hands).iterdir() if each.is_dir() and not each.name.startswith(".")]


async def test_a_command_outlives_the_kill_of_its_server_and_its_output_is_complete(hands: Hands) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await _begun(hands, client)
        async with attached(hands.server, session) as one, attached(hands.server, session) as two:
            for _ in range(2):
                hands.server.kill()
                hands.server.start()
            (hands.folder / "go").touch()
            await asyncio.gather(one.until(Seen.ended), two.until(Seen.ended))
        for seen in (one, two):
            whole(seen.records)
            assert sum(isinstance(record.event, ToolFinished) for record in seen.records) == 1
        await _picked_up(hands, session)


async def test_a_command_that_ends_while_no_server_runs_is_picked_up(hands: Hands) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await _begun(hands, client)
        hands.server.kill()
        (hands.folder / "go").touch()
        await until((_call_folder(hands, session) / "exit.json").exists)
        hands.server.start()
        await hands.settle(client, [session])
    await _picked_up(hands, session)


async def test_sigterm_stops_the_server_in_time_and_leaves_the_command(hands: Hands) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await _begun(hands, client)
        # The command runs until the file is there: the server has not waited for it.
        assert await asyncio.to_thread(hands.server.terminate) == 0
        assert is_alive(_runner(hands, session)["child"])
        hands.server.start()
        (hands.folder / "go").touch()
        await hands.settle(client, [session])
    await _picked_up(hands, session)


# --- how it ended is unknown ------------------------------------------------------------------------------------------


async def _resolved(hands: Hands, client: Client, session: str, decision: DecisionName) -> None:
    """The question about a lost call is asked and answered; what comes of it is as it was answered."""
    asked = await hands.asked(client)
    assert (asked.kind, asked.command, asked.session_id) == ("lost", "./long word", session)
    assert asked.evidence
    (hands.folder / "go").touch()

    def answer(_: Approval) -> DecisionName:
        return decision

    await hands.settle(client, [session], answer)
    events = hands.events(session)
    assert [event.resolution for event in events if isinstance(event, ToolResolved)] == [decision]
    started = [event.attempt for event in events if isinstance(event, ToolStarted)]
    [result] = hands.results(session)
    assert (started, result.outcome) == {
        "retry": ([1, 2], "ok"),
        "done": ([1], "ok"),
        "failed": ([1], "interrupted"),
    }[decision]
    assert hands.count() == ({"word": 1} if decision == "retry" else {})


@pytest.mark.parametrize("decision", ["retry", "done", "failed"])
async def test_a_command_whose_runner_was_killed_is_asked_about(hands: Hands, decision: DecisionName) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await _begun(hands, client)
        runner = _runner(hands, session)
        os.kill(runner["pid"], signal.SIGKILL)
        await hands.asked(client)
        assert not is_alive(runner["child"])
        await _resolved(hands, client, session, decision)


@pytest.mark.parametrize("decision", ["retry", "failed"])
async def test_a_runner_that_was_killed_while_no_server_ran_is_asked_about_and_its_command_ended(
    hands: Hands, decision: DecisionName
) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await _begun(hands, client)
        runner = _runner(hands, session)
        hands.server.kill()
        os.kill(runner["pid"], signal.SIGKILL)
        hands.server.start()
        await hands.asked(client)
        assert not is_alive(runner["child"])
        # The question waits, over another restart too.
        hands.server.kill()
        hands.server.start()
        await _resolved(hands, client, session, decision)


async def test_results_that_were_removed_while_no_server_ran_are_asked_about(hands: Hands) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await _begun(hands, client)
        hands.server.kill()
        (hands.folder / "go").touch()
        await until((_call_folder(hands, session) / "exit.json").exists)
        assert hands.count() == {"word": 1}
        shutil.rmtree(_spool(hands))
        hands.server.start()
        asked = await hands.asked(client)
        assert (asked.kind, asked.command) == ("lost", "./long word")
        await hands.settle(client, [session], lambda _: "done")
    assert hands.count() == {"word": 1}


async def test_where_nobody_is_asked_the_model_is_told_that_the_outcome_is_unknown(hands: Hands) -> None:
    (hands.server.workspace / "policy.yaml").write_text("mode: dangerous\n")
    hands.server.start()
    async with hands.server.client() as client:
        session = await _begun(hands, client)
        hands.server.kill()
        os.kill(_runner(hands, session)["pid"], signal.SIGKILL)
        hands.server.start()
        await hands.settle(client, [session])
    [result] = hands.results(session)
    assert (result.outcome, result.content.startswith("OUTCOME UNKNOWN")) == ("interrupted", True)
    assert [event.attempt for event in hands.events(session) if isinstance(event, ToolStarted)] == [1]


# --- the agent is not what it was -------------------------------------------------------------------------------------


def _agent_file(hands: Hands) -> Path:
    return hands.server.workspace / "agents" / "assistant" / "agent.yaml"


async def _waiting(hands: Hands, client: Client, command: str = "./ask word") -> str:
    session = await hands.say(client, command)
    await hands.asked(client)
    return session


async def test_an_approved_call_whose_tool_is_gone_is_told_to_the_model(hands: Hands) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await _waiting(hands, client)
        hands.server.kill()
        _agent_file(hands).write_text(_agent_file(hands).read_text().replace(TOOLS, ""))
        hands.server.start()
        await hands.settle(client, [session])
    [result] = hands.results(session)
    assert (result.outcome, result.content) == ("error", "tool not found: bash")
    assert hands.count() == {}


async def test_a_command_whose_tool_is_gone_is_ended_and_asked_about(hands: Hands) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await _begun(hands, client)
        child = _runner(hands, session)["child"]
        hands.server.kill()
        _agent_file(hands).write_text(_agent_file(hands).read_text().replace(TOOLS, ""))
        hands.server.start()
        assert (await hands.asked(client)).kind == "lost"
        assert not is_alive(child)
        await hands.settle(client, [session], lambda _: "retry")
        await until(lambda: _calls(hands) == [])
    [result] = hands.results(session)
    assert (result.outcome, result.content) == ("error", "tool not found: bash")


async def test_an_approved_call_that_the_policy_denies_by_now_is_not_run(hands: Hands) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await _waiting(hands, client)
        policy = hands.server.workspace / "policy.yaml"
        policy.write_text(policy.read_text() + "deny: ['bash:./ask *']\n")
        await hands.settle(client, [session])
    [result] = hands.results(session)
    assert result.outcome == "denied"
    assert "policy.yaml: bash:./ask *" in result.content
    assert hands.count() == {}


@pytest.mark.parametrize("stage", ["waiting", "running"])
async def test_a_turn_whose_agent_broke_fails_with_the_reason_and_the_session_goes_on_after_the_fix(
    hands: Hands, stage: str
) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await (_waiting if stage == "waiting" else _begun)(hands, client)
        child = _runner(hands, session)["child"] if stage == "running" else 0
        hands.server.kill()
        good = _agent_file(hands).read_text()
        _agent_file(hands).write_text(good.replace("  model:", "  modell:"))
        hands.server.start()
        await hands.settle(client, [session])
        [ended] = [event for event in hands.events(session) if isinstance(event, TurnEnded)]
        assert (ended.outcome, "agent.yaml:6" in ended.reason) == ("failed", True), ended
        [result] = hands.results(session)
        assert result.outcome == "interrupted"
        assert ("may have taken effect" in result.content) == (stage == "running")
        assert not child or not is_alive(child)
        # Its folder is removed after the end of the turn is published.
        await until(lambda: _calls(hands) == [])
        _agent_file(hands).write_text(good)
        await client.reload_agents()
        await client.ask(session, SendMessage(content="run `./do again`"))
    assert hands.count() == {"again": 1}
    assert isinstance(hands.events(session)[-2], ModelReplied)
