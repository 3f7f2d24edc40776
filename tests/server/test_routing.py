"""From a path and a method to a route."""

import pytest
from starlette.requests import Request

from duragent.server.routes.table import ROUTES
from duragent.server.routing import kind_of
from tests.server.requests import is_problem
from tests.support.http_house import House


async def test_unknown_path_and_wrong_method_are_problems(house: House) -> None:
    is_problem(await house.http.get("/api/v1/nope"), 404, "not-found")
    is_problem(await house.http.get("/api/v1/sessions/"), 404, "not-found")
    response = await house.http.put("/api/v1/sessions", json={})
    is_problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_options_and_head_say_what_is_there(house: House) -> None:
    options = await house.http.options("/api/v1/sessions")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    path = f"/api/v1/sessions/{await house.create()}/events"
    async with house.live() as http:
        head = await http.head(path, headers={"Accept": "text/event-stream"})
    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "application/json")


@pytest.mark.parametrize(
    ("method", "path", "headers", "kind"),
    [
        ("GET", "/api/v1/sessions", {}, "request"),
        ("POST", "/api/v1/sessions", {}, "request"),
        ("POST", "/api/v1/sessions/{session_id}/messages", {}, "answer"),
        ("POST", "/api/v1/sessions/{session_id}/messages", {"prefer": "respond-async"}, "request"),
        ("POST", "/api/v1/sessions/{session_id}/messages", {"prefer": "wait=5, Respond-Async ; x"}, "request"),
        ("POST", "/api/v1/sessions/{session_id}/approve", {}, "answer"),
        ("POST", "/api/v1/sessions/{session_id}/stream", {}, "stream"),
        ("GET", "/api/v1/sessions/{session_id}/events", {}, "request"),
        (
            "GET",
            "/api/v1/sessions/{session_id}/events",
            {"accept": "application/json, TEXT/event-stream;q=1"},
            "stream",
        ),
        ("GET", "/api/v1/sessions/{session_id}/events", {"accept": "text/*"}, "request"),
        ("HEAD", "/api/v1/sessions/{session_id}/events", {"accept": "text/event-stream"}, "request"),
        ("GET", "/api/v1/sessions/{session_id}/export", {}, "answer"),
    ],
)
def test_how_long_a_request_may_last_is_known_before_it_begins(
    method: str, path: str, headers: dict[str, str], kind: str
) -> None:
    [route] = [route for route in ROUTES if route.path == path and route.method == method.replace("HEAD", "GET")]
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert kind_of(route, Request({"type": "http", "method": method, "headers": raw})) == kind
