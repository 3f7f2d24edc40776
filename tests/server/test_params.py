"""What a request says: query, body, path and headers."""

import asyncio
import json
from pathlib import Path

import pytest

from duragent.stores.base import Claim
from tests.server.requests import CREATE, JSON, create, is_problem
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House
from tests.support.open_store import OpenStore


@pytest.mark.parametrize(
    ("query", "field", "problem"),
    [
        ("limit=x", "limit", "must be a whole number, not 'x'"),
        ("limit=1.5", "limit", "must be a whole number, not '1.5'"),
        ("limit=0", "limit", "must be 1 or more, not '0'"),
        ("limit=1000", "limit", "must be 200 or less, not '1000'"),
        (
            "status=runing",
            "status",
            "must be one of active, running, paused, completed, damaged, not 'runing' (did you mean 'running'?)",
        ),
        ("limt=1", "limt", "is not a known key (did you mean `limit`?)"),
        ("prefix=" + "x" * 65, "prefix", "must have at most 64 characters"),
        ("match=" + "x" * 65, "match", "must have at most 64 characters"),
    ],
)
async def test_fault_in_a_query_is_told_in_plain_words(house: House, query: str, field: str, problem: str) -> None:
    told = (await house.http.get(f"/api/v1/sessions?{query}")).json()
    assert told["errors"] == [{"field": field, "problem": problem}]
    assert told["detail"] == f"the query cannot be used: {field}: {problem}"


@pytest.mark.parametrize(
    ("body", "field", "problem"),
    [
        ([], "", "must be an object, not a list"),
        ({}, "agent", "is missing"),
        ({"agent": 7}, "agent", "must be text, not 7"),
        ({"agent": None}, "agent", "must be text, not null"),
        ({"agent": "assistant", "title": "a\nb"}, "title", "must be one line without control characters"),
        ({"agent": "assistant", "source": "\ud800"}, "source", "must be valid Unicode text, not '\ufffd'"),
        (
            {"agent": "assistant", "zzz": 1},
            "zzz",
            "is not a known key (known keys: agent, title, source, door, model, system)",
        ),
    ],
)
async def test_fault_in_a_body_is_told_in_plain_words(house: House, body: object, field: str, problem: str) -> None:
    headers = {"Content-Type": "application/json"}
    told = (await house.http.post("/api/v1/sessions", content=json.dumps(body), headers=headers)).json()
    assert told["errors"] == [{"field": field, "problem": problem}]


@pytest.mark.parametrize(
    "session_id",
    [
        "..",
        "%2e%2e",
        "..%2fx",
        "%2e%2e%2fx",
        "x%00",
        "%00",
        "X",
        "-x",
        "x.y",
        "a" * 65,
        "é",
        "x%0a",
        "~",
        "x%5c..",
        "%ff",
    ],
)
async def test_odd_session_id_is_not_found_on_every_route(tmp_path: Path, session_id: str) -> None:
    house = House(tmp_path, UnreadableStore())
    for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/messages"), ("GET", "/events"), ("POST", "/cancel")):
        response = await house.http.request(method, f"/api/v1/sessions/{session_id}{rest}")
        is_problem(response, 404, "not-found")
    for rest in ("/messages", "/stream"):
        response = await house.http.post(f"/api/v1/sessions/{session_id}{rest}", json={"content": "x"})
        is_problem(response, 404, "not-found")
    assert await house.nothing_written()
    await house.close()


class UnreadableStore(OpenStore):
    async def claim(self, session_id: str) -> Claim:
        raise AssertionError("the store was asked for it")


