"""What a client asks, checked: body, query, headers. Everything wrong with them is an error with a clear sentence."""

import json
import re
from typing import Annotated, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect, Request

from duragent.client.proof import NONCE_PATTERN
from duragent.errors import InvalidRequest, SessionNotFound
from duragent.server.auth import is_of
from duragent.server.problems import RequestRefused
from duragent.stores.base import STREAM_ID
from duragent.text import without_surrogates
from duragent.wire import IDEMPOTENCY_KEY_MAX, SEQ_MAX, ModelName, Outcome, StatusFilter, TrustWord
from duragent.yaml.validation_words import cut, problem_and_hint, unknown_key

MESSAGES_MAX = 1000

_KEY = re.compile(rf"[\x20-\x7e]{{1,{IDEMPOTENCY_KEY_MAX}}}")
_Shape = TypeVar("_Shape", bound=BaseModel)


# --- queries --------------------------------------------------------------------------------------------------------


class QueryParams(BaseModel):
    """A query string: as with bodies, an unknown name is an error, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class ReadyQuery(QueryParams):
    challenge: str | None = Field(
        None, pattern=NONCE_PATTERN, description="64 hexadecimal digits; the answer carries a `proof` of them."
    )


class ModelQuery(QueryParams):
    model: ModelName = Field(
        "", description='`provider/name`, or a name at the provider of the agent; "": the agent\'s own model.'
    )
    base_url: str = Field("", max_length=500, description="As in the body of `POST /api/v1/sessions/{id}/model`.")


class SessionsQuery(QueryParams):
    agent: str | None = Field(None, description="Only sessions of this agent.")
    status: StatusFilter | None = Field(None, description="Only sessions with this status.")
    prefix: str | None = Field(None, max_length=64, description="Only sessions whose id begins so.")
    match: str | None = Field(
        None, max_length=64, description="Only sessions whose id has this part, in upper or lower case."
    )
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=500, description="`next_cursor` of the page before.")


class DeleteQuery(QueryParams):
    head: int | None = Field(
        None,
        ge=0,
        le=SEQ_MAX,
        description="Only while this is the seq of its newest record and nothing is under way; else `not-now`.",
    )


class StreamQuery(QueryParams):
    tools: bool = Field(
        False, description="Also send `tool_call` and `tool_result`, which clients of v0.5 do not know."
    )


class MessagesQuery(QueryParams):
    # Not an error, because v0.5 had no bound and its clients ask for more.
    limit: Annotated[int, AfterValidator(lambda limit: min(limit, MESSAGES_MAX))] = Field(
        50, ge=1, description=f"At most so many; more than {MESSAGES_MAX:,} count as {MESSAGES_MAX:,}."
    )
    before: int | None = Field(None, ge=1, le=SEQ_MAX, description="Only messages with a lower seq.")


class AttachmentQuery(QueryParams):
    name: str = Field(
        "", max_length=1_000, description='The file\'s name; folders in it are left out. Without one it is "file".'
    )


class ApprovalsQuery(QueryParams):
    agent: str | None = Field(None, description="Only of sessions of this agent.")
    session_id: str | None = Field(None, max_length=64, description="Only of this session.")


class DiffQuery(QueryParams):
    first: int | None = Field(None, ge=1, le=SEQ_MAX, description="Only what records from this one on changed.")
    last: int | None = Field(None, ge=1, le=SEQ_MAX, description="Only what records up to this one changed.")


class RecallsQuery(QueryParams):
    seq: int | None = Field(
        None, ge=1, le=SEQ_MAX, description="Only the search of this record or message, else the newest one before it."
    )
    before: int | None = Field(None, ge=1, le=SEQ_MAX, description="Only searches with a lower seq.")
    limit: int = Field(20, ge=1, le=100, description="How many at most.")

    @model_validator(mode="after")
    def _one_place(self) -> "RecallsQuery":
        if self.seq is not None and self.before is not None:
            raise ValueError("`seq` and `before` exclude each other")
        return self


class ContextQuery(QueryParams):
    at: int | None = Field(
        None, ge=1, le=SEQ_MAX, description="The newest request at or before this record; absent for the newest one."
    )


class EndGoalQuery(QueryParams):
    outcome: Outcome = Field("done", description="Whether it was reached, or is given up.")


class UndoQuery(QueryParams):
    turn: str = Field("", max_length=100, description="As in the body of the POST.")
    force: bool = Field(False, description="As in the body of the POST.")


class NotesQuery(QueryParams):
    file: str | None = Field(None, max_length=300, description="Only of this file.")
    scope: str | None = Field(None, max_length=300, description="Only of this scope, such as `person:telegram-4711`.")
    trust: TrustWord | None = Field(None, description="Only these; `unreviewed` is what waits for a person.")
    match: str | None = Field(None, max_length=64, description="Only notes whose id has this part.")
    limit: int = Field(50, ge=1, le=200)
    skip: int = Field(0, ge=0, le=1_000_000, description="Leave out so many.")


class NoteSearchQuery(QueryParams):
    q: str = Field(min_length=1, max_length=2_000, description="What is looked for.")
    limit: int = Field(10, ge=1, le=50, description="How many notes at most.")


class ForgetQuery(QueryParams):
    by: str = Field("", max_length=200, description="Who asks for it, for the log.")
    reason: str = Field("", max_length=1_000, description="Why, for the log.")


class MindLogQuery(QueryParams):
    before: int | None = Field(None, ge=1, le=SEQ_MAX, description="Only records with a lower seq.")
    limit: int = Field(50, ge=1, le=500, description="How many records.")


class MemoryUndoQuery(QueryParams):
    file: str | None = Field(None, max_length=300, description="The file; else the one that was written last.")


class ImportQuery(QueryParams):
    new_id: bool = Field(False, description="Give the session a new id; else it keeps its own, which must be free.")


class EventsQuery(QueryParams):
    after: int | None = Field(None, ge=0, le=SEQ_MAX, description="Only records with a higher seq.")
    before: int | None = Field(None, ge=1, le=SEQ_MAX, description="The newest records with a lower seq; JSON only.")
    tail: int | None = Field(None, ge=0, le=SEQ_MAX, description="Begin so many records before the newest.")
    limit: int = Field(200, ge=1, le=1000, description="How many records, in JSON.")

    @model_validator(mode="after")
    def _one_place(self) -> "EventsQuery":
        if sum(value is not None for value in (self.after, self.before, self.tail)) > 1:
            raise ValueError("`after`, `before` and `tail` exclude each other")
        return self


def query_of(request: Request, shape: type[_Shape]) -> _Shape:
    """Raises InvalidRequest."""
    try:
        return shape.model_validate(dict(request.query_params))
    except ValidationError as error:
        _fail("the query cannot be used", shape, error)


# --- bodies ---------------------------------------------------------------------------------------------------------


async def body_of(request: Request, shape: type[_Shape]) -> _Shape:
    """Raises Refused, InvalidRequest."""
    content_type = request.headers.get("content-type", "")
    if not is_of(content_type.encode("latin-1"), b"application/json"):
        raise RequestRefused("unsupported-media-type", "the body must be JSON, with `Content-Type: application/json`")
    try:
        return shape.model_validate(_parsed(await request.body()))
    except ClientDisconnect:
        raise RequestRefused("bad-request", "the connection ended within the body") from None
    except ValidationError as error:
        _fail("the body has the wrong shape", shape, error)


def misfit(field: str, problem: str) -> InvalidRequest:
    """The error for a field that does not go with another one, in the words of `body_of`."""
    return InvalidRequest(f"the body has the wrong shape: {field}: {problem}", [(field, problem)])


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body.decode(), parse_constant=_no_constant)
    except RecursionError:
        raise RequestRefused("bad-request", "the body is nested too deeply") from None
    except ValueError as error:
        raise RequestRefused("bad-request", f"the body is not JSON: {error}"[:300]) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _fail(problem: str, shape: type[BaseModel], error: ValidationError) -> NoReturn:
    faults = [
        (".".join(str(part) for part in details["loc"]), _in_words(shape, details))
        for details in error.errors(include_url=False)
    ]
    first_field, first_problem = faults[0]
    raise InvalidRequest(f"{problem}: {first_field + ': ' if first_field else ''}{first_problem}", faults) from None


def _in_words(shape: type[BaseModel], details: ErrorDetails) -> str:
    words, hint = problem_and_hint(details, _shown(details["input"]))
    if details["type"] == "extra_forbidden":
        words, hint = unknown_key(str(details["loc"][-1]), list(shape.model_fields))
    return words + (f" ({hint})" if hint else "")


def _shown(value: object) -> str:
    """As the client wrote it, as far as that helps."""
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return cut(f"'{without_surrogates(value)}'")
    return cut(json.dumps(value))


# --- path and headers -----------------------------------------------------------------------------------------------


def session_id_of(request: Request) -> str:
    """The id in the path, when it can be one; else SessionNotFound, so that no odd id ever comes near the disk."""
    session_id = str(request.path_params["session_id"])
    if not STREAM_ID.match(session_id):
        raise SessionNotFound(session_id[:64])
    return session_id


def idempotency_key_of(request: Request) -> str | None:
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        limit = f"1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters"
        raise RequestRefused("bad-request", f"Idempotency-Key must be one header with {limit}")
    return keys[0]


def last_event_id_of(request: Request) -> int | None:
    value = request.headers.get("last-event-id", "")
    if not value:
        return None
    if not re.fullmatch(r"[0-9]{1,16}", value) or int(value) > SEQ_MAX:
        raise RequestRefused("bad-request", "Last-Event-ID must be the id of an event of this stream, a number")
    return int(value)


def accepts(request: Request) -> Literal["json", "event-stream"]:
    """Which form of the events is wanted: a stream only when it is asked for by name."""
    wanted = (part.split(";")[0].strip().lower() for part in request.headers.get("accept", "").split(","))
    # A HEAD request has no body to stream into.
    return "event-stream" if request.method == "GET" and "text/event-stream" in wanted else "json"


def prefers_async(request: Request) -> bool:
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(part.split(";")[0].strip().lower() == "respond-async" for part in preferences)
