"""Strangers and malice: a clear 4xx problem, and nothing written."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from duragent.server.app import ROUTES, build_app
from duragent.server.auth import PUBLIC_PATHS
from duragent.server.serve import HEAD_MAX_BYTES
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import ADMIN_TOKEN, TOKEN, House

JSON = {"Content-Type": "application/json"}
CREATE = b'{"agent": "assistant"}'


def _is_problem(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["type"]) == (status, f"urn:duragent:problem:{code}")
    assert problem["title"]


async def _create(house: House, **headers: str) -> httpx.Response:
    return await house.http.post("/api/v1/sessions", content=CREATE, headers={**JSON, **headers})


# --- tokens ---------------------------------------------------------------------------------------------------------


async def test_every_route_but_the_public_ones_wants_a_token(house: House) -> None:
    house.http.headers.pop("Authorization")
    for route in ROUTES:
        response = await house.http.request(route.method, route.path.format(session_id="session_1", name="assistant"))
        if route.path in PUBLIC_PATHS:
            assert response.status_code == 200
        elif route.path.startswith("/api/admin/"):
            _is_problem(response, 403, "forbidden")
        else:
            _is_problem(response, 401, "unauthorized")
            assert response.headers["www-authenticate"].startswith("Bearer")
    assert await house.nothing_written()


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {ADMIN_TOKEN}"],
)
async def test_wrong_token_is_refused(house: House, value: str) -> None:
    _is_problem(await _create(house, Authorization=value), 401, "unauthorized")
    assert await house.nothing_written()


async def test_two_tokens_are_none(house: House) -> None:
    house.http.headers.pop("Authorization")
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer wrong")]
    _is_problem(await house.http.get("/api/v1/sessions", headers=headers), 401, "unauthorized")


async def test_scheme_is_known_in_any_case(house: House) -> None:
    assert (await _create(house, Authorization=f"bEARER {TOKEN}")).status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "/livez/",
        "//livez",
        "/livez/../api/v1/sessions",
        "/livez%2f..%2fapi%2fv1%2fsessions",
        "/livez%0a",
        "/LIVEZ",
        "/api/v1/sessions%3f/livez",
        "/api/v1/%73essions",
        "/nope",
        "/",
    ],
)
async def test_path_that_only_looks_public_wants_a_token(house: House, path: str) -> None:
    house.http.headers.pop("Authorization")
    _is_problem(await house.http.get(path), 401, "unauthorized")


@pytest.mark.parametrize("path", ["/api/admin/v1/shutdown", "/api/admin/v1/%73hutdown", "/api/%61dmin/v1/shutdown"])
async def test_admin_route_wants_the_admin_token_however_it_is_spelt(house: House, path: str) -> None:
    _is_problem(await house.http.post(path), 403, "forbidden")
    assert house.shutdowns == 0


async def test_preflight_gets_no_cors_headers(house: House) -> None:
    house.http.headers.pop("Authorization")
    headers = {"Origin": "http://127.0.0.1:8080", "Access-Control-Request-Method": "POST"}
    response = await house.http.options("/api/v1/sessions", headers=headers)
    _is_problem(response, 401, "unauthorized")
    assert not [name for name in response.headers if name.startswith("access-control")]


# --- host and origin ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1", "[::1]:8080"])
async def test_names_of_this_machine_are_good_hosts(house: House, host: str) -> None:
    assert (await house.http.get("/livez", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "localhost:80@evil", "localhost.", "::1"]
)
async def test_foreign_host_is_refused_everywhere(house: House, host: str) -> None:
    for path in ("/livez", "/api/v1/sessions", "/nope"):
        _is_problem(await house.http.get(path, headers={"Host": host}), 403, "forbidden-host")
    _is_problem(await _create(house, Host=host), 403, "forbidden-host")
    assert await house.nothing_written()


async def test_host_that_is_configured_is_good(house: House) -> None:
    async with house.with_settings(host="192.0.2.7") as http:
        assert (await http.get("/livez", headers={"Host": "192.0.2.7:8080"})).status_code == 200
        assert (await http.get("/livez", headers={"Host": "192.0.2.8:8080"})).status_code == 403


async def test_server_on_every_address_takes_any_host(house: House) -> None:
    async with house.with_settings(host="0.0.0.0") as http:
        assert (await http.get("/livez", headers={"Host": "build-box:8080"})).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8080", ""]
)
async def test_foreign_origin_is_refused(house: House, origin: str) -> None:
    _is_problem(await _create(house, Origin=origin), 403, "forbidden-origin")
    assert await house.nothing_written()


async def test_own_origin_is_good(house: House) -> None:
    assert (await _create(house, Origin="http://127.0.0.1:8080")).status_code == 201


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "", "else"])
async def test_what_a_browser_says_comes_from_another_site_is_refused(house: House, site: str) -> None:
    """Also where there is no Origin: a plain GET, an image, a link."""
    headers = {"Sec-Fetch-Site": site}
    _is_problem(await house.http.get("/api/v1/sessions", headers=headers), 403, "forbidden-origin")
    _is_problem(await house.http.get("/livez", headers=headers), 403, "forbidden-origin")
    _is_problem(await _create(house, **headers), 403, "forbidden-origin")
    assert await house.nothing_written()


@pytest.mark.parametrize("site", ["none", "same-origin", "Same-Origin"])
async def test_what_a_browser_says_comes_from_here_is_good(house: House, site: str) -> None:
    assert (await _create(house, **{"Sec-Fetch-Site": site})).status_code == 201


async def test_two_sites_are_none(house: House) -> None:
    headers = [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site")]
    _is_problem(await house.http.get("/livez", headers=headers), 403, "forbidden-origin")


async def test_strangers_are_told_no_names_by_readyz(house: House) -> None:
    house.write_agent("broken", "nonsense")
    await asyncio.to_thread(house.dependencies.catalog.reload)
    known = (await house.http.get("/readyz")).json()
    for token in ({}, {"Authorization": "Bearer wrong"}):
        house.http.headers.pop("Authorization", None)
        told = (await house.http.get("/readyz", headers=token)).json()
        assert (told["status"], told["broken_agents"], told["broken_agents_count"]) == ("degraded", [], 1)
    assert known["broken_agents"] == ["broken"]


@pytest.mark.parametrize("challenge", ["", "x", "0" * 63, "0" * 65, "G" * 64, "0" * 64 + "%0a"])
async def test_odd_challenge_is_refused(house: House, challenge: str) -> None:
    _is_problem(await house.http.get(f"/readyz?challenge={challenge}"), 422, "invalid-request")


# --- paths and methods ----------------------------------------------------------------------------------------------


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
async def test_odd_session_id_is_not_found_on_every_route(
    house: House, session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def touched(*args: object) -> None:
        raise AssertionError("the store was asked for it")

    monkeypatch.setattr(house.store, "claim", touched)
    for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/messages"), ("GET", "/events"), ("POST", "/cancel")):
        response = await house.http.request(method, f"/api/v1/sessions/{session_id}{rest}")
        _is_problem(response, 404, "not-found")
    for rest in ("/messages", "/stream"):
        response = await house.http.post(f"/api/v1/sessions/{session_id}{rest}", json={"content": "x"})
        _is_problem(response, 404, "not-found")
    assert await house.nothing_written()


async def test_unknown_path_and_wrong_method_are_problems(house: House) -> None:
    _is_problem(await house.http.get("/api/v1/nope"), 404, "not-found")
    _is_problem(await house.http.get("/api/v1/sessions/"), 404, "not-found")
    response = await house.http.put("/api/v1/sessions", json={})
    _is_problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_options_and_head_say_what_is_there(house: House) -> None:
    options = await house.http.options("/api/v1/sessions")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    path = f"/api/v1/sessions/{await house.create()}/events"
    async with house.live() as http:
        head = await http.head(path, headers={"Accept": "text/event-stream"})
    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "application/json")


# --- bodies ---------------------------------------------------------------------------------------------------------


async def _three_mebibytes() -> AsyncIterator[bytes]:
    for _ in range(48):
        yield b" " * (64 << 10)


async def test_body_of_three_mebibytes_is_too_large(house: House) -> None:
    session_id = await house.create()
    path = f"/api/v1/sessions/{session_id}/messages"
    body = json.dumps({"content": "x" * (3 << 20)}).encode()
    async with house.live() as http:
        _is_problem(await http.post(path, content=body, headers=JSON), 413, "content-too-large")
        _is_problem(await http.post(path, content=_three_mebibytes(), headers=JSON), 413, "content-too-large")
        assert (await http.get("/livez")).status_code == 200
    assert len(await house.log(session_id)) == 2


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "9" * 100])
async def test_odd_content_length_is_refused(house: House, length: str) -> None:
    response = await house.http.post("/api/v1/sessions", content=b"", headers={**JSON, "Content-Length": length})
    assert response.status_code == 413


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data"],
)
async def test_body_that_is_not_said_to_be_json_is_refused(house: House, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    response = await house.http.post("/api/v1/sessions", content=CREATE, headers=headers)
    _is_problem(response, 415, "unsupported-media-type")
    session_id = await house.create()
    response = await house.http.post(f"/api/v1/sessions/{session_id}/cancel", content=b"{}", headers=headers)
    _is_problem(response, 415, "unsupported-media-type")


async def test_json_may_name_its_charset(house: House) -> None:
    assert (await _create(house, **{"Content-Type": "application/JSON; charset=utf-8"})).status_code == 201


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
    _is_problem(await house.http.post("/api/v1/sessions", content=body, headers=JSON), 400, "bad-request")
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
    _is_problem(response, 422, "invalid-request")
    assert [fault["field"] for fault in response.json()["errors"]] == [field]
    assert await house.nothing_written()


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"\xe9", b"a\x7f", b"tab\there"])
async def test_odd_idempotency_key_is_a_bad_request(house: House, key: bytes) -> None:
    headers = [(b"Content-Type", b"application/json"), (b"Idempotency-Key", key)]
    _is_problem(await house.http.post("/api/v1/sessions", content=CREATE, headers=headers), 400, "bad-request")
    _is_problem(
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


async def test_endless_request_head_is_cut_off(house: House) -> None:
    async with house.live() as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * HEAD_MAX_BYTES)
        assert (await asyncio.wait_for(reader.read(), LIMIT_SECONDS)).startswith(b"HTTP/1.1 400")
        writer.close()


# --- inside ---------------------------------------------------------------------------------------------------------


async def test_fault_inside_tells_nothing_of_the_inside(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: object) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(house.sessions, "create", broken)
    response = await _create(house)
    _is_problem(response, 500, "internal-error")
    assert response.json()["title"] == "Internal Server Error"
    assert "secret" not in response.text


async def test_what_is_no_http_request_is_left_alone(house: House) -> None:
    async def unused(*args: object) -> None:
        raise AssertionError

    await build_app(house.dependencies)({"type": "websocket", "path": "/livez", "headers": []}, unused, unused)  # type: ignore[arg-type]  # never called
