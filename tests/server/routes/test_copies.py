"""Forks, exports, imports and repairs over HTTP: statuses, headers, limits and who may."""

import asyncio
import io
import zipfile
from typing import Any

import httpx
import pytest

from tests.server.archives import IMPORTS, ZIP, problem, talked, zipped
from tests.support.http_house import House, opened
from tests.support.until import until


async def damage(house: House, session_id: str, seq: int) -> None:
    """The record is changed where it rests, and the session is not in memory."""
    live = house.sessions.live.get(session_id)
    assert live is not None
    await until(lambda: not live.busy)
    await house.sessions.live.unload(live)
    lines = house.store.lines_of(session_id)
    lines[seq - 1] = lines[seq - 1].replace(b'"ts":"2', b'"ts":"3')


async def fork(house: House, session_id: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    return await house.http.post(f"/api/v1/sessions/{session_id}/fork", json=body, headers=headers)


async def test_fork_is_made_once_under_a_key_and_says_where_it_is(house: House) -> None:
    parent = await talked(house)
    made = await fork(house, parent, {"at": 3, "title": "Other"}, **{"Idempotency-Key": "k1"})
    assert (made.status_code, "Idempotency-Replayed" in made.headers) == (201, False)
    info = made.json()
    assert (info["parent"], info["title"], info["status"]) == (f"{parent}@3", "Other", "paused")
    assert made.headers["Location"] == f"/api/v1/sessions/{info['session_id']}"
    assert (await house.http.get(made.headers["Location"])).json() == info
    again = await fork(house, parent, {"at": 3, "title": "Other"}, **{"Idempotency-Key": "k1"})
    assert (again.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (201, info, "true")
    assert problem(await fork(house, parent, {"at": 2}, **{"Idempotency-Key": "k1"})) == (422, "idempotency-mismatch")
    assert (await house.say(info["session_id"], "on")).status_code == 200


async def test_fork_that_cannot_be_made_is_refused(house: House) -> None:
    parent = await talked(house)
    for body in ({"at": 0}, {"at": 10_000}, {"at": "x"}, {"title": 7}, {"where": 1}, {"title": "x" * 100_000}):
        assert problem(await fork(house, parent, body)) == (422, "invalid-request"), body
    assert problem(await fork(house, "session_none", {})) == (404, "not-found")
    assert problem(await house.http.post(f"/api/v1/sessions/{parent}/fork")) == (415, "unsupported-media-type")
    assert [listed.stream_id for listed in await house.store.list_streams()] == [parent]


async def test_session_goes_out_as_a_file_and_comes_in_again(house: House) -> None:
    session_id = await talked(house)
    response = await house.http.get(f"/api/v1/sessions/{session_id}/export")
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{session_id}.zip"'
    assert int(response.headers["Content-Length"]) == len(response.content)
    assert "events.jsonl" in zipfile.ZipFile(io.BytesIO(response.content)).namelist()
    lines = list(house.store.lines_of(session_id))
    taken = await house.http.post(IMPORTS, content=response.content, headers=ZIP)
    assert problem(taken) == (409, "session-exists")
    beside = await house.http.post(f"{IMPORTS}?new_id=true", content=response.content, headers=ZIP)
    assert (beside.status_code, beside.json()["session_id"] == session_id) == (201, False)
    assert beside.headers["Location"] == f"/api/v1/sessions/{beside.json()['session_id']}"
    await house.http.delete(f"/api/v1/sessions/{session_id}")
    back = await house.http.post(IMPORTS, content=response.content, headers=ZIP)
    assert (back.status_code, back.json()["session_id"]) == (201, session_id)
    assert house.store.lines_of(session_id) == lines
    listed = (await house.http.get("/api/v1/sessions")).json()["sessions"]
    assert {each["session_id"] for each in listed} == {session_id, beside.json()["session_id"]}


async def test_file_is_taken_in_under_its_own_id_once_under_a_key(house: House) -> None:
    session_id = await talked(house)
    data, headers = await zipped(house, session_id), ZIP | {"Idempotency-Key": "k1"}
    await house.http.delete(f"/api/v1/sessions/{session_id}")
    made = await house.http.post(IMPORTS, content=data, headers=headers)
    again = await house.http.post(IMPORTS, content=data, headers=headers)
    assert (made.status_code, "Idempotency-Replayed" in made.headers) == (201, False)
    assert (again.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (201, made.json(), "true")
    assert problem(await house.http.post(IMPORTS, content=data, headers=ZIP)) == (409, "session-exists")
    await house.say(session_id, "on")
    gone_on = await house.http.post(IMPORTS, content=data, headers=headers)
    assert (gone_on.status_code, gone_on.json()["head"] > made.json()["head"]) == (201, True)
    longer = await zipped(house, session_id)
    await house.http.delete(f"/api/v1/sessions/{session_id}")
    await house.http.post(IMPORTS, content=data, headers=ZIP)
    assert problem(await house.http.post(IMPORTS, content=longer, headers=headers)) == (409, "session-exists")


async def test_file_is_taken_in_anew_once_under_a_key(house: House) -> None:
    session_id, other = await talked(house), await talked(house)
    data, another = await zipped(house, session_id), await zipped(house, other)
    headers, place = ZIP | {"Idempotency-Key": "k1"}, f"{IMPORTS}?new_id=true"
    made = await house.http.post(place, content=data, headers=headers)
    again = await house.http.post(place, content=data, headers=headers)
    assert (made.status_code, "Idempotency-Replayed" in made.headers) == (201, False)
    assert (again.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (201, made.json(), "true")
    assert made.json()["head"] == len(house.store.lines_of(session_id))
    refused = await house.http.post(place, content=another, headers=headers)
    assert problem(refused) == (422, "idempotency-mismatch")
    both = [await house.http.post(place, content=data, headers=ZIP) for _ in range(2)]
    assert len({each.json()["session_id"] for each in both}) == 2
    assert (await house.say(made.json()["session_id"], "on")).status_code == 200


async def test_what_is_no_export_is_refused(house: House) -> None:
    data = await zipped(house, await talked(house))
    for body in (b"", b"hello", data[: len(data) // 2], data.replace(b"events.jsonl", b"events.jsonx")):
        assert problem(await house.http.post(IMPORTS, content=body, headers=ZIP)) == (422, "invalid-archive")
    for kind in ("application/json", "application/x-zip", "text/plain"):
        refused = await house.http.post(IMPORTS, content=data, headers={"Content-Type": kind})
        assert problem(refused) == (415, "unsupported-media-type")
    assert problem(await house.http.post(f"{IMPORTS}?new_id=perhaps", content=data, headers=ZIP))[0] == 422
    assert problem(await house.http.get(IMPORTS)) == (405, "method-not-allowed")


async def test_large_file_comes_in_and_goes_out_in_pieces_over_a_socket(house: House) -> None:
    session_id = await house.create()
    for number in range(3):
        assert (await house.say(session_id, f"{number}" + "\N{SNOWMAN}" * 100_000)).status_code == 200
    async with house.live() as client:
        async with client.stream("GET", f"/api/v1/sessions/{session_id}/export") as response:
            data = b"".join([piece async for piece in response.aiter_bytes()])

        async def pieces() -> Any:
            for at in range(0, len(data), 1000):
                yield data[at : at + 1000]

        taken = await client.post(f"{IMPORTS}?new_id=true", content=pieces(), headers=ZIP)
        assert taken.status_code == 201, taken.text


async def test_who_hangs_up_in_the_middle_leaves_nothing(house: House) -> None:
    session_id = await talked(house)
    data = await zipped(house, session_id)
    async with house.live() as client:
        body = b"POST /api/v1/imports?new_id=true HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/zip\r\n"
        body += f"Authorization: {client.headers['Authorization']}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        for end in (len(body), len(body) + 10, len(body) + len(data) - 1):
            _, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write((body + data)[:end])
            await writer.drain()
            writer.close()
        assert (await client.get("/livez")).status_code == 200
    assert [listed.stream_id for listed in await house.store.list_streams()] == [session_id]


async def test_damaged_session_is_not_exported_and_can_be_repaired_once(house: House) -> None:
    session_id = await talked(house)
    good = f"/api/v1/sessions/{session_id}"
    assert problem(await house.http.post(f"{good}/repair")) == (409, "not-damaged")
    await damage(house, session_id, 5)
    assert problem(await house.http.get(f"{good}/export")) == (409, "session-damaged")
    assert (await house.http.get(good)).json()["problem"].endswith("records 1 to 4 are good")
    assert (await house.http.get("/readyz")).json()["damaged"] == [session_id]
    repaired = await house.http.post(f"{good}/repair")
    assert (repaired.status_code, repaired.json()["problem"]) == (200, None)
    assert (await house.http.get("/readyz")).json()["damaged"] == []
    assert problem(await house.http.post(f"{good}/repair")) == (409, "not-damaged")
    assert (await house.say(session_id, "on")).status_code == 200
    assert (await house.http.get(f"{good}/export")).status_code == 200
    assert problem(await house.http.post("/api/v1/sessions/session_none/repair")) == (404, "not-found")


async def test_stream_of_a_session_that_is_repaired_ends_and_another_one_shows_how_it_goes_on(house: House) -> None:
    session_id = await talked(house)
    await damage(house, session_id, 5)
    path = f"/api/v1/sessions/{session_id}/events"
    async with house.live() as client:
        async with opened(client, path) as stream:
            assert [event.id for event in (await stream.until("caught_up"))[1:-1]] == ["1", "2", "3", "4"]
            await client.post(f"/api/v1/sessions/{session_id}/repair")
            assert await stream.rest() == []
        async with opened(client, path, headers={"Last-Event-ID": "4"}) as stream:
            names = [event.name for event in (await stream.until("caught_up"))[1:-1]]
            assert names[:2] == ["log_recovered", "owner_claimed"]


async def test_what_was_said_is_redacted_when_nothing_is_under_way(house: House) -> None:
    session_id = await talked(house)
    await house.say(session_id, "the code is 4711")
    path = f"/api/v1/sessions/{session_id}"
    assert problem(await house.http.post(f"{path}/redact", json={})) == (422, "invalid-request")
    refused = await house.http.post(f"{path}/redact", json={"match": "nobody said it"})
    assert problem(refused) == (409, "nothing-to-redact")
    tried = await house.http.post(f"{path}/redact", json={"match": "4711", "dry_run": True})
    done = await house.http.post(f"{path}/redact", json={"match": "4711", "by": "ada"})
    assert (tried.status_code, done.status_code) == (200, 200)
    assert (done.json()["seqs"], done.json()["head"]) == (tried.json()["seqs"], tried.json()["head"] + 1)
    assert "the code is [redacted]" in [each["content"] for each in (await messages(house, session_id))]
    assert (await house.say(session_id, "on")).status_code == 200


async def messages(house: House, session_id: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = (await house.http.get(f"/api/v1/sessions/{session_id}/messages")).json()["messages"]
    return found


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "sessions/x/fork"),
        ("GET", "sessions/x/export"),
        ("POST", "imports"),
        ("POST", "sessions/x/repair"),
        ("POST", "sessions/x/redact"),
    ],
)
async def test_without_a_token_nothing_of_it_is_possible(house: House, method: str, path: str) -> None:
    headers = {"Authorization": "Bearer wrong", **ZIP}
    refused = await house.http.request(method, f"/api/v1/{path}", headers=headers)
    assert problem(refused) == (401, "unauthorized")


async def test_stopping_server_takes_nothing_in_any_more(house: House) -> None:
    session_id = await talked(house)
    data = await zipped(house, session_id)
    await house.sessions.close(0)
    assert problem(await house.http.post(f"{IMPORTS}?new_id=true", content=data, headers=ZIP)) == (503, "stopping")
    assert problem(await fork(house, session_id, {}))[0] == 503
    assert len(await house.store.list_streams()) == 1
