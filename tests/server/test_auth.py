"""Strangers and malice: a clear 4xx problem, and nothing written."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from duragent.server.app import build_app
from duragent.server.auth import PUBLIC_PATHS
from duragent.server.bounds import Bounds
from duragent.server.routes.table import ROUTES
from tests.server.archives import IMPORTS, ZIP, problem, talked, zipped
from tests.server.requests import CREATE, JSON, create, is_problem
from tests.support.http_house import ADMIN_TOKEN, TOKEN, House


def _some(path: str) -> str:
    return path.format(session_id="session_1", name="assistant", sha256="0" * 64, note="m_3f9k2a7c", seq=3, goal="g1")


async def test_every_route_but_the_public_ones_wants_a_token(house: House) -> None:
    house.http.headers.pop("Authorization")
    for route in ROUTES:
        response = await house.http.request(route.method, _some(route.path))
        if route.path in PUBLIC_PATHS:
            assert response.status_code == 200
        elif route.path.startswith("/api/admin/"):
            is_problem(response, 403, "forbidden")
        else:
            is_problem(response, 401, "unauthorized")
            assert response.headers["www-authenticate"].startswith("Bearer")
    assert await house.nothing_written()


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {ADMIN_TOKEN}"],
)
async def test_wrong_token_is_refused(house: House, value: str) -> None:
    is_problem(await create(house, Authorization=value), 401, "unauthorized")
    assert await house.nothing_written()


async def test_two_tokens_are_none(house: House) -> None:
    house.http.headers.pop("Authorization")
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer wrong")]
    is_problem(await house.http.get("/api/v1/sessions", headers=headers), 401, "unauthorized")


async def test_scheme_is_known_in_any_case(house: House) -> None:
    assert (await create(house, Authorization=f"bEARER {TOKEN}")).status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "/livez/",
        "http://localhost//livez",
        "http://localhost//",
        "/index.html",
        "/livez/../api/v1/sessions",
        "/livez%2f..%2fapi%2fv1%2fsessions",
        "/livez%0a",
        "/LIVEZ",
        "/api/v1/sessions%3f/livez",
        "/api/v1/%73essions",
        "/nope",
    ],
)
async def test_path_that_only_looks_public_wants_a_token(house: House, path: str) -> None:
    house.http.headers.pop("Authorization")
    is_problem(await house.http.get(path), 401, "unauthorized")


@pytest.mark.parametrize("path", ["/api/admin/v1/shutdown", "/api/admin/v1/%73hutdown", "/api/%61dmin/v1/shutdown"])
async def test_admin_route_wants_the_admin_token_however_it_is_spelt(house: House, path: str) -> None:
    is_problem(await house.http.post(path), 403, "forbidden")
    assert house.shutdowns == 0


async def test_preflight_gets_no_cors_headers(house: House) -> None:
    house.http.headers.pop("Authorization")
    headers = {"Origin": "http://127.0.0.1:8080", "Access-Control-Request-Method": "POST"}
    response = await house.http.options("/api/v1/sessions", headers=headers)
    is_problem(response, 401, "unauthorized")
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1", "[::1]:8080"])
async def test_names_of_this_machine_are_good_hosts(house: House, host: str) -> None:
    assert (await house.http.get("/livez", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "localhost:80@evil", "localhost.", "::1"]
)
async def test_foreign_host_is_refused_everywhere(house: House, host: str) -> None:
    for path in ("/livez", "/api/v1/sessions", "/nope"):
        is_problem(await house.http.get(path, headers={"Host": host}), 403, "forbidden-host")
    is_problem(await create(house, Host=host), 403, "forbidden-host")
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
    is_problem(await create(house, Origin=origin), 403, "forbidden-origin")
    assert await house.nothing_written()


async def test_own_origin_is_good(house: House) -> None:
    assert (await create(house, Origin="http://127.0.0.1:8080")).status_code == 201


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "", "else"])
async def test_what_a_browser_says_comes_from_another_site_is_refused(house: House, site: str) -> None:
    """Also where there is no Origin: a plain GET, an image, a link."""
    headers = {"Sec-Fetch-Site": site}
    is_problem(await house.http.get("/api/v1/sessions", headers=headers), 403, "forbidden-origin")
    is_problem(await house.http.get("/livez", headers=headers), 403, "forbidden-origin")
    is_problem(await create(house, **headers), 403, "forbidden-origin")
    assert await house.nothing_written()


@pytest.mark.parametrize("site", ["none", "same-origin", "Same-Origin"])
async def test_what_a_browser_says_comes_from_here_is_good(house: House, site: str) -> None:
    assert (await create(house, **{"Sec-Fetch-Site": site})).status_code == 201


async def test_two_sites_are_none(house: House) -> None:
    headers = [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site")]
    is_problem(await house.http.get("/livez", headers=headers), 403, "forbidden-origin")


async def _three_mebibytes() -> AsyncIterator[bytes]:
    for _ in range(48):
        yield b" " * (64 << 10)


async def test_body_of_three_mebibytes_is_too_large(house: House) -> None:
    session_id = await house.create()
    path = f"/api/v1/sessions/{session_id}/messages"
    body = json.dumps({"content": "x" * (3 << 20)}).encode()
    async with house.live() as http:
        is_problem(await http.post(path, content=body, headers=JSON), 413, "content-too-large")
        is_problem(await http.post(path, content=_three_mebibytes(), headers=JSON), 413, "content-too-large")
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
    is_problem(response, 415, "unsupported-media-type")
    session_id = await house.create()
    response = await house.http.post(f"/api/v1/sessions/{session_id}/cancel", content=b"{}", headers=headers)
    is_problem(response, 415, "unsupported-media-type")


async def test_what_is_no_http_request_is_left_alone(house: House) -> None:
    async def unused(*args: object) -> None:
        raise AssertionError

    await build_app(house.dependencies)({"type": "websocket", "path": "/livez", "headers": []}, unused, unused)  # type: ignore[arg-type]  # never called


async def test_bodies_of_imports_are_bounded_however_they_are_framed(house: House) -> None:
    data = await zipped(house, await talked(house))

    async def pieces() -> Any:
        for at in range(0, len(data), 100):
            yield data[at : at + 100]

    async with house.with_dependencies(Bounds(import_max_bytes=len(data) - 1)) as http:
        for body in (data, pieces()):
            refused = await http.post(f"{IMPORTS}?new_id=true", content=body, headers=ZIP)
            assert problem(refused) == (413, "content-too-large")
        big = await http.post("/api/v1/sessions", content=bytes(3 << 20), headers={"Content-Type": "application/json"})
        assert problem(big) == (413, "content-too-large")
    async with house.with_dependencies(Bounds(import_max_bytes=len(data))) as http:
        for body in (data, pieces()):
            assert (await http.post(f"{IMPORTS}?new_id=true", content=body, headers=ZIP)).status_code == 201
