"""Odd files and logs that shrink below a real server: the other sessions answer, and SIGTERM ends it."""

import asyncio
import os
import time
from pathlib import Path

from duragent.client.client import Client
from duragent.errors import ProblemResponse
from tests.support.bounds import LIMIT_SECONDS
from tests.support.real_server import RealServer, make_workspace, told

GRACE_SECONDS = 1.0


async def post_all(server: RealServer, sessions: list[str]) -> None:
    async with Client(server.locate, patience_seconds=0.2) as client:
        for session in sessions:
            try:
                await asyncio.wait_for(told(client, session, "repeat hello"), LIMIT_SECONDS)
            except ProblemResponse as problem:
                if problem.status not in (409, 503):
                    raise


async def test_odd_files_stop_neither_the_other_sessions_nor_the_end(tmp_path: Path) -> None:
    server = make_workspace(tmp_path, config={"server": {"shutdown_grace_seconds": GRACE_SECONDS}})
    server.start()
    try:
        async with server.client() as client:
            odd = [(await client.create_session("assistant")).session_id for _ in range(10)]
            good = (await client.create_session("assistant")).session_id
            for session in odd[:2]:
                await told(client, session, "repeat something")
        for session in odd[2:]:
            os.truncate(server.events_file(session), 40)
        for session, name in zip(odd[:2], ("state.yaml", "partial.jsonl"), strict=True):
            (server.sessions_dir / session / name).unlink(missing_ok=True)
            os.mkfifo(server.sessions_dir / session / name)
        for _ in range(2):
            await asyncio.wait_for(post_all(server, odd), LIMIT_SECONDS)
            async with server.client() as client:
                assert (await asyncio.wait_for(told(client, good, "repeat hi"), LIMIT_SECONDS)).content == "hi"
            began = time.monotonic()
            assert await asyncio.to_thread(server.terminate) == 0
            assert time.monotonic() - began < LIMIT_SECONDS
            assert "Traceback" not in server.log.read_text()
            for session in odd[2:]:
                server.events_file(session).unlink(missing_ok=True)
                os.mkfifo(server.events_file(session))
            server.start()
    finally:
        server.stop()
