"""From a path and a method to a route."""

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
