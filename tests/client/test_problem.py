"""A refusal of the server as an error."""

import pytest

from duragent.errors import ProblemResponse
from tests.client.fake_server import FakeServer, client_of


async def test_a_problem_is_an_error_with_its_status_code_and_faults() -> None:
    body = {
        "type": "urn:duragent:problem:invalid-request",
        "title": "Unprocessable",
        "status": 422,
        "detail": "the body is wrong",
        "errors": [{"field": "content", "problem": "is missing"}],
    }
    server = FakeServer(statuses={"/api/v1/agents": (422, body)})
    async with client_of(server) as client:
        with pytest.raises(ProblemResponse) as caught:
            await client.agents()
    error = caught.value
    assert (error.status, error.problem) == (422, "invalid-request")
    assert error.detail == "the body is wrong: content: is missing"


async def test_a_fault_that_the_detail_tells_already_is_told_once() -> None:
    body = {
        "type": "urn:duragent:problem:invalid-request",
        "title": "Invalid Request",
        "status": 422,
        "detail": "the query cannot be used: limit: is too small",
        "errors": [{"field": "limit", "problem": "is too small"}],
    }
    async with client_of(FakeServer(statuses={"/api/v1/agents": (422, body)})) as client:
        with pytest.raises(ProblemResponse) as caught:
            await client.agents()
    assert caught.value.detail == "the query cannot be used: limit: is too small"
