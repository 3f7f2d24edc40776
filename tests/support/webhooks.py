"""Real HTTP servers that take webhooks."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.support.until import take_time


@asynccontextmanager
async def webhook(
    status: int = 200, wait_for: asyncio.Event | None = None
) -> AsyncIterator[tuple[str, "asyncio.Queue[dict[str, object]]"]]:
    """A real HTTP server; its URL, and the bodies that it got. It answers when `wait_for` is set."""
    bodies: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length"))
        bodies.put_nowait(json.loads(await reader.readexactly(size)))
        if wait_for is not None:
            await wait_for.wait()
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", bodies


@asynccontextmanager
async def trickling(start: bytes) -> AsyncIterator[str]:
    """The URL of a server that begins its answer so, and never comes to the end of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(start)
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x: y\r\n")
                await writer.drain()
                await take_time(0.02)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
