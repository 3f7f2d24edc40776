"""A TCP proxy that breaks connections: after so many bytes, after so many seconds, with a FIN or with a RST.

What it passes on comes in pieces of odd sizes, so that frames and characters are torn apart even when nothing breaks.
"""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support.until import take_time

PIECE_BYTES = 64 << 10
CRAWL_BYTES = 3_000
"""So much of an answer may come in pieces of a few bytes; the rest comes in larger ones."""


@dataclass(frozen=True)
class Fate:
    """What becomes of one connection; None: it does not end that way. A stall is a reader that does not read."""

    answer_bytes: int | None = None
    request_bytes: int | None = None
    seconds: float | None = None
    stall_at_bytes: int = 0
    stall_seconds: float = 0.0
    rst: bool = False
    crawl: bool = False


WHOLE = Fate()


def fate_of(chance: random.Random) -> Fate:
    """Mostly in the answer: in its head, in a frame, in a character; now and then in the request."""
    rst, crawl = chance.random() < 0.3, chance.random() < 0.3
    seconds = chance.uniform(0.02, 0.3)
    match chance.choices(("head", "near", "far", "request", "late", "stall"), (25, 35, 15, 5, 10, 10))[0]:
        case "head":
            return Fate(answer_bytes=chance.randrange(260), seconds=seconds, rst=rst, crawl=crawl)
        case "near":
            return Fate(answer_bytes=chance.randrange(260, 6_000), seconds=seconds, rst=rst, crawl=crawl)
        case "far":
            return Fate(answer_bytes=chance.randrange(6_000, 3_000_000), seconds=4 * seconds, rst=rst)
        case "request":
            return Fate(request_bytes=chance.randrange(250), seconds=seconds, rst=rst)
        case "stall":
            at = chance.randrange(2_000_000) if chance.random() < 0.5 else chance.randrange(2_000)
            return Fate(stall_at_bytes=at, stall_seconds=4 * seconds, seconds=8 * seconds, rst=rst)
        case _:
            return Fate(seconds=2 * seconds, rst=rst, crawl=crawl)


Target = Callable[[], Awaitable[tuple[str, int] | None]]


@dataclass
class Proxy:
    """`broken` counts the connections that it broke. `gentle`: from now on it breaks none."""

    target: Target
    chance: random.Random
    url: str = ""
    broken: int = 0
    connections: int = 0
    gentle: bool = False
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def soothe(self) -> None:
        """Break what is open, and nothing any more."""
        self.gentle = True
        await self.close()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        # No coroutine: asyncio's server would print each one that is cancelled.
        task = asyncio.ensure_future(self._connection(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fate = WHOLE if self.gentle else fate_of(self.chance)
        try:
            await self._passed_on(fate, reader, writer)
        except OSError:
            pass
        finally:
            writer.transport.abort() if fate.rst else writer.close()

    async def _passed_on(self, fate: Fate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = await self.target()
        if place is None:
            return
        if fate.rst:
            linger(writer)
        server = socket.socket()
        # A small window, so that a reader who stalls is felt by the server and not by the kernel alone.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 10)
        server.setblocking(False)
        await asyncio.get_running_loop().sock_connect(server, place)
        up_reader, up_writer = await asyncio.open_connection(sock=server, limit=PIECE_BYTES)
        chance = random.Random(self.chance.random())
        pumps = (
            asyncio.ensure_future(_request(fate, reader, up_writer)),
            asyncio.ensure_future(_answer(fate, chance, up_reader, writer)),
        )
        try:
            done, _ = await asyncio.wait(pumps, timeout=fate.seconds, return_when=asyncio.FIRST_COMPLETED)
            self.broken += not done or any(pump.exception() is None and pump.result() for pump in done)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            if fate.rst:
                linger(up_writer)
            up_writer.transport.abort()

    async def close(self) -> None:
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


def linger(writer: asyncio.StreamWriter) -> None:
    """The end of this connection is a RST."""
    with suppress(OSError):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _request(fate: Fate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """True when it was cut."""
    left = fate.request_bytes
    while data := await reader.read(PIECE_BYTES):
        writer.write(data if left is None else data[:left])
        await writer.drain()
        if left is not None:
            left -= len(data)
            if left <= 0:
                return True
    return False


async def _answer(
    fate: Fate, chance: random.Random, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """True when it was cut."""
    passed, stalled = 0, not fate.stall_seconds
    while True:
        if not stalled and passed >= fate.stall_at_bytes:
            stalled = True
            await take_time(fate.stall_seconds)
        wanted = chance.randrange(1, 40) if fate.crawl and passed < CRAWL_BYTES else chance.randrange(1, PIECE_BYTES)
        if fate.answer_bytes is not None:
            wanted = min(wanted, fate.answer_bytes - passed)
        if wanted == 0:
            return True
        data = await reader.read(wanted)
        if not data:
            return False
        writer.write(data)
        await writer.drain()
        passed += len(data)


@asynccontextmanager
async def proxied(target: Target, chance: random.Random) -> AsyncIterator[Proxy]:
    proxy = Proxy(target, chance)
    listening = await asyncio.start_server(proxy.accept, "127.0.0.1", 0, limit=PIECE_BYTES)
    proxy.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listening.close()
        await proxy.close()
