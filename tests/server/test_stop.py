"""The end of all that waits, when the server stops."""

import asyncio

import pytest

from duragent.errors import Stopping
from duragent.server.stop import Stop
from tests.support.bounds import LIMIT_SECONDS


async def test_stop_ends_what_it_was_told_of_and_lets_nothing_begin() -> None:
    stop = Stop()

    async def wait() -> None:
        async with stop.ends():
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    stop.begin()
    stop.begin()
    with pytest.raises(Stopping):
        await asyncio.wait_for(waiting, LIMIT_SECONDS)
    with pytest.raises(Stopping):
        await wait()
