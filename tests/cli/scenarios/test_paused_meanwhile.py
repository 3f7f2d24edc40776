"""`duragent ask` as a process against a real server, whose session is paused while the command waits."""

import asyncio
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from duragent.journal.inputs import Pause
from duragent.server.presence import RETURN_SECONDS
from duragent.testing import Line
from tests.cli.desk import Desk
from tests.support.bounds import LIMIT_SECONDS
from tests.support.environment import with_source
from tests.support.until import until


@dataclass
class Cable:
    """A way to a server that can be cut, and mended at the same address."""

    server_url: str
    port: int = 0
    _listener: asyncio.Server | None = None
    _flows: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def mend(self) -> None:
        self._listener = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for flow in self._flows:
            flow.cancel()
        await asyncio.gather(*self._flows, return_exceptions=True)

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        there = urlsplit(self.server_url)
        server_reader, server_writer = await asyncio.open_connection(there.hostname, there.port)
        for source, target in ((reader, server_writer), (server_reader, writer)):
            flow = asyncio.create_task(_flow(source, target))
            self._flows.add(flow)
            flow.add_done_callback(self._flows.discard)


async def _flow(source: StreamReader, target: StreamWriter) -> None:
    try:
        with suppress(OSError):
            while piece := await source.read(65536):
                target.write(piece)
                await target.drain()
    finally:
        target.close()


@asynccontextmanager
async def cable_to(desk: Desk) -> AsyncIterator[Cable]:
    cable = Cable(desk.url)
    await cable.mend()
    try:
        yield cable
    finally:
        await cable.cut()


@asynccontextmanager
async def waiting_ask(desk: Desk, url: str, agent: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The command, which waits for an answer that does not come, and its session."""
    desk.house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=1))
    command = [sys.executable, "-m", "duragent", "ask", agent, "count", "--server", url]
    asking = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=with_source(),
    )
    try:
        await asyncio.wait_for(desk.house.model.asked(), LIMIT_SECONDS)
        [session], _ = await desk.house.sessions.list()
        await until(lambda: desk.house.sessions.watchers(session.session_id))
        yield asking, session.session_id
    finally:
        if asking.returncode is None:
            asking.kill()
            await asking.wait()


async def end_of(asking: asyncio.subprocess.Process) -> tuple[int | None, str, list[str]]:
    out, err = await asyncio.wait_for(asking.communicate(), LIMIT_SECONDS)
    return asking.returncode, out.decode(), err.decode().splitlines()


async def test_ask_ends_when_somebody_pauses_the_session(desk: Desk) -> None:
    async with waiting_ask(desk, desk.url, "assistant") as (asking, session_id):
        await desk.house.sessions.post(session_id, Pause(reason="lunch"))
        assert await end_of(asking) == (1, "", ["duragent: the turn is paused: lunch"])


async def test_ask_ends_when_the_server_paused_the_session_while_the_connection_was_lost(desk: Desk) -> None:
    house = desk.house
    async with cable_to(desk) as cable, waiting_ask(desk, cable.url, "pauser") as (asking, session_id):
        await cable.cut()
        await until(lambda: house.sessions.watchers(session_id) == 0)

        async def paused() -> bool:
            await house.clock.advance(RETURN_SECONDS)
            return "model_failed" in [record["type"] for record in await house.log(session_id)]

        await until(paused)
        await cable.mend()
        code, out, err = await end_of(asking)
    assert (code, out, err[-1]) == (1, "one\n", "duragent: the turn is paused: the last client went away")
