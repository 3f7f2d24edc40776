"""Files of messages: stored first, referred to by a message, and given back."""

import hashlib

import httpx
import pytest

from duragent.file_types import ATTACHMENT_MAX_BYTES, MAX_ATTACHMENTS
from duragent.journal.inputs import Close
from tests.server.requests import is_problem
from tests.support.http_house import House

PNG = b"\x89PNG\r\n\x1a\n and so on"
SHA = hashlib.sha256(PNG).hexdigest()
REFERENCE = {"name": "a.png", "media_type": "image/png", "sha256": SHA, "size_bytes": len(PNG)}


async def attach(house: House, session_id: str, data: bytes = PNG, name: str = "a.png") -> httpx.Response:
    return await house.http.post(f"/api/v1/sessions/{session_id}/attachments", params={"name": name}, content=data)


async def say(house: House, session_id: str, *files: dict[str, object], key: str = "") -> httpx.Response:
    body = {"content": "look", "attachments": files}
    headers = {"Idempotency-Key": key} if key else {}
    return await house.http.post(f"/api/v1/sessions/{session_id}/messages", json=body, headers=headers)


async def test_a_file_is_stored_and_given_back(house: House) -> None:
    session_id = await house.create()
    stored = await attach(house, session_id)
    assert (stored.status_code, stored.json()) == (201, REFERENCE)
    given = await house.http.get(stored.headers["location"])
    assert (given.status_code, given.content) == (200, PNG)
    assert given.headers["content-type"] == "image/png"
    assert given.headers["content-disposition"] == "inline"
    assert given.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"<script>alert(1)</script>", "text/plain; charset=utf-8"),
        (b"<svg onload='alert(1)'/>", "text/plain; charset=utf-8"),
        (b"%PDF-1.7\n", "application/octet-stream"),
        (b"a\x00b", "application/octet-stream"),
        (b"", "text/plain; charset=utf-8"),
    ],
)
async def test_what_is_no_image_is_a_download(house: House, data: bytes, media_type: str) -> None:
    stored = await attach(house, await house.create(), data, "evil.png")
    given = await house.http.get(stored.headers["location"])
    assert (given.content, given.headers["content-type"]) == (data, media_type)
    assert given.headers["content-disposition"].startswith("attachment")
    assert given.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("content_type", [None, "image/jpeg", "application/json", "text/plain", "nonsense"])
async def test_the_type_that_a_client_says_is_not_believed(house: House, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    path = f"/api/v1/sessions/{await house.create()}/attachments?name=photo.jpg"
    stored = await house.http.post(path, content=PNG, headers=headers)
    assert stored.json() == REFERENCE | {"name": "photo.jpg"}


async def test_a_message_has_its_files_in_the_log_and_in_the_list(house: House) -> None:
    session_id = await house.create()
    stored = (await attach(house, session_id)).json()
    assert (await say(house, session_id, stored)).status_code == 200
    received = next(record for record in await house.log(session_id) if record["type"] == "message_received")
    assert received["attachments"] == [REFERENCE]
    said = (await house.http.get(f"/api/v1/sessions/{session_id}/messages")).json()["messages"]
    assert [message["attachments"] for message in said] == [[REFERENCE], []]


async def test_the_server_judges_type_and_size_itself(house: House) -> None:
    session_id = await house.create()
    await attach(house, session_id)
    lie = {"name": "/etc/x\n.pdf", "media_type": "application/pdf", "sha256": SHA, "size_bytes": 7}
    await say(house, session_id, lie)
    received = next(record for record in await house.log(session_id) if record["type"] == "message_received")
    assert received["attachments"] == [REFERENCE | {"name": "x .pdf"}]


async def test_a_file_that_was_not_stored_is_refused_and_the_session_goes_on(house: House) -> None:
    session_id = await house.create()
    refused = await say(house, session_id, REFERENCE)
    is_problem(refused, 422, "invalid-request")
    assert "upload it first" in refused.json()["detail"]
    assert "message_received" not in [record["type"] for record in await house.log(session_id)]
    assert (await house.say(session_id, "hi")).status_code == 200


async def test_a_file_of_another_session_is_not_there(house: House) -> None:
    stored = await attach(house, await house.create())
    other = await house.create()
    is_problem(await house.http.get(f"/api/v1/sessions/{other}/attachments/{SHA}"), 404, "not-found")
    is_problem(await say(house, other, stored.json()), 422, "invalid-request")


@pytest.mark.parametrize("name", ["x", "0" * 63, "0" * 64, "A" * 64, "..%2f..%2fevents.jsonl"])
async def test_what_is_not_there_is_a_404(house: House, name: str) -> None:
    session_id = await house.create()
    is_problem(await house.http.get(f"/api/v1/sessions/{session_id}/attachments/{name}"), 404, "not-found")


async def test_a_file_that_is_too_large_is_refused(house: House) -> None:
    session_id = await house.create()
    is_problem(await attach(house, session_id, b"x" * (ATTACHMENT_MAX_BYTES + 1)), 413, "content-too-large")
    assert (await attach(house, session_id, b"x" * ATTACHMENT_MAX_BYTES)).status_code == 201


async def test_a_message_has_at_most_so_many_files(house: House) -> None:
    session_id = await house.create()
    stored = (await attach(house, session_id)).json()
    assert (await say(house, session_id, *[stored] * MAX_ATTACHMENTS)).status_code == 200
    is_problem(await say(house, session_id, *[stored] * (MAX_ATTACHMENTS + 1)), 422, "invalid-request")


@pytest.mark.parametrize(
    "wrong", [{"sha": SHA}, {"name": "a"}, {"name": "a", "sha256": "x"}, {"name": "a", "sha256": SHA, "mime": "a"}]
)
async def test_a_reference_of_the_wrong_shape_is_refused(house: House, wrong: dict[str, object]) -> None:
    is_problem(await say(house, await house.create(), wrong), 422, "invalid-request")


async def test_a_message_that_is_sent_again_counts_once(house: House) -> None:
    session_id = await house.create()
    stored = (await attach(house, session_id)).json()
    first = await say(house, session_id, stored, key="k")
    again = await say(house, session_id, stored, key="k")
    # What a client says of type and size is no part of what it sends.
    bare = await say(house, session_id, {"name": "a.png", "sha256": SHA}, key="k")
    assert first.json() == again.json() == bare.json()
    other = (await attach(house, session_id, b"else")).json()
    is_problem(await say(house, session_id, other, key="k"), 422, "idempotency-mismatch")
    is_problem(await say(house, session_id, key="k"), 422, "idempotency-mismatch")


async def test_a_closed_session_takes_no_files(house: House) -> None:
    session_id = await house.create()
    await house.sessions.post(session_id, Close())
    is_problem(await attach(house, session_id), 409, "session-closed")


async def test_files_go_with_their_session(house: House) -> None:
    session_id = await house.create()
    await attach(house, session_id)
    assert (await house.http.delete(f"/api/v1/sessions/{session_id}")).status_code == 204
    is_problem(await house.http.get(f"/api/v1/sessions/{session_id}/attachments/{SHA}"), 404, "not-found")
    is_problem(await attach(house, session_id), 404, "not-found")
