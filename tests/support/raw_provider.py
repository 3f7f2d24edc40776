"""A provider that sends bytes as a test writes them: over a real socket, with no HTTP library that would mend them."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

GATE = None
"""Among the pieces of an answer: wait here until the test opens `RawProvider.gate`, or the caller goes away."""

Pieces = tuple[bytes | None, ...]


@dataclass(frozen=True)
class Raw:
    """One answer: its bytes, one write for each, and whether the connection is closed behind them."""

    pieces: Pieces
    closes: bool = False


@dataclass
class RawProvider:
    """Answers one request after the other with the next of `answers`."""

    port: int = 0
    answers: deque[Raw] = field(default_factory=deque)
    heads: list[str] = field(default_factory=list)
    """The first line and the headers of each request, as they came."""
    bodies: list[bytes] = field(default_factory=list)
    """Of each request."""
    connections: int = 0
    """How many were made."""
    open: int = 0
    """How many of them stand."""
    left: int = 0
    """How many ended in the middle of an answer, because the caller went away."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The caller went away, or the test is over.
        finally:
            writer.close()
            self.open -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lengths = [line.partition(":")[2] for line in head.splitlines() if line.lower().startswith("content-length:")]
        body = await reader.readexactly(int(lengths[0]) if lengths else 0)
        self.heads.append(head)
        self.bodies.append(body)
        answer = self.answers.popleft()
        for piece in answer.pieces:
            if piece is GATE and not await self._opened(reader):
                self.left += 1
                return False
            writer.write(piece or b"")
            await writer.drain()
        return not answer.closes

    async def _opened(self, reader: asyncio.StreamReader) -> bool:
        """Whether the gate was opened before the caller went away."""
        gone, opened = asyncio.ensure_future(reader.read(1)), asyncio.ensure_future(self.gate.wait())
        await asyncio.wait((gone, opened), return_when=asyncio.FIRST_COMPLETED)
        for waiting in (gone, opened):
            waiting.cancel()
        await asyncio.wait((gone, opened))
        return self.gate.is_set()


@asynccontextmanager
async def raw_provider(*answers: Raw, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawProvider]:
    provider = RawProvider(answers=deque(answers), scheme="https" if tls else "http")
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=tls)
    provider.port = server.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        provider.gate.set()
        server.close()


def whole(body: bytes, *headers: str, status: str = "200 OK") -> Raw:
    """An answer of HTTP/1.1 whose length is told."""
    return Raw((_head(status, f"Content-Length: {len(body)}", *headers) + body,))


def chunked(*pieces: bytes | None, headers: tuple[str, ...] = (), ends: bool = True) -> Raw:
    """A streamed answer of HTTP/1.1, one chunk for each piece. Not `ends`: it breaks off behind them."""
    chunks = [GATE if piece is GATE else b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    return Raw((_head("200 OK", "Transfer-Encoding: chunked", *headers), *chunks, *((b"0\r\n\r\n",) if ends else ())),
               closes=not ends)  # fmt: skip


def until_closed(*pieces: bytes | None, headers: tuple[str, ...] = (), version: str = "1.0") -> Raw:
    """An answer whose end is the end of the connection, as HTTP/1.0 has it."""
    return Raw((_head("200 OK", *headers, version=version), *pieces), closes=True)


def _head(status: str, *headers: str, version: str = "1.1") -> bytes:
    return "\r\n".join((f"HTTP/{version} {status}", *headers, "", "")).encode("latin-1")
