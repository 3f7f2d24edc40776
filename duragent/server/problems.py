"""Errors as RFC 9457 problems. Two tables say which error is which HTTP status; there is no other place that does."""

import json
import logging
from collections.abc import Mapping

from starlette.responses import Response

from duragent import errors
from duragent.wire import Fault, Problem

_log = logging.getLogger(__name__)

STATUSES: dict[type[errors.DuragentError], tuple[int, str]] = {
    errors.BadInput: (400, "Bad Request"),
    errors.InvalidRequest: (422, "Invalid Request"),
    errors.InvalidFile: (422, "Invalid File"),
    errors.InvalidArchive: (422, "Invalid Archive"),
    errors.NotFound: (404, "Not Found"),
    errors.SessionDeleted: (410, "Session Deleted"),
    errors.AmbiguousId: (409, "Ambiguous Id"),
    errors.AgentBroken: (409, "Agent Broken"),
    errors.SessionBusy: (429, "Session Busy"),
    errors.SessionIsClosed: (409, "Session Closed"),
    errors.IdempotencyMismatch: (422, "Idempotency Mismatch"),
    errors.NothingToDo: (409, "Nothing To Do"),
    errors.NotNow: (409, "Not Now"),
    errors.AlreadyDecided: (409, "Already Decided"),
    errors.CallChanged: (409, "Call Changed"),
    errors.MemoryChanged: (409, "Memory Changed"),
    errors.MemoryFull: (507, "Memory Full"),
    errors.Stopping: (503, "Stopping"),
    errors.SessionExists: (409, "Session Exists"),
    errors.StoreFull: (507, "Store Full"),
    errors.Unavailable: (503, "Store Unavailable"),
    errors.Fenced: (503, "Session Taken Over"),
    errors.LogChanged: (409, "Log Changed"),
    errors.Damaged: (409, "Session Damaged"),
    errors.ModelError: (502, "Model Failed"),
    errors.ModelNotConfigured: (422, "Model Not Configured"),
}
"""For each error that may reach a client its status and title; a subclass without a row has its parent's."""

REFUSALS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "Bad Request"),
    "unauthorized": (401, "Unauthorized"),
    "forbidden": (403, "Forbidden"),
    "forbidden-host": (403, "Forbidden Host"),
    "forbidden-origin": (403, "Forbidden Origin"),
    "not-found": (404, "Not Found"),
    "method-not-allowed": (405, "Method Not Allowed"),
    "timeout": (408, "Request Timeout"),
    "already-stopping": (409, "Already Stopping"),
    "turn-paused": (409, "Turn Paused"),
    "content-too-large": (413, "Content Too Large"),
    "unsupported-media-type": (415, "Unsupported Media Type"),
    "internal-error": (500, "Internal Server Error"),
    "model-failed": (502, "Model Failed"),
    "too-many-connections": (503, "Too Many Connections"),
    "busy": (503, "Server Busy"),
}
"""What only this door refuses: code -> status and title."""


TRY_AGAIN: dict[type[errors.DuragentError], int] = {
    errors.Stopping: 1,
    errors.StoreFull: 5,
    errors.Unavailable: 5,
}
"""After how many seconds such a request may be sent again, as `Retry-After` tells it."""


class RequestRefused(Exception):  # named for what happened, like all errors here
    """The door itself refuses. `code` is a row of REFUSALS, `detail` a sentence for people."""

    def __init__(self, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.code, self.detail, self.headers = code, detail, dict(headers or {})
        super().__init__(detail)


def problem_of(error: Exception) -> Problem:
    """What a client learns of an error. Of one that is in no table: only that there was one."""
    if isinstance(error, RequestRefused):
        status, title = REFUSALS[error.code]
        return _problem(error.code, status, title, error.detail)
    for kind in type(error).__mro__:
        if isinstance(error, errors.DuragentError) and kind in STATUSES:
            status, title = STATUSES[kind]
            faults = error.faults if isinstance(error, errors.InvalidRequest) else ()
            return _problem(error.code, status, title, str(error), [Fault(field=f, problem=p) for f, p in faults])
    status, title = REFUSALS["internal-error"]
    return _problem("internal-error", status, title, "something went wrong inside; the server's log says what")


def problem_response(error: Exception) -> Response:
    problem = problem_of(error)
    if problem.status == 500:
        _log.error("a request failed", exc_info=error)
    body = json.dumps(problem.model_dump(exclude_none=True)).encode()
    return Response(body, problem.status, _headers(error), media_type="application/problem+json")


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, RequestRefused):
        return error.headers
    seconds = next((seconds for kind, seconds in TRY_AGAIN.items() if isinstance(error, kind)), None)
    return {} if seconds is None else {"Retry-After": str(seconds)}


def _problem(code: str, status: int, title: str, detail: str, faults: list[Fault] | None = None) -> Problem:
    return Problem(
        type=f"urn:duragent:problem:{code}", title=title, status=status, detail=detail, errors=faults or None
    )