async def test_json_may_name_its_charset(house: House) -> None:
    assert (await create(house, **{"Content-Type": "application/JSON; charset=utf-8"})).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"agent": "\xed\xa0\x80"}',
        b'{"agent": NaN}',
        b'{"agent": -Infinity}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 10_000,
        CREATE.decode().encode("utf-16"),
    ],
)
async def test_body_that_is_no_json_is_a_bad_request(house: House, body: bytes) -> None:
    is_problem(await house.http.post("/api/v1/sessions", content=body, headers=JSON), 400, "bad-request")
    assert await house.nothing_written()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"[]", ""),
        (b"null", ""),
        (b"{}", "agent"),
        (b'{"agent": 1}', "agent"),
        (b'{"agent": "assistant", "title": "a\\nb"}', "title"),
        (b'{"agent": "assistant", "agnet": "x"}', "agnet"),
        (b'{"agent": "assistant", "\\ud800": 1}', ""),
        (b'{"agent": ' + b"[" * 400 + b"]" * 400 + b"}", "agent"),
    ],
)
async def test_body_of_the_wrong_shape_names_the_field(house: House, body: bytes, field: str) -> None:
    response = await house.http.post("/api/v1/sessions", content=body, headers=JSON)
    is_problem(response, 422, "invalid-request")
    assert [fault["field"] for fault in response.json()["errors"]] == [field]
    assert await house.nothing_written()


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"\xe9", b"a\x7f", b"tab\there"])
async def test_odd_idempotency_key_is_a_bad_request(house: House, key: bytes) -> None:
    headers = [(b"Content-Type", b"application/json"), (b"Idempotency-Key", key)]
    is_problem(await house.http.post("/api/v1/sessions", content=CREATE, headers=headers), 400, "bad-request")
    is_problem(
        await house.http.post("/api/v1/sessions", content=CREATE, headers=[*headers, headers[1]]), 400, "bad-request"
    )
    assert await house.nothing_written()


@pytest.mark.parametrize("name", [r"\ud800", r"\u0000", r"\u2028"])
async def test_odd_characters_beside_the_message_are_kept_or_refused(house: House, name: str) -> None:
    session_id = await house.create()
    for path, fields in (
        ("/api/v1/sessions", f'"agent": "assistant", "title": "{name}"'),
        ("/api/v1/sessions", f'"agent": "{name}"'),
        (f"/api/v1/sessions/{session_id}/messages", f'"content": "x", "sender_name": "{name}", "sender_id": "{name}"'),
    ):
        response = await house.http.post(path, content=f"{{{fields}}}".encode(), headers=JSON)
        assert response.status_code in (200, 201, 404, 422), response.text
    for path in (
        "/api/v1/sessions",
        f"/api/v1/sessions/{session_id}/messages",
        f"/api/v1/sessions/{session_id}/events",
    ):
        assert (await house.http.get(path)).status_code == 200


async def test_header_with_a_line_end_reaches_nobody(house: House) -> None:
    async with house.live() as http:
        port = http.base_url.port
        for evil in (b"k\r\nX-Evil: 1", b"k\nX-Evil: 1", b"k\x00"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: " + evil
            writer.write(head + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            answer = await asyncio.wait_for(reader.read(), LIMIT_SECONDS)
            writer.close()
            assert answer.startswith(b"HTTP/1.1 4")
            assert b"X-Evil" not in answer
    assert await house.nothing_written()


@pytest.mark.parametrize(
    ("source", "recorded"),
    [("http", "http"), ("cli", "cli"), ("agent", "http"), ("legacy", "http"), ("a later one", "http")],
)
async def test_client_says_which_door_it_is_and_not_that_it_is_a_machine(
    house: House, source: str, recorded: str
) -> None:
    said = {"source": source, "door": "page"}
    made = (await house.http.post("/api/v1/sessions", json={"agent": "assistant", **said})).json()
    path = f"/api/v1/sessions/{made['session_id']}"
    await house.http.post(f"{path}/messages", json={"content": "hi", **said})
    events = (await house.http.get(f"{path}/events")).json()["events"]
    found = [(event["type"], event["source"], event["door"]) for event in events if "door" in event]
    assert found == [("session_created", recorded, "page"), ("message_received", recorded, "page")]
