"""A small real HTTP server on 127.0.0.1 that answers what it was told."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from duragent.http.addresses import Address
from duragent.tools.base import ToolResult
from duragent.tools.settings import WebSettings
from duragent.tools.web.tool import WebTool
from tests.tools.calling import call


@dataclass
class Site:
    """`pages` are whole responses by path, `requests` what came. A page of b"" never answers."""

    port: int = 0
    pages: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def add(
        self, path: str, body: bytes | str, kind: str = "text/plain", headers: str = "", status: str = "200 OK"
    ) -> str:
        content = body if isinstance(body, bytes) else body.encode()
        head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n{headers}\r\n"
        self.pages[path] = head.encode() + content
        return self.url(path)

    def redirect(self, path: str, to: str) -> str:
        return self.add(path, "", headers=f"location: {to}\r\n", status="302 Found")

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(request)
            page = self.pages.get(request.split(" ")[1].partition("?")[0], b"HTTP/1.1 404 Not Found\r\n\r\n")
            if not page:
                await reader.read()
            writer.write(page)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serve(tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.answer, "127.0.0.1", 0, ssl=tls)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()


async def fetch(site: Site, url: str, folder: Path, *, max_chars: int = 0, **settings: Any) -> ToolResult:
    tool = WebTool(WebSettings(**{"allow_hosts": (site.host,), **settings}))
    return await call(tool, folder, action="fetch", url=url, max_chars=max_chars)


class Resolver:
    """Answers in turn; `asked` counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked += 1
        return [ipaddress.ip_address(each) for each in self.answers.pop(0)]


class Network(httpx.AsyncBaseTransport):
    """Where connections would have gone: (address, host header, TLS name)."""

    def __init__(self, *responses: httpx.Response) -> None:
        self.responses, self.reached = list(responses), list[tuple[str, str, object]]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.reached.append((request.url.host, request.headers["host"], request.extensions.get("sni_hostname")))
        return self.responses.pop(0)
