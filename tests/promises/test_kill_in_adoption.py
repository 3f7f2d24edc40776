"""kill -9 while a session of v0.5 becomes one of today: it is the old log or the new one, and nothing is lost."""

import shutil

import pytest

from duragent.wire import SendMessage
from tests.journal.legacy.test_log import EXPECTED
from tests.promises.test_kill_in_transfers import dies
from tests.support.legacy_workspace import MADE, WORKSPACE, session_id
from tests.support.real_server import RealServer, told

KEPT = "events.v0.5.jsonl"


@pytest.mark.parametrize("point", ["legacy.kept", pytest.param("legacy.written", marks=pytest.mark.campaign)])
async def test_adoption_that_is_cut_short_loses_nothing(server: RealServer, point: str) -> None:
    shutil.copytree(WORKSPACE / "sessions", server.sessions_dir)
    session = session_id("CHAT")
    before = server.events_file(session).read_bytes()
    server.start({"DURAGENT_CRASHPOINT": f"{point}:1"})
    async with server.client() as client:
        assert len((await client.sessions(limit=100)).sessions) == len(MADE)
        await dies(server, client.ask(session, SendMessage(content="and now?"), key="k1"))
        assert (server.events_file(session).read_bytes() == before) == (point == "legacy.kept")
        assert server.events_file(session).with_name(KEPT).read_bytes() == before
        server.start()
        await told(client, session, "and now?", key="k1")
        found = (await client.messages(session, limit=1000)).messages
        assert [[each.role, each.content] for each in found][:-2] == EXPECTED[session]
        assert [(each.role, each.content) for each in found][-2] == ("user", "and now?")
        info = await client.session(session)
        assert (info.gateway, info.chat_id, info.on_disconnect) == ("telegram", "-100200", "continue")
    server.stop()
    assert sum(record.event.type == "history_adopted" for record in server.records(session)) == 1
