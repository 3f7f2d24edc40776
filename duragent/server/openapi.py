"""`/openapi.json`: the route table and the shapes of `wire/` as OpenAPI 3.1."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from duragent.server.auth import ADMIN_PREFIX, PUBLIC_PATHS
from duragent.server.routing import ANY_FILE, ARCHIVE, Route
from duragent.wire import IDEMPOTENCY_KEY_MAX, Problem

_REF = "#/components/schemas/{model}"
_SCHEMES = {"token": {"type": "http", "scheme": "bearer"}, "adminToken": {"type": "http", "scheme": "bearer"}}
_PROBLEM = "application/problem+json"


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "duragent", "version": version},
        "paths": paths,
        "components": {"schemas": _schemas(routes), "securitySchemes": _SCHEMES},
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": route.summary, "operationId": route.endpoint.__name__}
    operation["parameters"] = _path_parameters(route) + _query_parameters(route) + _header_parameters(route)
    if isinstance(route.body, str):
        # Without a body it is an empty file.
        operation["requestBody"] = {"required": route.body != ANY_FILE, "content": {route.body: _bytes()}}
    elif route.body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(route.body)}}}
    answers = {str(status): _answer(route, status) for status in route.answers}
    problems = {str(status): _problem(HTTPStatus(status).phrase) for status in _problem_statuses(route)}
    operation["responses"] = problems | answers | {"default": _problem("Any other problem")}
    operation["security"] = _security(route.path)
    return operation


def _problem(what: str) -> dict[str, Any]:
    return {"description": f"{what}, as a problem (RFC 9457).", "content": {_PROBLEM: {"schema": _ref(Problem)}}}


def _problem_statuses(route: Route) -> list[int]:
    """The refusals that a client must expect here, besides faults of the server."""
    statuses = {403}  # Host and Origin
    if route.path not in PUBLIC_PATHS and not route.path.startswith(ADMIN_PREFIX):
        statuses |= {401, 408, 503}
    if "{" in route.path:
        statuses |= {404, 409}
    if route.query is not None:
        statuses |= {422}
    if route.streams:
        statuses |= {400}
    if route.method not in ("GET", "DELETE"):
        statuses |= {413, 415, 507}
    if route.body is not None:
        statuses |= {400, 404, 409, 422}
    if 200 in route.answers and route.path.endswith(("/messages", "/stream", "/approve")) and route.body is not None:
        statuses |= {429, 502}
    if _takes_key(route):
        statuses |= {400, 409, 422}
    return sorted(statuses - set(route.answers))


def _takes_key(route: Route) -> bool:
    return route.method == "POST" and not route.repeatable and not route.path.startswith(ADMIN_PREFIX)


def _answer(route: Route, status: int) -> dict[str, Any]:
    shape = route.answers[status]
    if shape is None:
        return {"description": "Done."}
    text = {"schema": {"type": "string"}}
    stream = {"schema": {"description": "Server-sent events: `event`, `id`, and JSON as `data`."}}
    if isinstance(shape, str):
        schemas = {"application/json": {"schema": {"type": "object"}}, "text/event-stream": stream}
        schemas |= {ARCHIVE: _bytes(), ANY_FILE: _bytes()}
        return {"description": route.summary, "content": {shape: schemas.get(shape, text)}}
    content = {"application/json": {"schema": _schema(shape)}}
    if route.streams:
        content["text/event-stream"] = stream
    return {"description": route.summary, "content": content}


def _bytes() -> dict[str, Any]:
    return {"schema": {"type": "string", "format": "binary"}}


def _security(path: str) -> list[dict[str, list[str]]]:
    if path in PUBLIC_PATHS:
        return []
    return [{"adminToken" if path.startswith(ADMIN_PREFIX) else "token": []}]


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    properties = route.query.model_json_schema()["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in properties.items()]


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    def header(name: str, description: str, **schema: object) -> dict[str, Any]:
        schema = {"type": "string", **schema}
        return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}

    headers = []
    if _takes_key(route):
        description = "The same key with the same request counts once, and is answered the same."
        headers.append(
            header(
                "Idempotency-Key", description, minLength=1, maxLength=IDEMPOTENCY_KEY_MAX, pattern=r"^[\x20-\x7e]+$"
            )
        )
    if 202 in route.answers:
        headers.append(header("Prefer", "`respond-async`: 202 as soon as what was posted is durable."))
    if route.streams:
        headers.append(
            header("Last-Event-ID", "Where a stream goes on; it wins over `after`.", pattern="^[0-9]{0,15}$")
        )
    return headers


def _schemas(routes: Sequence[Route]) -> dict[str, Any]:
    shapes: set[type[BaseModel]] = {Problem}
    for route in routes:
        for answered in route.answers.values():
            shapes |= (
                set(answered) if isinstance(answered, tuple) else {answered} if isinstance(answered, type) else set()
            )
        shapes |= {route.body} if isinstance(route.body, type) else set()
    modes = [(shape, "validation") for shape in sorted(shapes, key=lambda shape: shape.__name__)]
    _, schemas = models_json_schema(modes, ref_template=_REF)  # type: ignore[arg-type]  # a literal, seen as str
    definitions: dict[str, Any] = schemas["$defs"]
    return definitions


def _schema(shape: type[BaseModel] | tuple[type[BaseModel], ...]) -> dict[str, Any]:
    return {"anyOf": [_ref(each) for each in shape]} if isinstance(shape, tuple) else _ref(shape)


def _ref(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=shape.__name__)}
