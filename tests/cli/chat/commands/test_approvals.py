"""Slash commands about what people are asked."""

import re

import pytest

from tests.cli.chat.sitting import sitting
from tests.cli.desk import Desk
from tests.support.until import until


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/approvals", "Nothing waits for a decision."),
        ("/approve", "/approve WORD: once, session, always, deny, retry, done, give-up."),
        ("/approve once", "Nothing waits for a decision here."),
    ],
)
async def test_where_nothing_is_asked(desk: Desk, typed: str, answer: str) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type(f"{typed}\r")
        await terminal.shows(answer)


async def test_call_that_waits_is_decided_by_a_key_and_told_by_a_command(desk: Desk) -> None:
    waiting = await desk.house.waits("echo > made", "echo > again")
    async with sitting(desk, waiting["session_id"]) as terminal:
        await terminal.shows("[y] once")
        terminal.type("/approvals\r")
        await terminal.shows("echo > made")
        terminal.type("/approve once\r")
        await until(lambda: (desk.folder / "project" / "made").exists())
        await until(lambda: terminal.talk.conversation.question, why="the next call asks too")
        terminal.type("/approve deny not that one\r")
        await terminal.shows("done it")
    decisions = [record["decision"] for record in await desk.decided(waiting["session_id"])]
    assert decisions == ["allow_once", "deny"]


async def test_what_may_run_here_until_the_session_ends_is_listed(desk: Desk) -> None:
    waiting = await desk.house.waits("mkdir a")
    async with sitting(desk, waiting["session_id"]) as terminal:
        terminal.type("/policy\r")
        await terminal.shows("Nothing is allowed besides what people wrote.")
        await desk.house.decide(waiting, "allow_session", patterns=["bash:mkdir *", "bash:ls x"])
        terminal.type("/policy\r")
        await terminal.shows(f"`duragent policy revoke PATTERN --session {waiting['session_id'][-6:]}`")
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.screen.getvalue())
        assert re.search(r"bash:mkdir \*\s+bash:ls x\s+`duragent policy revoke", shown)
