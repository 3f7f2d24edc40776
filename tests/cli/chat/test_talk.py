"""One terminal on one session: what a person types, and what comes of it."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from duragent.cli.chat.talk import Options, Talk
from duragent.cli.connection import Connection
from duragent.client.address import Endpoint, always
from duragent.client.client import Client
from tests.cli.desk import Desk
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import TOKEN
from tests.support.until import until


@dataclass
class Terminal:
    """A talk whose keyboard is a pipe. `left` is where it went to."""

    talk: Talk
    keyboard: PipeInput
    screen: io.StringIO
    running: asyncio.Task[str] = field(init=False)

    def type(self, text: str) -> None:
        self.keyboard.send_text(text)

    async def shows(self, text: str) -> None:
        await until(lambda: text in self.screen.getvalue(), why=f"{text!r} was not shown")

    async def left(self) -> str:
        return await asyncio.wait_for(self.running, LIMIT_SECONDS)


@asynccontextmanager
async def sitting(desk: Desk, session_id: str) -> AsyncIterator[Terminal]:
    screen = io.StringIO()
    output = Vt100_Output(screen, lambda: Size(rows=40, columns=100), term="xterm")
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=output):
        async with Client(always(Endpoint(desk.url, TOKEN, local=True)), source="cli") as client:
            talk = Talk(Connection(client), await client.session(session_id), Options("Ada"))
            terminal = Terminal(talk, keyboard, screen)
            terminal.running = asyncio.create_task(talk.run())
            yield terminal
            talk.screen.leave()
            await terminal.left()


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/help", "Alt-Enter begins a new line."),
        ("/nonsense", "There is no /nonsense. /help shows what there is."),
        ("/status", "0 turns"),
        ("/cancel", "There is nothing to stop."),
        ("/approvals", "Nothing waits for a decision."),
        ("/approve", "/approve WORD: once, always, deny, retry, done, give-up."),
        ("/approve once", "Nothing waits for a decision here."),
        ("/title Other name", 'The session is called "Other name" now.'),
        ("/new nobody", "agent 'nobody' not found"),
        ("/attach zzz", "session 'zzz' not found"),
    ],
)
async def test_command_is_answered_above_the_input_line(desk: Desk, typed: str, answer: str) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type(f"{typed}\r")
        await terminal.shows(answer)
        assert not terminal.running.done()


async def test_message_is_sent_under_the_persons_name_and_answered(desk: Desk) -> None:
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type("/etc/hosts has what in it?\r")
        await terminal.shows("hello there friend")
    [message] = [record for record in await desk.house.log(session_id) if record["type"] == "message_received"]
    assert (message["text"], message["sender"]["name"], message["source"]) == (
        "/etc/hosts has what in it?",
        "Ada",
        "cli",
    )


@pytest.mark.parametrize("typed", ["/quit\r", "/detach\r", "\x04"])
async def test_person_leaves_and_the_session_goes_on(desk: Desk, typed: str) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type(typed)
        assert await terminal.left() == "leave"


async def test_person_goes_to_another_session(desk: Desk) -> None:
    one, other = await desk.house.create(), await desk.house.create()
    async with sitting(desk, one) as terminal:
        terminal.type(f"/attach {other}\r")
        assert await terminal.left() == other
    async with sitting(desk, one) as terminal:
        terminal.type("/new\r")
        assert await terminal.left() not in ("leave", one, other)


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
