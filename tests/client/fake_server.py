"""A small HTTP server that can be as unreliable as a test wants: it cuts answers at any byte, and forgets to answer."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from duragent.client.address import Endpoint, always, workspace_hash
from duragent.client.backoff import Backoff
from duragent.client.client import Client
from duragent.client.proof import proof
from duragent.clock import SystemClock
from duragent.journal.record import timestamp
from duragent.system.private_folder import make_place, opened, places, workspace_key, write_text

TS = "2026-11-20T23:58:16.123Z"
NO_PAUSES = Backoff(0.001, 0.002)


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeServer:
    records: list[dict[str, Any]] = field(default_factory=list)
    cuts: Iterator[int] = field(default_factory=lambda: iter(()))
    """After how many bytes each next event stream breaks."""
    drops: int = 0
    """How many next POSTs and DELETEs get no answer."""
    deleted: bool = False
    """Streams end by saying that the session was deleted."""
    oldest: int = 1
    log: str = "log-1"
    statuses: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    """By path: what is answered, always."""
    next_statuses: dict[str, list[tuple[int, dict[str, Any]]]] = field(default_factory=dict)
    """By path: what is answered to the next requests, one after another."""
    approvals: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)
    workspace_hash: str = "0" * 64
    url: str = ""
    key: str = "the key"
    is_v0_5: bool = False
    archive: bytes = b""
    """What every session's export is."""

    def add(self, kind: str, **fields: Any) -> int:
        seq = self.oldest + len(self.records)
        self.records.append({"seq": seq, "ts": TS, "type": kind, **fields})
        return seq

    @property
    def head(self) -> int:
        return self.oldest + len(self.records) - 1

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(await _read(reader), writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        self.asked.append(asked)
        if self.next_statuses.get(asked.path):
            status, body = self.next_statuses[asked.path].pop(0)
            await _send_json(writer, status, body)
        elif asked.path in self.statuses:
            status, body = self.statuses[asked.path]
            await _send_json(writer, status, body)
        elif asked.path == "/api/v1/approvals":
            await _send_json(writer, 200, {"approvals": self.approvals})
        elif asked.path == "/readyz":
            await _send_json(writer, 200, self._ready(asked.query.get("challenge")))
        elif asked.path == "/livez":
            await _send(writer, 200, b"ok")
        elif asked.path.endswith("/export"):
            await _send(writer, 200, self.archive)
        elif asked.path == "/api/v1/imports":
            await self._import(writer)
        elif asked.path.endswith("/events"):
            await self._stream(asked, writer)
        elif asked.method == "POST":
            await self._post(asked, writer)
        elif asked.method == "DELETE" and self.drops:
            self.drops -= 1
        else:
            problem = {"type": "urn:duragent:problem:not-found", "title": "Not Found", "status": 404, "detail": "nope"}
            await _send_json(writer, 404, problem)

    def _ready(self, challenge: str | None) -> dict[str, str]:
        ready = {"status": "ok", "workspace_hash": self.workspace_hash}
        if challenge is None:
            return ready if self.is_v0_5 else ready | {"problem": ""}
        return ready | {"proof": proof(self.key, challenge, self.workspace_hash, self.url.removeprefix("http://"))}

    async def _post(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        key = asked.headers["idempotency-key"]
        if key not in self.keys:
            message_id = f"msg_{len(self.keys)}"
            self.keys[key] = self.add("message_received", message_id=message_id, text=asked.json()["content"])
        if self.drops:
            self.drops -= 1
            return
        await _send_json(writer, 202, {"session_id": "s", "message_id": "m", "seq": self.keys[key]})

    async def _import(self, writer: asyncio.StreamWriter) -> None:
        if self.drops:
            self.drops -= 1
            return
        info = {"session_id": "session_1", "agent": "a", "status": "paused", "created_at": TS, "updated_at": TS}
        await _send_json(writer, 201, info)

    async def _stream(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        after = int(asked.headers.get("last-event-id") or asked.query.get("after") or "0")
        if "tail" in asked.query and "last-event-id" not in asked.headers:
            after = max(self.oldest - 1, self.head - int(asked.query["tail"]))
        budget = next(self.cuts, None)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        body = b"".join(self._frames(after))
        writer.write(body if budget is None else body[:budget])
        await writer.drain()

    def _frames(self, after: int) -> Iterator[bytes]:
        if after > self.head:
            yield b"retry: 1000\nevent: reset\ndata: {}\n\n"
            return
        hello = {"session_id": "s", "head": self.head, "oldest": self.oldest, "log": self.log}
        yield f": hi\n\nretry: 1000\nevent: hello\ndata: {json.dumps(hello)}\n\n".encode()
        for record in self.records:
            if record["seq"] > after:
                data = json.dumps(record, ensure_ascii=False)
                yield f"id: {record['seq']}\nevent: {record['type']}\ndata: {data}\n\n".encode()
        yield f'event: caught_up\ndata: {{"head": {self.head}}}\n\n'.encode()
        delta = {"turn": "t", "step": 1, "attempt": 1, "offset": 0, "text": "…"}
        yield f"event: delta\ndata: {json.dumps(delta)}\n\n".encode()
        if self.deleted:
            yield b"event: deleted\ndata: {}\n\n"


@asynccontextmanager
async def running(server: FakeServer, port: int = 0) -> AsyncIterator[FakeServer]:
    listening = await asyncio.start_server(server.connection, "127.0.0.1", port)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    parts = urlsplit(target)
    return Asked(method, parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}, headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    return body


async def _send_json(writer: asyncio.StreamWriter, status: int, body: dict[str, Any]) -> None:
    await _send(writer, status, json.dumps(body).encode())


async def _send(writer: asyncio.StreamWriter, status: int, data: bytes) -> None:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\nConnection: close"
    writer.write(head.encode() + b"\r\n\r\n" + data)
    await writer.drain()


@asynccontextmanager
async def client_of(server: FakeServer, **options: Any) -> AsyncIterator[Client]:
    """A client of this server, which shows it the token "secret" and does not pause between attempts."""
    async with running(server):
        local = always(Endpoint(server.url, "secret", local=True))
        async with Client(local, backoff=NO_PAUSES, **options) as client:
            yield client


def write_address(workspace: Path, server: FakeServer, **changes: Any) -> None:
    """What a running server of this workspace writes, so that clients find this one."""
    (workspace / "run").mkdir(exist_ok=True)
    address = {
        "host": "127.0.0.1",
        "port": int(server.url.rpartition(":")[2]),
        "pid": os.getpid(),
        "started_at": timestamp(SystemClock().now()),
        "version": "0",
        "workspace_hash": server.workspace_hash,
    }
    (workspace / "run" / "server.json").write_text(json.dumps(address | changes))
    place = next(iter(places()))
    assert make_place(place)
    folder = place / workspace_key(workspace_hash(workspace))
    folder.mkdir(mode=0o700, exist_ok=True)
    with opened(folder) as descriptor:
        write_text(descriptor, "server.json", json.dumps(address | changes))
        write_text(descriptor, "token", "workspace-token\n")
        write_text(descriptor, "key", f"{server.key}\n")
