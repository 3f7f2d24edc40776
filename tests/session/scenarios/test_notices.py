"""Notices of calls from the run of a tool, over its log and a crash, to their delivery."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from duragent.clock import SystemClock
from duragent.errors import StoreFull
from duragent.journal.events import ToolFinished
from duragent.journal.record import Record
from duragent.models.messages import ModelReply
from duragent.policy.tiers import Delivery
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.subscribers.base import Positions
from duragent.subscribers.notify import Notices
from duragent.testing import ScriptedModel
from duragent.transfer.fork import Fork, fork
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import open_house
from tests.support.tool_calls import bash
from tests.support.until import until

NOTIFY = "mode: dangerous\nnotify: {enabled: true, patterns: ['bash:echo *']}\n"
BASH = "  tools: [{type: builtin, name: bash}]"
SILENT = "mode: dangerous\n"


class Kept(Notices):
    """Keeps what it is to deliver. `gate` holds each delivery until it is set."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Positions(folder / "run" / "notices"), _to_the_log)
        self.delivered: list[tuple[str, str, bool]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = 0

    async def deliver(self, stream: str, agent: str, record: Record) -> None:
        self.begun += 1
        await self.gate.wait()
        event = record.event
        assert isinstance(event, ToolFinished)
        self.delivered.append((agent, event.notice, event.outcome == "ok"))


async def _to_the_log(agent: str) -> Sequence[Delivery]:
    return [Delivery("log")]


def model(*commands: str) -> ScriptedModel:
    replies: list[ModelReply | str] = []
    for command in commands:
        replies += [bash(command), "done"]
    return ScriptedModel(replies)


def policy(folder: Path, text: str) -> None:
    (folder / "policy.yaml").write_text(text)


async def test_call_that_its_policy_wants_told_is_told_when_its_result_is_durable(tmp_path: Path) -> None:
    policy(tmp_path, NOTIFY)
    notices = Kept(tmp_path)
    async with open_house(
        MemoryStore(), model("echo 1", "true", "echo 2; false"), tmp_path, agent_rest=BASH, notices=notices
    ) as house:
        session = await house.new()
        for _ in range(3):
            await house.ask(session, "go")
        results = [event for event in await house.events(session) if isinstance(event, ToolFinished)]
        assert [result.notice for result in results] == ["echo 1", "", "echo 2; false"]
        await until(lambda: len(notices.delivered) == 2)
    assert notices.delivered == [("assistant", "echo 1", True), ("assistant", "echo 2; false", False)]


async def test_slow_delivery_holds_no_turn_up(tmp_path: Path) -> None:
    policy(tmp_path, NOTIFY)
    notices = Kept(tmp_path)
    notices.gate.clear()
    async with open_house(
        MemoryStore(), model("echo 1", "echo 2"), tmp_path, agent_rest=BASH, notices=notices
    ) as house:
        session = await house.new()
        async with asyncio.timeout(LIMIT_SECONDS):
            assert (await house.ask(session, "go")).outcome == "completed"
            assert (await house.ask(session, "go")).outcome == "completed"
        assert notices.delivered == []
        notices.gate.set()
        await until(lambda: [text for _, text, _ in notices.delivered] == ["echo 1", "echo 2"])


async def test_killed_between_the_result_and_its_notice_the_next_process_tells_it_once(tmp_path: Path) -> None:
    policy(tmp_path, NOTIFY)
    store, killed = MemoryStore(), Kept(tmp_path)
    killed.gate.clear()
    async with open_house(store, model("echo 1"), tmp_path, agent_rest=BASH, notices=killed) as house:
        session = await house.new()
        await house.ask(session, "go")
        await until(lambda: killed.begun == 1)
    assert killed.delivered == []
    second = Kept(tmp_path)
    async with open_house(store, model("true"), tmp_path, agent_rest=BASH, notices=second, node="node-2") as house:
        await house.ask(session, "and now?")
        await until(lambda: second.delivered == [("assistant", "echo 1", True)])
        await until(lambda: not any((tmp_path / "run" / "notices").iterdir()))
    third = Kept(tmp_path)
    async with open_house(store, model("true"), tmp_path, agent_rest=BASH, notices=third, node="node-3") as house:
        await house.ask(session, "and now?")
    assert third.delivered == []


async def test_session_that_is_opened_for_a_notice_only_does_not_stay_in_memory(tmp_path: Path) -> None:
    policy(tmp_path, NOTIFY)
    store, killed = MemoryStore(), Kept(tmp_path)
    killed.gate.clear()
    async with open_house(store, model("echo 1"), tmp_path, agent_rest=BASH, notices=killed) as house:
        session = await house.new()
        await house.ask(session, "go")
    notices = Kept(tmp_path)
    async with open_house(store, model(), tmp_path, agent_rest=BASH, notices=notices, node="node-2") as house:
        await until(lambda: bool(notices.delivered))
        await until(lambda: house.sessions.live.get(session) is None)


async def test_where_no_policy_wants_notices_there_is_no_file_and_nothing_is_read(tmp_path: Path) -> None:
    policy(tmp_path, SILENT)
    notices = Kept(tmp_path)
    async with open_house(MemoryStore(), model("echo 1"), tmp_path, agent_rest=BASH, notices=notices) as house:
        session = await house.new()
        await house.ask(session, "go")
        records = await house.records(session)
        assert notices.waiting == 0
    assert not (tmp_path / "run" / "notices").exists()
    assert all(record.event.notice == "" for record in records if isinstance(record.event, ToolFinished))


async def test_fork_does_not_tell_again_what_the_original_told(tmp_path: Path) -> None:
    policy(tmp_path, NOTIFY)
    notices = Kept(tmp_path)
    async with open_house(
        MemoryStore(), model("echo 1", "echo 2"), tmp_path, agent_rest=BASH, notices=notices
    ) as house:
        session = await house.new()
        await house.ask(session, "go")
        await until(lambda: len(notices.delivered) == 1)
        copy, _ = await fork(house.sessions, SystemClock(), Fork(session))
        await house.ask(copy.session_id, "go")
        await until(lambda: len(notices.delivered) == 2)
    assert [text for _, text, _ in notices.delivered] == ["echo 1", "echo 2"]


async def test_deleted_session_leaves_no_position(tmp_path: Path) -> None:
    policy(tmp_path, NOTIFY)
    store, killed = MemoryStore(), Kept(tmp_path)
    killed.gate.clear()
    async with open_house(store, model("echo 1"), tmp_path, agent_rest=BASH, notices=killed) as house:
        session = await house.new()
        await house.ask(session, "go")
        assert [path.name for path in (tmp_path / "run" / "notices").iterdir()] == [session]
    await store.delete(session)
    notices = Kept(tmp_path)
    async with open_house(store, model(), tmp_path, agent_rest=BASH, notices=notices, node="node-2"):
        await until(lambda: not any((tmp_path / "run" / "notices").iterdir()))
    assert notices.delivered == []


async def test_result_that_waits_for_room_is_told_when_it_is_in_the_log(tmp_path: Path) -> None:
    class FullOnce(MemoryStore):
        failures = 1

        async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
            if self.failures and any(b'"type":"tool_finished"' in line for line in lines):
                self.failures -= 1
                raise StoreFull("no space")
            await super().append(claim, lines, expect=expect)

    policy(tmp_path, NOTIFY)
    notices, store = Kept(tmp_path), FullOnce()
    async with open_house(store, model("echo 1"), tmp_path, agent_rest=BASH, notices=notices) as house:
        session = await house.new()
        await house.ask(session, "go")
        await until(lambda: [text for _, text, _ in notices.delivered] == ["echo 1"])
    assert store.failures == 0


@pytest.mark.parametrize("enabled", [True, False])
async def test_workbench_says_where_the_policy_of_an_agent_wants_notices_now(tmp_path: Path, enabled: bool) -> None:
    policy(tmp_path, NOTIFY if enabled else SILENT)
    async with open_house(MemoryStore(), model(), tmp_path, agent_rest=BASH) as house:
        assert await house.ports.workbench.deliveries(house.speakers.get("assistant")) == (
            (Delivery("log"),) if enabled else ()
        )
