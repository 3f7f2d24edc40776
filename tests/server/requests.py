"""Requests that many tests send, and how a refusal looks."""

import httpx

from tests.support.http_house import House

JSON = {"Content-Type": "application/json"}


CREATE = b'{"agent": "assistant"}'


def is_problem(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["type"]) == (status, f"urn:duragent:problem:{code}")
    assert problem["title"]


async def create(house: House, **headers: str) -> httpx.Response:
    return await house.http.post("/api/v1/sessions", content=CREATE, headers={**JSON, **headers})
