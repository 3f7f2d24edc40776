"""kill -9 around the summary of a long session: each record is told once, nothing is lost, and the session goes on."""

import asyncio
from pathlib import Path

import pytest

from duragent.cli.context import SessionLog, next_request
from duragent.cli.place import need_config
from duragent.client.client import Client
from duragent.journal.events import HistorySummarised, MessageReceived
from duragent.stores.files.reader import FileLogReader
from tests.support.real_server import RealServer, make_workspace, told
from tests.support.until import until

SMALL = "  session: {context: {max_history_tokens: 1500}}"
WORDS = "words " * 100 + "end"
FAST = {"DURAGENT_DEMO_SPEED": "20"}
"""The demo model repeats long questions."""


async def talk(client: Client, session: str, turns: int, words: str = WORDS) -> None:
    for turn in range(turns):
        await told(client, session, f"Question {turn} about src/part_{turn}.py: {words}")


def assert_each_record_is_told_once(server: RealServer, session: str, summaries: int) -> None:
    found = [record.event for record in server.records(session) if isinstance(record.event, HistorySummarised)]
    first_level = [(event.first_seq, event.last_seq) for event in found if event.level == 1]
    assert len(first_level) >= summaries
    told_of = [seq for first, last in first_level for seq in range(first, last + 1)]
    assert told_of == list(range(1, len(told_of) + 1))


@pytest.mark.parametrize("point", ["summary.made:1", "summary.posted:1", "summary.made:2"])
async def test_killed_around_a_summary_the_session_goes_on_and_tells_all(tmp_path: Path, point: str) -> None:
    server = make_workspace(tmp_path, SMALL)
    server.environ = FAST
    try:
        server.start({"DURAGENT_CRASHPOINT": point})
        async with server.client() as client:
            session = (await client.create_session("assistant")).session_id
            talking = asyncio.ensure_future(talk(client, session, 16))
            await server.wait_until_dead()
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
            made = int(point[-1]) - (point[:12] == "summary.made")
            assert_each_record_is_told_once(server, session, made)
            server.start()
            await talk(client, session, 4)
            view = await client.view(session)
    finally:
        server.stop()
    assert_each_record_is_told_once(server, session, made + 1)
    shown = [seq for each in view.summaries for seq in range(each.first_seq, each.last_seq + 1)]
    assert shown == list(range(1, view.boundary + 1))
    log = SessionLog.open(FileLogReader(server.sessions_dir), session)
    request = (await next_request(need_config(None, server.workspace), log)).request
    boundary = log.state.viewport.coverage.boundary
    records = [(record.seq, record.event) for record in server.records(session)]
    expected = [event.text for seq, event in records if isinstance(event, MessageReceived) and seq > boundary]
    texts = [message.content for message in request.messages if message.role == "user"]
    shown_whole = [text[text.index("Question ") :] for text in texts if WORDS in text]
    assert sum(text.startswith("[Before record ") for text in texts) == 1
    # Nothing from before the boundary is there again, and nothing is left out without a word.
    assert shown_whole == expected[-len(shown_whole) :]
    assert shown_whole == expected or any("conversation truncated" in text for text in texts)


REMEMBERS = """\
  session: {context: {max_history_tokens: 1500, summaries: model}}
  memory: {sleep: {model: cheap}}
"""
CHEAP = "apiVersion: duragent/v1alpha1\nkind: Model\nspec: {provider: demo}\n"


@pytest.mark.parametrize("kills", [1, 3])
async def test_killed_while_a_model_writes_it_is_tried_again_and_then_code_makes_it(tmp_path: Path, kills: int) -> None:
    server = make_workspace(tmp_path, REMEMBERS)
    server.environ = FAST
    (server.workspace / "models").mkdir()
    (server.workspace / "models" / "cheap.yaml").write_text(CHEAP)
    session = ""
    try:
        for _ in range(kills):
            server.start({"DURAGENT_CRASHPOINT": "summary.begun:1"})
            async with server.client() as client:
                session = session or (await client.create_session("assistant")).session_id
                talking = asyncio.ensure_future(talk(client, session, 8, 5 * WORDS))
                await server.wait_until_dead()
                talking.cancel()
                await asyncio.gather(talking, return_exceptions=True)
        assert not [each for each in server.records(session) if isinstance(each.event, HistorySummarised)]
        server.start()
        async with server.client() as client:
            await talk(client, session, 1)
            await until(lambda: _is_summarised(server, session))
            work = await client.memory_work("assistant")
            while len(work.jobs) > kills:  # the summary is posted first, and then its work ended
                work = await client.memory_work("assistant")
    finally:
        server.stop()
    # None of them has an end, so each counts with its estimate.
    assert len(work.jobs) == kills
    assert work.tokens >= sum(job.estimate_tokens for job in work.jobs) > 0
    first = next(each.event for each in server.records(session) if isinstance(each.event, HistorySummarised))
    assert first.by == ("extract" if kills == 3 else "demo")
    assert "src/part_0.py" in first.facts


def _is_summarised(server: RealServer, session: str) -> bool:
    return any(isinstance(each.event, HistorySummarised) for each in server.records(session))
