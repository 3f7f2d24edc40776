"""kill -9 around a question that memory has a part in: after the restart the model is sent the same bytes."""

from pathlib import Path

import pytest

from duragent.cli.context import SessionLog
from duragent.journal.events import MemoryRecalled, ModelCalled, PromptSet
from duragent.stores.files.checkup import check
from duragent.stores.files.reader import FileLogReader
from duragent.testing.stub_llm import StubLlm, StubRequest
from duragent.turn.rebuild import rebuild
from duragent.wire import SendMessage
from tests.promises.test_kill_in_attachments import sent_at_last
from tests.support.real_server import RealServer, make_workspace, told

MEMORY = "  memory: {}\n"


def remembering(folder: Path, url: str) -> RealServer:
    rest = f"    name: gpt-4o\n    base_url: {url}\n{MEMORY}"
    server = make_workspace(folder, rest, provider="openai")
    memory = server.workspace / "agents" / "assistant" / "memory"
    (memory / "daily").mkdir(parents=True)
    (memory / "MEMORY.md").write_text("Ada lives in Leipzig.\n")
    (memory / "daily" / "2026-11-20.md").write_text("# 2026-11-20\n\n## 14:32\n\nAda prefers metric units.\n")
    return server


@pytest.mark.parametrize(
    ("point", "questions"),
    [
        # A text that can be forgotten is in its blob, and the question is not in the log.
        ("blob.stored:1", 1),
        ("blob.stored:2", 1),
        # The question is in the log, and no answer.
        ("model.called:1", 2),
        ("model.heard:1", 2),
    ],
)
async def test_killed_around_a_question_it_is_asked_again_with_the_same_bytes(
    tmp_path: Path, point: str, questions: int
) -> None:
    with StubLlm() as stub:
        server, environ = remembering(tmp_path, stub.openai_url), {"OPENAI_API_KEY": "sk-test"}
        try:
            server.start(environ | {"DURAGENT_CRASHPOINT": point})
            async with server.client() as client:
                session = (await client.create_session("assistant")).session_id
                body = SendMessage(content="Which metric units does Ada prefer?")
                await sent_at_last(server, lambda: client.ask(session, body, key="k"), environ)
                assert server.starts == 2
                assert "and?" in (await told(client, session, "and?")).content
        finally:
            server.stop()
    records = server.records(session)
    first = [record.event for record in records if isinstance(record.event, ModelCalled)][:-1]
    assert len(first) == questions
    assert len({called.request_sha256 for called in first}) == 1
    assert sum(isinstance(record.event, PromptSet) for record in records) == 1
    [recalled, *_] = [record.event for record in records if isinstance(record.event, MemoryRecalled)]
    assert "Ada prefers metric units." in recalled.text
    assert [shown(request) for request in stub.requests] == [1] * len(stub.requests) != []
    await every_question_is_made_again(server, session)
    found = check(server.sessions_dir, session)
    assert (found.damage, found.lost_blobs) == (None, [])


def shown(request: StubRequest) -> int:
    """How often the note is among what is not the model's own."""
    said = [each["content"] for each in request.body["messages"] if each["role"] == "user"]
    return str(said).count("Ada prefers metric units.")


async def every_question_is_made_again(server: RealServer, session: str) -> None:
    log = SessionLog.open(FileLogReader(server.sessions_dir), session)
    for record in server.records(session):
        if isinstance(record.event, ModelCalled):
            assert (await rebuild(log, session, "assistant", record.seq)).is_equal
