"""A client of `/events` that trusts nothing: HTTP by h11, the frames by hand, and every rule of the protocol checked.

It asks from wherever it likes: from where it stopped, from before, from ahead of the log, or with an id that is none.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import h11

from tests.campaigns.streams_proxy import linger
from tests.campaigns.streams_texts import Texts
from tests.support.until import take_time

NO_IDS = (b"-1", b"x", b"1.5", b"9" * 30, b"9007199254740992", b"0x10", b"1,2", b"\xff\xfe", b"1 2", b"\xd9\xa1", b"+1")
"""What no event of any stream has as its id."""
AHEAD = (1 << 53) - 1
READ_BYTES = 64 << 10
_FRAME = re.compile(rb"(?:id: (\d+)\n)?event: ([\w.-]+)\ndata: ([^\r\n]*)", re.ASCII)


class Broken(Exception):
    """The connection ended before the answer did."""


@dataclass(frozen=True)
class Ask:
    """Where a connection begins: behind `after`, or, with `tail`, so many records before the head."""

    query: str = ""
    last_event_id: bytes | None = None
    after: int = 0
    refused: bool = False
    tail: int | None = None


def asked(chance: random.Random, last: int) -> Ask:
    """Mostly from where it stopped."""
    match chance.choices(("on", "query", "back", "ahead", "none", "tail", "both"), (50, 15, 10, 8, 9, 4, 4))[0]:
        case "query":
            return Ask(f"?after={last}", after=last)
        case "back":
            back = chance.randint(0, last)
            return Ask(last_event_id=b"%d" % back, after=back)
        case "ahead":
            ahead = chance.choice((AHEAD, last + 1_000_000))
            return Ask(last_event_id=b"%d" % ahead, after=ahead)
        case "none":
            return Ask(last_event_id=chance.choice(NO_IDS), refused=True)
        case "tail":
            tail = chance.randrange(5)
            return Ask(f"?tail={tail}", tail=tail)
        case "both":
            return Ask(f"?after={chance.randrange(9)}", last_event_id=b"000%d" % last, after=last)
        case _:
            return Ask(last_event_id=b"%d" % last, after=last)


@dataclass
class RawWatcher:
    """`lines` is each record's data as it was sent, by seq: a repeated record must be the same bytes."""

    path: str
    token: str
    lines: dict[int, bytes] = field(default_factory=dict)
    texts: Texts = field(default_factory=Texts)
    last: int = 0
    log: str | None = None
    answered: int = 0
    """Connections over which a stream began."""
    resets: int = 0
    refusals: int = 0
    keep_alives: int = 0

    async def follow(self, url: str, chance: random.Random, until: asyncio.Event) -> None:
        """One connection after another until told to end; then once more, politely, to the head."""
        while not until.is_set():
            with suppress(Broken, OSError):
                await self.connect(url, asked(chance, self.last))
            await take_time(chance.uniform(0.001, 0.03))

    async def connect(self, url: str, ask: Ask, head: int | None = None) -> None:
        """One connection, until it breaks or, with `head`, until that record has come."""
        place = urlsplit(url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            writer.write(self._request(ask))
            await self._read(_body(reader), ask, head)
        finally:
            linger(writer)
            writer.transport.abort()

    def _request(self, ask: Ask) -> bytes:
        lines = [
            b"GET %b%b HTTP/1.1" % (self.path.encode(), ask.query.encode()),
            b"Host: 127.0.0.1",
            b"Accept: text/event-stream",
            b"Authorization: Bearer %b" % self.token.encode(),
        ]
        if ask.last_event_id is not None:
            lines.append(b"Last-Event-ID: " + ask.last_event_id)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    async def _read(self, body: AsyncIterator[h11.Response | bytes], ask: Ask, head: int | None) -> None:
        conversation = Conversation(self, ask)
        waiting = bytearray()
        async for part in body:
            if isinstance(part, h11.Response):
                conversation.answered(part)
                continue
            if conversation.over:
                continue
            waiting += part
            whole = waiting.rfind(b"\n\n")
            if whole < 0:
                continue
            for frame in bytes(waiting[:whole]).split(b"\n\n"):
                conversation.take(frame)
            del waiting[: whole + 2]
            if head is not None and self.last >= head and conversation.live:
                return


async def _body(reader: asyncio.StreamReader) -> AsyncIterator[h11.Response | bytes]:
    """The head of the answer, then the pieces of its body."""
    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    http.send(h11.EndOfMessage())
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(READ_BYTES)
            if not data:
                raise Broken
            http.receive_data(data)
        elif isinstance(event, h11.Response):
            yield event
        elif isinstance(event, h11.Data):
            yield bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return
        else:
            raise Broken


@dataclass
class Conversation:
    """What came over one connection, compared with the protocol:

    retry, hello, perhaps reset, records, caught_up, and then records and deltas.
    """

    watcher: RawWatcher
    ask: Ask
    over: bool = False
    live: bool = False
    head: int = -1
    last: int = -1
    _told: int = 0
    _reset: bool = False
    _placed: bool = False

    def answered(self, response: h11.Response) -> None:
        headers = dict(response.headers)
        kind = headers[b"content-type"].decode()
        if response.status_code == 503:
            # It stops.
            assert kind == "application/problem+json"
            self.over = True
            return
        if self.ask.refused:
            assert (response.status_code, kind) == (400, "application/problem+json"), (response.status_code, self.ask)
            self.over = True
            self.watcher.refusals += 1
            return
        assert response.status_code == 200, f"{response.status_code} for {self.ask}"
        assert kind == "text/event-stream; charset=utf-8"
        assert headers[b"cache-control"] == b"no-store"
        self.watcher.texts.begin()
        self.watcher.answered += 1

    def take(self, frame: bytes) -> None:
        self._told += 1
        if self._told == 1:
            assert frame == b"retry: 1000", frame[:100]
            return
        if frame == b": keep-alive":
            self.watcher.keep_alives += 1
            return
        found = _FRAME.fullmatch(frame)
        assert found, f"no frame of ours: {frame[:200]!r}"
        name, data = found[2].decode(), found[3]
        if found[1] is None:
            self._about(name, json.loads(data))
        else:
            self._record(int(found[1]), name, data)

    def _about(self, name: str, fields: Any) -> None:
        if self._told == 2:
            assert name == "hello", name
            self._hello(fields)
        elif name == "reset":
            assert fields == {}
            assert (self._told, self.ask.after > self.head) == (3, True), f"a reset for {self.ask} at {self.head}"
            self._reset, self.last = True, 0
            self.watcher.resets += 1
        elif name == "caught_up":
            assert not self.live, "caught up twice"
            assert (self.last, fields) == (self.head, {"head": self.head}), f"caught up at {self.last} of {self.head}"
            self.live = True
        else:
            assert (name, self.live) == ("delta", True), name
            self.watcher.texts.delta(fields)

    def _hello(self, fields: dict[str, Any]) -> None:
        watcher = self.watcher
        assert set(fields) == {"session_id", "head", "oldest", "log"}, fields
        assert fields["oldest"] == 1
        assert watcher.log in (None, fields["log"])
        watcher.log, self.head = fields["log"], fields["head"]
        assert self.head >= watcher.last, f"record {watcher.last} was seen, and now the head is {self.head}"
        self.last = self.ask.after if self.ask.tail is None else max(0, self.head - self.ask.tail)

    def _record(self, seq: int, name: str, data: bytes) -> None:
        if self.ask.tail is not None and not self._placed and not self.live:
            # The head may have moved between the counting from the end and the greeting.
            assert seq <= self.last + 1
            self.last = seq - 1
        self._placed = True
        assert self._told > 2
        assert self._reset or self.ask.after <= self.head, "a client that is ahead must be reset first"
        assert seq == self.last + 1, f"record {seq} behind {self.last}"
        assert self.live or seq <= self.head, f"record {seq} before caught_up, and the head was {self.head}"
        self.last = seq
        watcher = self.watcher
        known = watcher.lines.setdefault(seq, data)
        assert known == data, f"record {seq} is another one now"
        fields = json.loads(data)
        assert (fields["seq"], fields["type"], "crc" in fields) == (seq, name, False), data[:200]
        watcher.texts.record(fields)
        if seq == watcher.last + 1:
            watcher.last = seq
