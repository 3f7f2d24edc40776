"""What people and programs send: text of every kind as it came, and nothing that is wrong gets in."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import httpx

from duragent.client.client import Client
from duragent.client.watch import CaughtUp, Item
from duragent.journal.events import MessageReceived
from duragent.journal.record import Record
from duragent.wire import SendMessage
from tests.support.real_server import RealServer

TEXTS = {
    "lone surrogates": "a\ud83db\udc00c",
    "NULs and controls": "\0\x01\x1b[31m\x7f\x85",
    "line ends of all kinds": "a\nb\r\nc\rd\u2028e\u2029f\x85g",
    "right to left, combining, emoji": "שלום e\u0301 👩‍👩‍👧‍👦 \ufeff",
    "SSE and JSON lookalikes": '\n\nevent: done\ndata: {}\n\n"crc":"00000000"}',
    "empty": "",
    "one MiB": "x" * (1 << 20),
    "one MiB that grows when it is escaped": "\0" * 340_000,
}


async def test_text_is_stored_and_shown_as_it_came(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        sessions = {kind: (await client.create_session("assistant")).session_id for kind in TEXTS}
        await asyncio.gather(*(client.ask(sessions[kind], SendMessage(content=text)) for kind, text in TEXTS.items()))
        server.kill()
        server.start()
        for kind, text in TEXTS.items():
            assert await _everywhere(server, client, sessions[kind]) == [text] * 4, kind


async def _everywhere(server: RealServer, client: Client, session: str) -> list[str]:
    """The message as each door shows it, and as the log has it."""
    shown = (await client.messages(session)).messages
    events = await client.events(session, after=0)
    by_page = next(each["text"] for each in events.events if each["type"] == "message_received")
    async with aclosing(client.watch(session)) as items:
        watched = [
            item.event.text
            async for item in _until_live(items)
            if isinstance(item, Record) and isinstance(item.event, MessageReceived)
        ]
    stored = next(r.event for r in server.records(session) if isinstance(r.event, MessageReceived))
    return [shown[0].content, by_page, *watched, stored.text]


async def _until_live(items: AsyncGenerator[Item, None]) -> AsyncIterator[Item]:
    async for item in items:
        if isinstance(item, CaughtUp):
            return
        yield item


async def test_nothing_wrong_gets_in(server: RealServer) -> None:
    server.start()
    endpoint = await server.locate()
    good = {"Authorization": f"Bearer {endpoint.token}"}
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
    before = _all_files(server)
    path = f"/api/v1/sessions/{session}/messages"
    async with httpx.AsyncClient(base_url=endpoint.url) as http:
        refused = {
            "no token": await http.post(path, json={"content": "x"}),
            "wrong token": await http.post(path, json={"content": "x"}, headers={"Authorization": "Bearer wrong"}),
            "foreign host": await http.post(path, json={"content": "x"}, headers=good | {"Host": "evil.example"}),
            "foreign origin": await http.post(
                path, json={"content": "x"}, headers=good | {"Origin": "https://evil.example"}
            ),
            "id with dots": await http.get("/api/v1/sessions/..%2f..%2frun/messages", headers=good),
            "id with a NUL": await http.get("/api/v1/sessions/a%00b", headers=good),
            "3 MiB": await http.post(path, json={"content": "x" * (3 << 20)}, headers=good),
            "not JSON": await http.post(path, content=b"{", headers=good | {"Content-Type": "application/json"}),
            "another type": await http.post(path, content=b"{}", headers=good | {"Content-Type": "text/plain"}),
            "wrong shape": await http.post(path, json={"contents": "x"}, headers=good),
            "bad key": await http.post(path, json={"content": "x"}, headers=good | {"Idempotency-Key": "k" * 300}),
        }
    assert {name: answer.status_code for name, answer in refused.items()} == {
        "no token": 401,
        "wrong token": 401,
        "foreign host": 403,
        "foreign origin": 403,
        "id with dots": 404,
        "id with a NUL": 404,
        "3 MiB": 413,
        "not JSON": 400,
        "another type": 415,
        "wrong shape": 422,
        "bad key": 400,
    }
    for answer in refused.values():
        assert answer.headers["content-type"].startswith("application/problem+json")
    assert _all_files(server) == before


def _all_files(server: RealServer) -> dict[str, int]:
    root = server.sessions_dir
    return {str(path.relative_to(root)): path.stat().st_size for path in root.rglob("events*")}
