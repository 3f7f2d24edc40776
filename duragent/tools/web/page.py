"""Getting one page: redirects, addresses, sizes and time are all bounded here.

The connection is made to the very address that was checked, under the name of the host, so that a name that changes
its address in between leads nowhere else. Proxies of the environment are not used: they would look the name up again.
"""

import asyncio
import ipaddress
import socket
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import httpx

from duragent.http.addresses import Address, literal_address
from duragent.tools.settings import WebSettings
from duragent.tools.web.guard import UrlRefused, UrlTarget, check_addresses, check_url

MAX_REDIRECTS = 5
MAX_ADDRESSES = 4
_CONNECT_SECONDS = 10.0
_CHUNK = 1 << 16

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""The addresses of a name. Raises OSError."""


class PageFailed(Exception):
    """There is no page; the message is a sentence for the model."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the server sent."""

    url: str
    """Where the redirects ended."""
    content_type: str
    """As the server says; "" when it does not."""
    content: bytes
    """Unpacked, and not longer than the settings allow."""
    cut: bool
    """There was more."""


@dataclass(frozen=True, slots=True)
class Way:
    """How pages are reached."""

    settings: WebSettings
    resolve: Resolve
    """From a host's name to its addresses."""
    transport: httpx.AsyncBaseTransport | None = None
    """None is the network."""
    user_agent: str = "duragent"
    """The header of that name."""


async def resolve(host: str, port: int) -> Sequence[Address]:
    """By the system. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(ipaddress.ip_address(each[4][0]) for each in found))


async def get_page(url: str, way: Way) -> Page:
    """The page, after its redirects. Raises UrlRefused and PageFailed."""
    try:
        async with asyncio.timeout(way.settings.timeout_seconds), _client(way) as client:
            for _ in range(MAX_REDIRECTS + 1):
                target = check_url(url, way.settings.allow_hosts)
                found = await _ask(client, target, way)
                if isinstance(found, Page):
                    return found
                url = found
    except TimeoutError:
        raise PageFailed(f"{url} took longer than {way.settings.timeout_seconds:g} seconds") from None
    raise PageFailed(f"{url}: more than {MAX_REDIRECTS} redirects")


def _client(way: Way) -> httpx.AsyncClient:
    headers = {"User-Agent": way.user_agent, "Accept-Encoding": "gzip, deflate"}
    accept = {"Accept": "text/html, text/markdown, text/plain, application/json, */*;q=0.5"}
    return httpx.AsyncClient(
        transport=way.transport,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(way.settings.timeout_seconds, connect=_CONNECT_SECONDS),
        headers={**headers, **accept},
    )


async def _ask(client: httpx.AsyncClient, target: UrlTarget, way: Way) -> Page | str:
    """The page, or where it has gone."""
    problem: Exception | None = None
    for address in (await _addresses(target, way))[:MAX_ADDRESSES]:
        request = _request(client, target, address)
        try:
            response = await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            problem = error
            continue
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PageFailed(f"{target.url}: {_told(error)}") from None
        try:
            return await _received(response, target, way.settings.max_page_bytes)
        except (httpx.HTTPError, zlib.error) as error:
            raise PageFailed(f"{target.url}: {_told(error)}") from None
        finally:
            await response.aclose()
    raise PageFailed(f"{target.host} cannot be reached: {_told(problem)}")


def _told(error: Exception | None) -> str:
    return str(error) or type(error).__name__


async def _addresses(target: UrlTarget, way: Way) -> Sequence[Address]:
    literal = literal_address(target.host)
    try:
        found = [literal] if literal is not None else await way.resolve(target.host, target.port)
    except (OSError, UnicodeError):
        raise PageFailed(f"{target.host} cannot be found") from None
    if not target.allowed:
        check_addresses(target.host, found)
    return found


def _request(client: httpx.AsyncClient, target: UrlTarget, address: Address) -> httpx.Request:
    # `sni_hostname` is also the name that the certificate must carry.
    return client.build_request(
        "GET",
        target.url.copy_with(host=str(address), fragment=None),
        headers={"Host": target.url.netloc.decode("ascii")},
        extensions={"sni_hostname": target.host},
    )


async def _received(response: httpx.Response, target: UrlTarget, most: int) -> Page | str:
    if response.is_redirect and (location := response.headers.get("location")):
        try:
            return str(target.url.join(location))
        except (httpx.InvalidURL, ValueError):
            raise UrlRefused(f"{target.url} leads to something that is not a URL") from None
    if not response.is_success:
        raise PageFailed(f"HTTP error: {response.status_code} {response.reason_phrase}".rstrip())
    content, cut = await _content(response, most)
    return Page(str(target.url), response.headers.get("content-type", ""), content, cut)


async def _content(response: httpx.Response, most: int) -> tuple[bytes, bool]:
    """What came, unpacked; never more than `most` bytes of it are in memory, however well it was packed."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise PageFailed(f"the page is packed as {encoding!r}, which is not understood")
    unpack = None if encoding in ("identity", "") else _Unpacker(encoding)
    kept = bytearray()
    async for chunk in response.aiter_raw(_CHUNK):
        kept += chunk if unpack is None else unpack(chunk, most + 1 - len(kept))
        if len(kept) > most:
            return bytes(kept[:most]), True
    return bytes(kept), False


class _Unpacker:
    """gzip or deflate, the latter with or without its header."""

    def __init__(self, encoding: str) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 16 if encoding != "deflate" else zlib.MAX_WBITS)
        self._started = encoding != "deflate"

    def __call__(self, chunk: bytes, most: int) -> bytes:
        try:
            found = self._zlib.decompress(chunk, most)
        except zlib.error:
            if self._started:
                raise
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
            found = self._zlib.decompress(chunk, most)
        self._started = True
        return found
