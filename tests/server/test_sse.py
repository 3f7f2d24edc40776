"""A stream of events to one client, and the ways in which it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import Message

from duragent import errors
from duragent.server.sse import EventStream
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House
from tests.support.until import until

DELETED = b"event: deleted\n\n"


class Watcher:
    """A client of one stream: what it was sent, and whether it is still there."""

    def __init__(self, house: House, *frames: bytes | BaseException | asyncio.Event) -> None:
        self.sent: list[Message] = []
        self.left = asyncio.Event()
        self.frames_closed = False
        self._frames = frames
        self.stream = EventStream(
            house.dependencies, "session_none", self._entered, deleted=DELETED, headers=((b"x-mine", b"1"),)
        )

    @asynccontextmanager
    async def _entered(self) -> AsyncIterator[AsyncIterator[bytes]]:
        async def frames() -> AsyncIterator[bytes]:
            for frame in self._frames:
                if isinstance(frame, BaseException):
                    raise frame
                if isinstance(frame, asyncio.Event):
                    await frame.wait()
                else:
                    yield frame

        yield frames()
        self.frames_closed = True

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def watch(self) -> None:
        scope: dict[str, Any] = {"type": "http"}
        await asyncio.wait_for(self.stream(scope, self.receive, self.send), LIMIT_SECONDS)

    @property
    def bodies(self) -> list[tuple[bytes, bool]]:
        return [(message["body"], message["more_body"]) for message in self.sent[1:]]


@pytest.mark.parametrize(
    ("end", "farewell"),
    [
        ((), b""),
        ((errors.SessionDeleted("s"),), DELETED),
        ((errors.SessionNotFound("s"),), DELETED),
        ((errors.Damaged("s", "events.jsonl", 3, "wrong checksum", 2),), b""),
        ((errors.Unavailable("fsync failed"),), b""),
        ((errors.Stopping(),), b""),
    ],
)
async def test_stream_sends_its_frames_and_says_at_its_end_whether_the_session_is_gone(
    house: House, end: tuple[BaseException, ...], farewell: bytes
) -> None:
    watcher = Watcher(house, b"one", b"two", *end)
    await watcher.watch()
    start = watcher.sent[0]
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert dict(start["headers"])[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert dict(start["headers"])[b"x-mine"] == b"1"
    assert watcher.bodies == [(b"one", True), (b"two", True), (farewell, False)]
    assert watcher.frames_closed


async def test_client_that_has_gone_is_sent_nothing_more(house: House) -> None:
    watcher = Watcher(house, b"one", asyncio.Event())
    watching = asyncio.create_task(watcher.watch())
    await until(lambda: watcher.bodies)
    watcher.left.set()
    await watching
    assert (watcher.bodies, watcher.frames_closed) == ([(b"one", True)], True)


async def test_stop_of_the_server_ends_the_stream_properly(house: House) -> None:
    watcher = Watcher(house, b"one", asyncio.Event())
    watching = asyncio.create_task(watcher.watch())
    await until(lambda: watcher.bodies)
    house.dependencies.stop.begin()
    await watching
    assert watcher.bodies == [(b"one", True), (b"", False)]


async def test_fault_before_the_first_frame_is_no_stream_but_a_problem(house: House) -> None:
    @asynccontextmanager
    async def refused() -> AsyncIterator[AsyncIterator[bytes]]:
        raise errors.SessionNotFound("s")
        yield

    watcher = Watcher(house)
    stream = EventStream(house.dependencies, "s", refused, deleted=DELETED)
    with pytest.raises(errors.SessionNotFound):
        await stream({"type": "http"}, watcher.receive, watcher.send)
    assert watcher.sent == []
