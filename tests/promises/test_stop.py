"""One writer, and stopping within bounds. Promises 8 and 11."""

import asyncio
from pathlib import Path

from duragent.client.address import read_address
from duragent.journal.events import ModelFailed, ModelReplied
from duragent.wire import SendMessage
from tests.support.attached import Seen, attached
from tests.support.bounds import LIMIT_SECONDS
from tests.support.real_server import RealServer, make_workspace, told
from tests.support.until import until


async def test_a_second_server_on_the_workspace_is_refused_and_told_who_holds_it(server: RealServer) -> None:
    server.start()
    assert server.process is not None
    second = server.spawn()
    assert second.wait(LIMIT_SECONDS) == 73
    said = server.log.read_text()
    address = read_address(server.workspace)
    assert address is not None
    assert f"process {server.process.pid}" in said
    assert f"http://127.0.0.1:{address.port}" in said
    assert "Traceback" not in said
    async with server.client() as client:
        assert (await client.ready()).status == "ok"


async def test_sigterm_during_a_long_answer_ends_within_the_grace_and_the_turn_goes_on(
    tmp_path: Path,
) -> None:
    server = make_workspace(tmp_path, config={"server": {"shutdown_grace_seconds": 1.0}})
    server.start()
    try:
        async with server.client() as client:
            session = (await client.create_session("assistant")).session_id
            async with attached(server, session) as seen:
                await client.post_message(session, SendMessage(content="count to 80"))
                await seen.until(lambda s: len(s.last_text().split()) >= 3)
                # That it did not wait for the answer is seen below.
                assert await asyncio.to_thread(server.terminate) == 0
                shown = seen.last_text()
                server.start()
                await seen.until(Seen.ended)
        events = [record.event for record in server.records(session)]
        failed = next(event for event in events if isinstance(event, ModelFailed))
        assert (failed.error, failed.retry) == ("shutdown", True)
        assert failed.partial_text.startswith(shown)
        replied = next(event for event in events if isinstance(event, ModelReplied))
        assert "80" in replied.text
    finally:
        server.stop()


async def test_sigterm_lets_a_short_answer_end(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        asking = asyncio.ensure_future(told(client, session, "count to 5"))
        async with attached(server, session) as seen:
            await seen.until(lambda s: bool(s.last_text()))
            assert await asyncio.to_thread(server.terminate) == 0
            assert "5" in (await asking).content
    assert server.kinds(session)[-2:] == ["model_replied", "turn_ended"]
    assert not (server.workspace / "run" / "server.json").exists()


async def test_a_shutdown_over_http_ends_the_server(server: RealServer) -> None:
    server.start()
    assert server.process is not None
    async with server.client() as client:
        await client.shutdown()
        await asyncio.wait_for(server.wait_until_dead(), LIMIT_SECONDS)
    assert server.process.returncode == 0


A_LOOK_AT_THE_AGENTS_HANGS = """
import sys, threading
from duragent.agent.catalog import Catalog
from duragent.server import ending

def look(catalog):
    looks.append(catalog)
    if len(looks) == 1:
        return real(catalog)
    print("a thread hangs", file=sys.stderr, flush=True)
    threading.Event().wait()

ending.AFTER_GRACE_SECONDS = 0.1
looks = []
real, Catalog.reload = Catalog.reload, look
from duragent.__main__ import main
main()
"""


async def test_sigterm_ends_a_server_in_which_a_thread_never_returns(tmp_path: Path) -> None:
    """It is a thread that the interpreter waits for at its exit."""
    server = make_workspace(tmp_path, config={"server": {"shutdown_grace_seconds": 0.1}})
    server.program = ("-c", A_LOOK_AT_THE_AGENTS_HANGS)
    server.start()
    try:
        async with server.client() as client:
            looking = asyncio.ensure_future(client.reload_agents())
            await until(lambda: "a thread hangs" in server.log.read_text())
            looking.cancel()
        assert server.process is not None
        server.process.terminate()
        assert await asyncio.to_thread(server.process.wait, LIMIT_SECONDS) == 0
        assert "something still hangs: ending all the same" in server.log.read_text()
    finally:
        server.stop()
