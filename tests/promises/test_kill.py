"""kill -9 of the real server, with clients attached. Promises 1, 2, 4 and 5."""

import asyncio

import httpx
import pytest

from duragent.errors import ServerError
from duragent.journal.events import MessageReceived, ModelFailed, ModelReplied, OwnerClaimed, TurnEnded
from duragent.wire import SendMessage
from tests.promises.real_server import RealServer, told
from tests.promises.watching import Seen, attached, same, whole

COUNT = "count to 12"
COUNTED = " ".join(str(number) for number in range(1, 13))


@pytest.mark.parametrize("words", [1, 6, 11])
async def test_an_answer_that_was_killed_goes_on_and_every_client_sees_each_record_once(
    server: RealServer, words: int
) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        async with attached(server, session) as one, attached(server, session) as two:
            await client.post_message(session, SendMessage(content=COUNT))
            await asyncio.gather(*(seen.until(lambda s: len(s.last_text().split()) >= words) for seen in (one, two)))
            server.kill()
            shown = [seen.last_text() for seen in (one, two)]
            server.start()
            await asyncio.gather(one.until(Seen.ended), two.until(Seen.ended))
    records = server.records(session)
    for seen in (one, two):
        whole(seen.records)
        same(seen.records, records)
        assert seen.losses >= 1
    failed = next(record.event for record in records if isinstance(record.event, ModelFailed))
    assert failed.error == "interrupted"
    assert all(failed.partial_text.startswith(text) for text in shown)
    replied = next(record.event for record in records if isinstance(record.event, ModelReplied))
    assert replied.text.split()[: len(COUNTED.split())] == COUNTED.split()
    assert replied.attempt == 2
    assert [e.event.epoch for e in records if isinstance(e.event, OwnerClaimed)] == [1, 2]


@pytest.mark.parametrize("nth", [1, 3, 5, *(pytest.param(each, marks=pytest.mark.campaign) for each in (2, 4))])
@pytest.mark.parametrize("point", ["log.before_write", "log.written", "log.synced"])
async def test_killed_at_a_named_point_nothing_acknowledged_is_lost(server: RealServer, point: str, nth: int) -> None:
    """The writes of a first turn: session, message, start, question, answer, end."""
    server.start({"DURAGENT_CRASHPOINT": f"{point}:{nth}"})

    async def revive() -> None:
        await server.wait_until_dead()
        server.start()

    reviving = asyncio.ensure_future(revive())
    async with server.client() as client:
        session = (await client.create_session("assistant", key="s")).session_id
        async with attached(server, session) as seen:
            # The client itself asks again, with the same key, until somebody answers.
            accepted = await client.post_message(session, SendMessage(content="hello"), key="m")
            await seen.until(Seen.ended)
            assert (await client.post_message(session, SendMessage(content="hello"), key="m")) == accepted
    await reviving
    assert server.starts == 2
    records = server.records(session)
    whole(seen.records)
    same(seen.records, records)
    kinds = [record.event.type for record in records]
    assert kinds.count("message_received") == kinds.count("model_replied") == kinds.count("turn_ended") == 1
    assert records[accepted.seq - 1].event.type == "message_received"


@pytest.mark.parametrize("point", ["recovery.torn_saved", "recovery.truncated"])
async def test_killed_inside_recovery_the_next_start_recovers(server: RealServer, point: str) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await told(client, session, "hello")
        server.kill()
        file = server.events_file(session)
        torn = b'{"seq":9,"ts":"2026-'
        file.write_bytes(file.read_bytes() + torn)
        before = server.records(session)
        dying = server.spawn({"DURAGENT_CRASHPOINT": point})
        assert dying.wait(20) == -9
        server.start()
        await told(client, session, "and again")
    records = server.records(session)
    assert records[: len(before)] == before
    recovered = [record.event for record in records if record.event.type == "log_recovered"]
    assert len(recovered) == 1
    assert (file.parent / f"events.torn-{sum(len(line) for line in _lines(server, session, len(before)))}").exists()


def _lines(server: RealServer, session: str, count: int) -> list[bytes]:
    return server.events_file(session).read_bytes().splitlines(keepends=True)[:count]


async def test_what_was_answered_before_the_kill_is_there_after_it(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        created = await client.create_session("assistant", "a title", key="s")
        session = created.session_id
        answer = await told(client, session, "hello", key="m")
        server.kill()
        server.start()
        assert (await client.session(session)).title == "a title"
        assert (await client.create_session("assistant", "a title", key="s")).session_id == session
        assert await told(client, session, "hello", key="m") == answer
        shown = await client.messages(session)
        assert [(message.role, message.content) for message in shown.messages] == [
            ("user", "hello"),
            ("assistant", answer.content),
        ]
        await client.rename_session(session, "renamed")
        server.kill()
        server.start()
        assert (await client.session(session)).title == "renamed"


async def test_an_accepted_message_survives_a_kill_right_behind_the_202(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        for number in range(5):
            accepted = await client.post_message(session, SendMessage(content=f"message {number}"), key=f"k{number}")
            server.kill()
            kept = [r for r in server.records(session) if isinstance(r.event, MessageReceived)]
            assert kept[-1].seq == accepted.seq
            server.start()


async def test_a_cancel_survives_a_kill(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        async with attached(server, session) as seen:
            await client.post_message(session, SendMessage(content="count to 500"))
            await seen.until(lambda s: len(s.last_text().split()) >= 3)
            assert (await client.cancel(session)).cancelled
            server.kill()
            server.start()
            await seen.until(Seen.ended)
        ended = next(record.event for record in server.records(session) if isinstance(record.event, TurnEnded))
        assert ended.outcome == "cancelled"
        shown = (await client.messages(session)).messages[-1]
        assert shown.interrupted
        assert shown.content.split()[:3] == ["1", "2", "3"]


async def test_done_is_told_only_when_the_answer_is_durable(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
    endpoint = await server.endpoint()
    headers = {"Authorization": f"Bearer {endpoint.token}"}
    async with (
        httpx.AsyncClient(base_url=endpoint.url, headers=headers) as http,
        http.stream("POST", f"/api/v1/sessions/{session}/stream", json={"content": "hello"}) as response,
    ):
        async for line in response.aiter_lines():
            if line == "event: done":
                server.kill()
                break
    assert server.kinds(session)[-2:] == ["model_replied", "turn_ended"]


async def test_a_client_that_asks_for_a_session_that_never_was_is_told(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        with pytest.raises(ServerError, match="not found"):
            await client.session("session_nobody")
