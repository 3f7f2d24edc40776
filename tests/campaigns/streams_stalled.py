"""Readers that do not read: a raw socket with a small window, and what it got when it reads at last."""

import re
import socket
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)
WINDOW_BYTES = 4 << 10
SECONDS = 60.0


@dataclass
class Stalled:
    """Connected and subscribed; it has read nothing but the beginning."""

    sock: socket.socket
    data: bytearray = field(default_factory=bytearray)
    ended: bool = False

    def read_on(self) -> None:
        """All that is to be had until the server ends the stream."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.settimeout(SECONDS)
        deadline = time.monotonic() + SECONDS
        try:
            while time.monotonic() < deadline:
                chunk = self.sock.recv(1 << 20)
                self.data += chunk
                if not chunk or b"\r\n0\r\n\r\n" in self.data[-16:]:
                    self.ended = True
                    return
        except TimeoutError:
            return
        except ConnectionError:
            self.ended = True

    @property
    def seqs(self) -> list[int]:
        """Of all whole records that came. A piece of HTTP's chunks cannot look like one."""
        body = bytes(self.data[: self.data.rfind(b"\n\n") + 2])
        return [int(found) for found in _ID.findall(body)]


def stalled(url: str, path: str, token: str, until: bytes = b"event: caught_up") -> Stalled:
    """A reader that reads until this has come and then no more; with an empty `until` nothing at all."""
    place = urlsplit(url)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
    sock.settimeout(SECONDS)
    sock.connect((place.hostname, place.port))
    lines = (
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Accept: text/event-stream",
        f"Authorization: Bearer {token}",
    )
    sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    reader = Stalled(sock)
    while until not in reader.data:
        chunk = sock.recv(4096)
        assert chunk, bytes(reader.data)
        reader.data += chunk
    return reader
