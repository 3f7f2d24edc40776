"""A person at a chat, in this process: the keyboard is a pipe, the screen a text."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from duragent.cli.chat.beginning import draft
from duragent.cli.chat.pastes import Entered
from duragent.cli.chat.talk import Options, Talk
from duragent.cli.connection import Connection
from duragent.client.address import Endpoint, always
from duragent.client.client import Client
from duragent.config import Config, ConfigFile
from duragent.wire import SessionInfo
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
    running: asyncio.Task[SessionInfo | None] = field(init=False)

    def type(self, text: str) -> None:
        self.keyboard.send_text(text)

    async def paste(self, text: str) -> None:
        """In a thread, for a pipe takes so much only while it is read."""
        await asyncio.to_thread(self.keyboard.send_text, f"\x1b[200~{text}\x1b[201~")

    async def shows(self, text: str) -> None:
        await until(lambda: text in self.screen.getvalue(), why=f"{text!r} was not shown")

    async def hints(self, text: str) -> None:
        """What is drawn again where a line stood is only what differs, so that the screen need not have it."""
        await until(lambda: text in self.talk.screen.hint, why=f"{text!r} was no hint")

    async def left(self) -> str:
        """The id of the session that the person went to, "" for a draft of one; "leave" when the person went away."""
        to = await asyncio.wait_for(self.running, LIMIT_SECONDS)
        return "leave" if to is None else to.session_id


@asynccontextmanager
async def sitting(
    desk: Desk, session_id: str = "", project: Path | None = None, first: str = ""
) -> AsyncIterator[Terminal]:
    """Without an id the session begins with the first message. `project`: the folder of the agent's files, where the
    chat can see it. `first`: the message on the command line.
    """
    screen = io.StringIO()
    output = Vt100_Output(screen, lambda: Size(rows=40, columns=100), term="xterm")
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=output):
        async with Client(always(Endpoint(desk.url, TOKEN, local=True)), source="cli") as client:
            config = Config(base=project, file=ConfigFile()) if project else None
            session = await client.session(session_id) if session_id else draft("assistant")
            agent = (await client.agents()).named(session.agent)
            entered = Entered(first, first, first) if first else None
            talk = Talk(Connection(client, config), session, Options("Ada"), agent, entered)
            terminal = Terminal(talk, keyboard, screen)
            terminal.running = asyncio.create_task(talk.run())
            yield terminal
            talk.screen.leave()
            await terminal.left()
