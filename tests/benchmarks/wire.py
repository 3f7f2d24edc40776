"""HTTP by hand on blocking sockets, so that the one who measures costs next to nothing."""

import json
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

WAIT_SECONDS = 120.0
_PIECE = 256 << 10
_KEPT = 1 << 10
"""More than any mark is long, so that an error shows what came instead."""


@dataclass(frozen=True)
class Address:
    """A server on this machine."""

    port: int
    token: str = ""
    pid: int = 0

    def request(self, method: str, path: str, body: bytes = b"", accept: str = "*/*", more: str = "") -> bytes:
        """The bytes of a request."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: {accept}\r\n{more}"
        if self.token:
            head += f"Authorization: Bearer {self.token}\r\n"
        if body or method == "POST":
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


class Wire:
    """One connection. `read_until` looks for bytes that are sent at once, as the frames of a stream are."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.socket = socket.create_connection(("127.0.0.1", address.port), WAIT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read_until(self, mark: bytes) -> int:
        """How many bytes came up to the mark and with it. What is read is forgotten, but for a tail."""
        size, tail = 0, self._rest
        while mark not in tail:
            tail = tail[-_KEPT:]
            piece = self.socket.recv(_PIECE)
            if not piece:
                raise ConnectionError(f"the stream ended before {mark!r}, after {tail!r}")
            size += len(piece)
            tail += piece
        self._rest = tail.partition(mark)[2]
        return size

    # --- requests ---------------------------------------------------------------------------------------------------

    def get(self, path: str) -> Any:
        return self._answer(self._address.request("GET", path))

    def post(self, path: str, body: object = None, *, later: bool = False) -> Any:
        """`later` does not wait for the turn."""
        more = "Prefer: respond-async\r\n" if later else ""
        data = b"" if body is None else json.dumps(body).encode()
        return self._answer(self._address.request("POST", path, data, more=more))

    def stream(self, method: str, path: str, body: object = None) -> None:
        """Begin a stream of events; `read_until` reads it."""
        data = b"" if body is None else json.dumps(body).encode()
        self.send(self._address.request(method, path, data, accept="text/event-stream"))

    def _answer(self, request: bytes) -> Any:
        self.send(request)
        head, _, body = self._received(b"\r\n\r\n").partition(b"\r\n\r\n")
        status, fields = int(head[9:12]), head.lower().split(b"\r\n")
        length = next(int(field[15:]) for field in fields if field.startswith(b"content-length:"))
        while len(body) < length:
            body += self._piece()
        if status >= 300:
            raise ConnectionError(f"{status}: {body[:500]!r}")
        return json.loads(body) if body[:1] in (b"{", b"[") else body

    def _received(self, mark: bytes) -> bytes:
        data = b""
        while mark not in data:
            data += self._piece()
        return data

    def _piece(self) -> bytes:
        piece = self.socket.recv(_PIECE)
        if not piece:
            raise ConnectionError("the connection was closed in the middle of an answer")
        return piece


def answers(address: Address, path: str) -> bool:
    """Whether a GET has a 200."""
    try:
        with Wire(address) as wire:
            wire.get(path)
    except ConnectionError:
        return False
    return True


def new_session(address: Address, agent: str = "assistant") -> str:
    with Wire(address) as wire:
        return str(wire.post("/api/v1/sessions", {"agent": agent})["session_id"])


def read_all_until(wires: Sequence[Wire], mark: bytes) -> list[float]:
    """Read many streams at once, each up to its mark; when each had come so far (`time.perf_counter`)."""
    deadline, ends = time.monotonic() + WAIT_SECONDS, []
    tails = dict.fromkeys(range(len(wires)), b"")
    with selectors.DefaultSelector() as selector:
        for at, wire in enumerate(wires):
            selector.register(wire.socket, selectors.EVENT_READ, at)
        while tails:
            for key, _ in selector.select(1.0):
                piece = wires[key.data].socket.recv(_PIECE)
                tail = tails[key.data] + piece
                if mark in tail:
                    del tails[key.data]
                    ends.append(time.perf_counter())
                    selector.unregister(key.fileobj)
                elif not piece:
                    raise ConnectionError(f"a stream ended before {mark!r}")
                else:
                    tails[key.data] = tail[-len(mark) :]
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(tails)} streams still wait for {mark!r}")
    return ends
