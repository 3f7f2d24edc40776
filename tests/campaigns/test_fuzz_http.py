"""Raw bytes over a socket to the real server: no good request is a 4xx or a closed line, and the server lives."""

import asyncio
import random
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from duragent.client.address import Endpoint
from tests.campaigns.campaign import Campaign
from tests.campaigns.fuzz import changed
from tests.support.real_server import RealServer, make_workspace

SECONDS = 20.0
STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
WORDS = (
    b"\r\n\r\n", b"Host: evil.example\r\n", b"Host: 127.0.0.1\r\n", b"Content-Length: -1\r\n", b"Content-Length: 9\r\n",
    b"Content-Length: 99999999999999999999\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: x\r\n",
    b"Authorization: Bearer x\r\n", b"Origin: null\r\n", b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\n",
    b"Content-Type: text/html\r\n", b"Idempotency-Key: \x01\r\n", b"Idempotency-Key: " + b"k" * 300 + b"\r\n",
    b"Last-Event-ID: -1\r\n", b"Last-Event-ID: 99999999999999999999\r\n", b"Accept: text/event-stream\r\n",
    b"Prefer: respond-async\r\n", b"?cursor=~~&limit=1", b"?cursor=%00~%ff", b"?limit=-1", b"?limit=1e3", b"?after=0x1",
    b"?tail=9999999999999999", b"?prefix=%2e%2e", b"%2e%2e%2f", b"%00", b"%", b"//", b"/../", b"HTTP/1.0", b"HTTP/9.9",
    b" " * 20, b"A: " + b"x" * 70_000 + b"\r\n", b"\xe2\x80\xa8", b"PUT ", b"TRACE ", b"CONNECT ",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)  # fmt: skip


def requests(endpoint: Endpoint, session: str) -> list[bytes]:
    """Good ones, as clients send them."""
    host = urlsplit(endpoint.url).netloc
    head = f"Host: {host}\r\nAuthorization: Bearer {endpoint.token}\r\nConnection: close\r\n"
    say = '{"content":"hi"}'
    length = f"Content-Type: application/json\r\nContent-Length: {len(say)}\r\n"
    length += "Idempotency-Key: k1\r\nPrefer: respond-async\r\n"
    one = f"/api/v1/sessions/{session}"
    gets = (
        "/readyz",
        "/api/v1/sessions?limit=5",
        "/api/v1/agents/assistant",
        f"{one}/events?after=0",
        f"{one}/messages",
        one,
    )
    chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nPrefer: respond-async\r\n"
    texts = [f"GET {path} HTTP/1.1\r\n{head}\r\n" for path in gets]
    texts.append(f"POST {one}/messages HTTP/1.1\r\n{head}{length}\r\n{say}")
    texts.append(f"POST {one}/messages HTTP/1.1\r\n{head}{chunked}\r\n{len(say):x}\r\n{say}\r\n0\r\n\r\n")
    texts.append(
        f"PATCH {one} HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: 13\r\n\r\n" + '{"title":"t"}'
    )
    return [text.encode() for text in texts]


async def answer_to(url: str, sent: bytes, patience: float = SECONDS) -> bytes:
    """What comes back on one connection. A client that was silent for so long gets the end of the connection."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        async with asyncio.timeout(SECONDS):
            writer.write(sent)
            await writer.drain()
            return await everything(reader, writer, patience)
    except ConnectionError:
        # It may hang up while we still send.
        return b""
    finally:
        writer.close()


async def everything(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float) -> bytes:
    found = b""
    with suppress(ConnectionError):
        # A stream of events would go on: its beginning is enough.
        while b"caught_up" not in found:
            try:
                async with asyncio.timeout(patience):
                    piece = await reader.read(65_536)
            except TimeoutError:
                writer.write_eof()
                piece = await reader.read(65_536)
            if not piece:
                break
            found += piece
    return found


async def bad_requests_are_refused(campaign: Campaign, place: Path, numbers: range) -> None:
    server = make_workspace(place)
    server.start()
    try:
        endpoint = await server.locate()
        async with server.client() as client:
            session = (await client.create_session("assistant")).session_id
        samples = requests(endpoint, session)
        for sample in samples:
            assert (await answer_to(endpoint.url, sample)).startswith(b"HTTP/1.1 2"), sample
        counts: dict[str, int] = {}
        for number in campaign.cases(numbers):
            with campaign.case(number) as chance:
                status = await one_is_refused(chance, endpoint, samples)
                counts[status] = counts.get(status, 0) + 1
        await still_good(server, endpoint, session)
        print(f"{len(numbers)} requests: {dict(sorted(counts.items()))}")  # noqa: T201  # a campaign says what it did
    finally:
        server.stop()


async def one_is_refused(chance: random.Random, endpoint: Endpoint, samples: list[bytes]) -> str:
    sent = changed(chance, chance.choice(samples), WORDS)
    found = await answer_to(endpoint.url, sent, patience=0.25)
    statuses = [int(status) for status in STATUS.findall(found)]
    assert all(status < 500 or status in (501, 503, 507) for status in statuses), (sent, found[:2_000])
    token = (endpoint.token or "").encode()
    assert token not in found
    if token not in sent and statuses and b"/api/" in sent.split(b"\r\n")[0]:
        assert 200 not in statuses or b"GET /readyz" in sent, (sent, found[:500])
    return str(statuses[0]) if statuses else "closed"


async def still_good(server: RealServer, endpoint: Endpoint, session: str) -> None:
    assert server.process is not None
    assert server.process.poll() is None
    good = {"Authorization": f"Bearer {endpoint.token}"}
    async with httpx.AsyncClient(base_url=endpoint.url, headers=good, timeout=SECONDS, trust_env=False) as http:
        assert (await http.get("/readyz")).status_code == 200
        assert (await http.get(f"/api/v1/sessions/{session}")).status_code == 200
    log = server.log.read_text(errors="replace")
    broken = [each for each in log.split("Traceback")[1:] if "ClientDisconnect" not in each]
    assert broken == []
    server.records(session)


async def test_client_that_hangs_up_within_its_body_is_no_fault_of_the_server(tmp_path: Path) -> None:
    server = make_workspace(tmp_path)
    server.start()
    try:
        endpoint = await server.locate()
        head, _, _ = requests(endpoint, "session_x")[-1].partition(b"\r\n\r\n")
        await answer_to(endpoint.url, head + b'\r\n\r\n{"ti', patience=0.25)
        await answer_to(endpoint.url, requests(endpoint, "session_x")[0])
        assert "Traceback" not in server.log.read_text()
    finally:
        server.stop()


async def test_bad_requests_are_refused_and_the_server_lives(campaign: Campaign, tmp_path: Path) -> None:
    await bad_requests_are_refused(campaign, tmp_path, range(100))


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("shard", range(2))
async def test_bad_requests_are_refused_in_a_long_search(campaign: Campaign, tmp_path: Path, shard: int) -> None:
    await bad_requests_are_refused(campaign, tmp_path, range(1_000 + shard, 31_000, 2))
