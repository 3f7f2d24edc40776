"""`/openapi.json`: the route table and the shapes of `wire.py` as OpenAPI 3.1."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from duragent.server.auth import ADMIN_PREFIX, PUBLIC_PATHS
from duragent.server.routing import Route
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
    if route.body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(route.body)}}}
    answers = {str(status): _answer(route, status) for status in route.answers}
    problem = {"description": "A problem (RFC 9457).", "content": {_PROBLEM: {"schema": _ref(Problem)}}}
    operation["responses"] = answers | {"default": problem}
    operation["security"] = _security(route.path)
    return operation


def _answer(route: Route, status: int) -> dict[str, Any]:
    shape = route.answers[status]
    if shape is None:
        return {"description": "Done."}
    text = {"schema": {"type": "string"}}
    if isinstance(shape, str):
        schema = {"schema": {"type": "object"}} if shape == "application/json" else text
        return {"description": route.summary, "content": {shape: schema}}
    content = {"application/json": {"schema": _schema(shape)}}
    if route.streams:
        content["text/event-stream"] = text
    return {"description": route.summary, "content": content}


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
    if route.method == "POST":
        description = "The same key with the same request counts once, and is answered the same."
        headers.append(header("Idempotency-Key", description, maxLength=IDEMPOTENCY_KEY_MAX))
    if 202 in route.answers:
        headers.append(header("Prefer", "`respond-async`: 202 as soon as what was posted is durable."))
    if route.streams:
        headers.append(header("Last-Event-ID", "Where a stream goes on; it wins over `after`."))
    return headers


def _schemas(routes: Sequence[Route]) -> dict[str, Any]:
    shapes: set[type[BaseModel]] = {Problem}
    for route in routes:
        for answered in route.answers.values():
            shapes |= (
                set(answered) if isinstance(answered, tuple) else {answered} if isinstance(answered, type) else set()
            )
        shapes |= {route.body} if route.body else set()
    modes = [(shape, "validation") for shape in sorted(shapes, key=lambda shape: shape.__name__)]
    _, schemas = models_json_schema(modes, ref_template=_REF)  # type: ignore[arg-type]  # a literal, seen as str
    definitions: dict[str, Any] = schemas["$defs"]
    return definitions


def _schema(shape: type[BaseModel] | tuple[type[BaseModel], ...]) -> dict[str, Any]:
    return {"anyOf": [_ref(each) for each in shape]} if isinstance(shape, tuple) else _ref(shape)


def _ref(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=shape.__name__)}
