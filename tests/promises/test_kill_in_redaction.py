"""kill -9 in the middle of a redaction: the session has the old log or the new one, whole, and nothing of the other."""

import asyncio
from pathlib import Path

import pytest

from duragent.stores.files.checkup import check
from duragent.wire import RedactSession
from tests.promises.test_kill_in_transfers import dies, shown
from tests.support.real_server import RealServer, told

SECRET = "the door code is 4711"


def holding(server: RealServer) -> list[Path]:
    """The files of the workspace that hold it."""
    files = [path for path in server.workspace.rglob("*") if path.is_file()]
    return [path for path in files if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("point", ["log.created", "renewal.written", "renewal.named"])
async def test_redaction_that_is_cut_short_is_done_or_not_and_can_be_asked_for_again(
    server: RealServer, point: str
) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await told(client, session, f"repeat {SECRET}")
        before = server.events_file(session).read_bytes()
        assert holding(server)
        server.terminate()
        server.start({"DURAGENT_CRASHPOINT": f"{point}:1"})
        await dies(server, client.redact(session, RedactSession(match=SECRET)))
        server.start()
        assert shown(server) == [session]
        assert check(server.sessions_dir, session).damage is None
        if server.events_file(session).read_bytes() == before:
            assert len((await client.redact(session, RedactSession(match=SECRET))).seqs) == 2
        answers = await asyncio.gather(*(told(client, session, text) for text in ("repeat a", "repeat b")))
        assert all(answer.content for answer in answers)
        server.terminate()
    assert holding(server) == []
    assert server.kinds(session).count("history_redacted") == 1
