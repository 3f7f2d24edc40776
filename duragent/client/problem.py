"""What the server says when it refuses, as an error."""

import json

from pydantic import ValidationError

from duragent.errors import ProblemResponse
from duragent.http.library import httpx
from duragent.wire import Problem


def problem_of(response: httpx.Response) -> ProblemResponse:
    """The refusal as an error, also when it is not problem+json (a proxy in between, another program on the port)."""
    status = response.status_code
    try:
        problem = Problem.model_validate(json.loads(response.content))
    except (ValueError, ValidationError):
        return ProblemResponse(status, "unknown", f"the server answered {status} {response.reason_phrase}".rstrip())
    detail = problem.detail or problem.title
    faults = [f"{fault.field}: {fault.problem}" for fault in problem.errors or ()]
    if missing := [fault for fault in faults if fault not in detail]:
        detail += ": " + "; ".join(missing)
    return ProblemResponse(status, problem.type.rpartition(":")[2], detail)
