"""Whose process is at the other end of a connection."""

import asyncio
import sys
from typing import Any

import pytest

from duragent.server.peers import is_own_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells it on Linux only")


def scope(client: Any, server: Any) -> dict[str, Any]:
    return {"type": "http", "client": client, "server": server}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_connection_of_this_very_process_is_its_own_until_the_ports_are_others(host: str) -> None:
    accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accepted.put(writer)

    try:
        listening = await asyncio.start_server(accept, host, 0)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    port = listening.sockets[0].getsockname()[1]
    _, ours = await asyncio.open_connection(host, port)
    theirs = await accepted.get()
    client, server = theirs.get_extra_info("peername")[:2], theirs.get_extra_info("sockname")[:2]
    assert await is_own_process(scope(client, server))
    assert not await is_own_process(scope((client[0], 1), server))
    assert not await is_own_process(scope(client, (server[0], 1)))
    for writer in (ours, theirs):
        writer.close()
    listening.close()


async def test_who_came_over_the_unix_socket_was_checked_when_it_connected() -> None:
    assert await is_own_process(scope(None, ("/run/user/0/http.sock", None)))


@pytest.mark.parametrize(
    ("client", "server"),
    [
        (None, ("127.0.0.1", 8080)),
        (("127.0.0.1", 5), None),
        (("10.0.0.1", 5), ("10.0.0.2", 8080)),
        (("::ffff:10.0.0.1", 5), ("::ffff:10.0.0.2", 8080)),
        (("testclient", 5), ("127.0.0.1", 8080)),
        (("", 5), ("127.0.0.1", 8080)),
    ],
)
async def test_what_cannot_be_told_is_a_stranger(client: Any, server: Any) -> None:
    assert not await is_own_process(scope(client, server))
