"""Which error is which HTTP status, and what a client learns of it."""

import json

import pytest

from duragent import errors
from duragent.agent.catalog import Reloaded
from duragent.server.problems import STATUSES, RequestRefused, problem_of, problem_response
from duragent.wire import Fault
from tests.server.requests import is_problem
from tests.support.http_house import ADMIN_TOKEN, House


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.SessionNotFound("s"), 404, "not-found"),
        (errors.AmbiguousId("s", ["s1", "s2"]), 409, "ambiguous-id"),
        (errors.SessionBusy("s", 256), 429, "session-busy"),
        (errors.SessionIsClosed("s"), 409, "session-closed"),
        (errors.NothingToDo("no"), 409, "nothing-to-do"),
        (errors.StoreFull("no room"), 507, "store-full"),
        (errors.Unavailable("fsync failed"), 503, "store-unavailable"),
        (errors.Fenced("lost"), 503, "fenced"),
        (errors.LogChanged("s", "another inode"), 409, "log-changed"),
        (errors.Damaged("s", "events.jsonl", 3, "wrong checksum", 2), 409, "session-damaged"),
        (errors.Stopping(), 503, "stopping"),
        (errors.SeqConflict("a bug"), 500, "internal-error"),
        (ValueError("a bug"), 500, "internal-error"),
    ],
)
def test_error_of_the_inside_has_its_status(error: Exception, status: int, code: str) -> None:
    response = problem_response(error)
    problem = json.loads(bytes(response.body))
    assert (response.status_code, problem["status"]) == (status, status)
    assert problem["type"] == f"urn:duragent:problem:{code}"
    assert response.media_type == "application/problem+json"
    assert ("a bug" in problem["detail"]) is False


async def test_fault_inside_tells_nothing_of_the_inside(house: House) -> None:
    async def broken() -> Reloaded:
        raise RuntimeError("secret of the house")

    async with house.with_dependencies(reload_agents=broken) as http:
        token = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        response = await http.post("/api/admin/v1/reload-agents", headers=token)
    is_problem(response, 500, "internal-error")
    assert response.json()["title"] == "Internal Server Error"
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("error", "seconds"), [(errors.Stopping(), "1"), (errors.StoreFull("no room"), "5"), (errors.Unavailable("x"), "5")]
)
def test_what_goes_away_by_itself_says_when_to_come_again(error: Exception, seconds: str) -> None:
    assert problem_response(error).headers["retry-after"] == seconds


def test_refusal_has_the_status_of_its_code_and_its_own_headers() -> None:
    response = problem_response(RequestRefused("method-not-allowed", "PUT is not possible here", {"Allow": "GET"}))
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert json.loads(bytes(response.body))["detail"] == "PUT is not possible here"


def test_faults_of_a_request_are_listed_field_by_field() -> None:
    problem = problem_of(errors.InvalidRequest("the query is wrong", [("limit", "is too small"), ("", "odd")]))
    assert problem.errors == [Fault(field="limit", problem="is too small"), Fault(field="", problem="odd")]
    assert problem_of(errors.BadInput("odd")).errors is None


def test_every_error_that_a_client_may_see_has_a_row_or_its_parent_has() -> None:
    for kind in (errors.AgentNotFound, errors.SessionNotFound, errors.RateLimited, errors.ModelUnavailable):
        assert any(parent in STATUSES for parent in kind.__mro__), kind
