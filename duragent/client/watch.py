"""A session as it happens: each durable record once and in order, whatever happens to the connection.

`Hello` → records up to the head → `CaughtUp` → records and `Delta`s as they come. When the connection is lost there is
one `Reconnecting` for each failed attempt, and `Connected` when it is back; the records go on with the next seq.
`Reset` means that the log is not the one that was watched so far: forget it all, it starts again from record 1.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from pydantic import ValidationError

from duragent.client.address import why
from duragent.client.problem import problem_of
from duragent.client.transport import Request, Transport, session_path
from duragent.errors import NotFound, ProblemResponse, ServerUnreachable, SessionDeleted
from duragent.http.library import httpx
from duragent.http.sse import Decoder, EventTooLong, ServerSentEvent
from duragent.journal.events import EVENT_TYPES, Opaque
from duragent.journal.record import Record
from duragent.wire import Delta, Hello

SILENCE_SECONDS = 45.0
"""The server says something every 15 s; after three times that, the connection is dead."""

_FINAL = (400, 401, 403, 404, 405, 410, 422)
_GONE = (NotFound.code, SessionDeleted.code)
"""Problems of a session that was there before; a 404 of a proxy is none of them."""


@dataclass(frozen=True)
class CaughtUp:
    """What follows is live."""


@dataclass(frozen=True)
class Reset:
    """Forget what was shown."""


@dataclass(frozen=True)
class Reconnecting:
    attempt: int
    error: str


@dataclass(frozen=True)
class Connected:
    """The connection is back."""


Item = Hello | Record | Delta | CaughtUp | Reset | Reconnecting | Connected


class StreamLost(Exception):
    """The connection, or the sense of what came over it."""


class _Deleted(Exception):
    """The server says that the session was deleted."""


@dataclass
class Position:
    """Where the watcher stands: `last` seq seen, or, before there is one, `tail` records before the head."""

    last: int | None = None
    tail: int | None = None
    log: str | None = None
    oldest: int = 1

    def query(self) -> dict[str, int]:
        if self.last is None and self.tail is not None:
            return {"tail": self.tail}
        return {"after": self.last or 0}

    def greet(self, hello: Hello) -> bool:
        """False when this is another log than before."""
        same = self.log is None or self.log == hello.log
        self.log, self.oldest = hello.log, hello.oldest
        return same

    def advance(self, seq: int) -> bool:
        """True for the next record, False for one that was seen before. Raises StreamLost at a gap."""
        if self.last is None:
            self.last = seq if self.tail is not None else 0
            if self.tail is not None:
                return True
        if seq <= self.last:
            return False
        if seq != max(self.last + 1, self.oldest):
            raise StreamLost(f"record {self.last + 1} is missing before {seq}")
        self.last = seq
        return True

    def restart(self) -> None:
        self.last, self.tail, self.log = 0, None, None


async def watch(transport: Transport, session_id: str, position: Position) -> AsyncGenerator[Item, None]:
    """Raises ProblemResponse when the server refuses for good (no such session, wrong token).

    Raises SessionDeleted when the session was there and is not any more.
    """
    attempt, connected_before = 0, False
    while True:
        try:
            async with aclosing(_one_connection(transport, session_id, position)) as items:
                async for item in items:
                    if isinstance(item, Hello):
                        if attempt and connected_before:
                            yield Connected()
                        attempt, connected_before = 0, True
                    yield item
            reason = "the server closed the connection"
            if connected_before and position.log is None:  # a reset, not a loss
                await asyncio.sleep(transport.backoff.pause_seconds(1))
                continue
        except _Deleted:
            raise SessionDeleted(session_id) from None
        except ProblemResponse as error:
            if connected_before and error.problem in _GONE:
                raise SessionDeleted(session_id) from error
            raise
        except (httpx.RequestError, ServerUnreachable, EventTooLong, StreamLost) as error:
            reason = error.reason if isinstance(error, ServerUnreachable) else why(error)
        attempt += 1
        yield Reconnecting(attempt, reason)
        await asyncio.sleep(transport.backoff.pause_seconds(attempt))


async def _one_connection(transport: Transport, session_id: str, position: Position) -> AsyncGenerator[Item, None]:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if position.last:
        headers["Last-Event-ID"] = str(position.last)
    path = f"{session_path(session_id)}/events"
    request = Request("GET", path, position.query(), headers=headers, read_seconds=SILENCE_SECONDS)
    async with transport.stream(await transport.watched_endpoint(), request) as response:
        if response.status_code != 200:
            await _refused(response)
        decoder = Decoder()
        async for chunk in response.aiter_bytes():
            for event in decoder.feed(chunk):
                item = _item(event, position)
                if item is not None:
                    yield item
                if isinstance(item, Reset):
                    return


async def _refused(response: httpx.Response) -> None:
    await response.aread()
    problem = problem_of(response)
    if response.status_code in _FINAL:
        raise problem
    raise StreamLost(problem.detail)


def _item(event: ServerSentEvent, position: Position) -> Item | None:
    if not event.data and event.event == "message":
        return None
    if event.event == "deleted":
        raise _Deleted
    try:
        fields = json.loads(event.data) if event.data else {}
        if event.event == "hello":
            hello = Hello.model_validate(fields)
            if position.greet(hello):
                return hello
            position.restart()
            return Reset()
        if event.event == "reset":
            position.restart()
            return Reset()
        if event.event == "caught_up":
            if position.last is None:
                position.last = int(fields.get("head", 0))
            return CaughtUp()
        if event.event == "delta":
            return Delta.model_validate(fields)
        if "seq" not in fields:
            return None  # an event of a later version
        record = record_of(fields)
    except (ValueError, TypeError, AttributeError, ValidationError) as error:
        raise StreamLost(f"an event that makes no sense: {why(error)}") from error
    return record if position.advance(record.seq) else None


def record_of(fields: dict[str, object]) -> Record:
    """A record as the API sends it. One of a type that this version does not know is opaque."""
    payload = dict(fields)
    seq, ts, kind = payload.pop("seq"), payload.pop("ts"), payload.pop("type")
    if not isinstance(seq, int) or not isinstance(ts, str) or not isinstance(kind, str):
        raise TypeError("seq, ts or type has the wrong type")
    event_type = EVENT_TYPES.get(kind)
    if event_type is None:
        return Record(seq, ts, Opaque(type=kind, payload=payload))
    return Record(seq, ts, event_type.model_validate(payload))  # type: ignore[arg-type]  # the table holds the union's members
