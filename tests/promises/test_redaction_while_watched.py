"""A redaction of a session that clients watch: each is told to start again, and goes on with the new log."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from duragent.client.watch import CaughtUp, Item, Reconnecting, Reset
from duragent.journal.events import MessageReceived
from duragent.journal.record import Record
from duragent.wire import RedactSession, SendMessage
from tests.support.bounds import LIMIT_SECONDS
from tests.support.real_server import RealServer, is_idle, make_workspace
from tests.support.until import until

SECRET = "the door code is 4711"
LONG = "a long text that fills what lies between server and client. " * 12_000
MESSAGES = 16
"""Together they are more than the connection takes while nobody reads."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    server = make_workspace(tmp_path, rest="    max_input_tokens: 10000000")
    yield server
    server.stop()


async def test_watcher_in_the_middle_of_the_log_and_one_at_its_end_go_on_with_the_new_one(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await client.post_message(session, SendMessage(content=SECRET))
        for number in range(MESSAGES):
            await client.post_message(session, SendMessage(content=f"{number}. {LONG}"))
        await until(lambda: is_idle(client, session))
        async with aclosing(client.watch(session)) as reader, aclosing(client.watch(session)) as follower:
            begun = [await anext(reader) for _ in range(4)]
            followed = [await anext(follower)]
            while not isinstance(followed[-1], CaughtUp):
                followed.append(await anext(follower))
            redacted = await client.redact(session, RedactSession(match=SECRET))
            assert redacted.seqs
            for items, before in ((reader, begun), (follower, followed)):
                async with asyncio.timeout(LIMIT_SECONDS):
                    after = [item async for item in _up_to_the_new_end(items)]
                assert SECRET in str(before)
                at = next(at for at, item in enumerate(after) if isinstance(item, Reset))
                assert not any(isinstance(item, Reconnecting) for item in after)
                new = [item for item in after[at:] if isinstance(item, Record)]
                assert [record.seq for record in new] == list(range(1, len(new) + 1))
                assert len(new) >= redacted.head
                assert SECRET not in str(new)
                assert sum(isinstance(record.event, MessageReceived) for record in new) == MESSAGES + 1


async def _up_to_the_new_end(items: AsyncIterator[Item]) -> AsyncIterator[Item]:
    is_new = False
    async for item in items:
        yield item
        is_new |= isinstance(item, Reset)
        if is_new and isinstance(item, CaughtUp):
            return
