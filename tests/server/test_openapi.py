"""The document against the live app: every route of the one is in the other, and real answers have its shapes."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]  # ships no types

from duragent.server.routes.table import ROUTES
from duragent.testing import Line
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import ADMIN_TOKEN, House
from tests.support.memories import Remembering, remembering

BODIES: dict[tuple[str, str], dict[str, str]] = {
    ("post", "/api/v1/sessions/{session_id}/redact"): {"match": "hello"},
    ("post", "/api/v1/sessions"): {"agent": "assistant"},
    ("patch", "/api/v1/sessions/{session_id}"): {"title": "new"},
    ("post", "/api/v1/sessions/{session_id}/messages"): {"content": "hi"},
    ("post", "/api/v1/sessions/{session_id}/stream"): {"content": "hi"},
    ("post", "/api/v1/sessions/{session_id}/fork"): {},
    ("post", "/api/v1/sessions/{session_id}/goals"): {"text": "another one"},
}
NOT_NOW = ("/repair", "/expand")
"""There is nothing to repair in a session that is whole, and no summary in a short one."""


async def _document(house: House) -> dict[str, Any]:
    document: dict[str, Any] = (await house.http.get("/openapi.json")).json()
    return document


def _check(document: dict[str, Any], operation: dict[str, Any], response: httpx.Response) -> None:
    described = operation["responses"].get(str(response.status_code), operation["responses"]["default"])
    media_type = response.headers.get("content-type", "").split(";")[0]
    if "content" not in described:
        assert response.content == b""
        return
    content = described["content"]
    schema = content.get(media_type, content.get("*/*"))["schema"]
    value = response.json() if media_type.endswith("json") else response.text
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)


async def test_document_has_every_route_and_no_other(house: House) -> None:
    document = await _document(house)
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in ROUTES}
    assert document["openapi"] == "3.1.0"


async def test_every_operation_has_a_name_of_its_own_and_what_it_wants(house: House) -> None:
    document = await _document(house)
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert document["paths"]["/livez"]["get"]["security"] == []
    assert document["paths"]["/api/v1/sessions"]["post"]["security"] == [{"token": []}]
    assert document["paths"]["/api/admin/v1/shutdown"]["post"]["security"] == [{"adminToken": []}]
    listed = document["paths"]["/api/v1/sessions"]["get"]["parameters"]
    assert {parameter["name"] for parameter in listed} == {"agent", "status", "prefix", "match", "limit", "cursor"}


async def test_every_reference_of_the_document_is_in_it(house: House) -> None:
    document = await _document(house)

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [value["$ref"]] if "$ref" in value else [ref for each in value.values() for ref in references(each)]
        return [ref for each in value for ref in references(each)] if isinstance(value, list) else []

    names = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
    assert names <= set(document["components"]["schemas"])


async def test_real_answers_of_every_operation_have_the_described_shape(house: House, tmp_path: Path) -> None:
    async with remembering(house, tmp_path) as memories:
        await _ask_all(house, memories)


async def _memory_body(house: House, memories: Remembering, url: str) -> dict[str, Any] | None:
    if url.endswith("/undo"):
        await memories.remember("new", f"{time.monotonic_ns()}")
        plan = (await house.http.get(url)).json()
        return {"file": plan["file"], "seq": plan["seq"]}
    if url.endswith("/import"):
        note = {"id": "m_aaaaaaaa", "text": "old", "written_at": "2026-01-01T12:00:00Z"}
        return {"notes": [note]}
    if url.endswith("/forget"):
        return {"match": "memory/forget", "dry_run": True}
    return {"verdict": "keep"} if url.endswith("/review") else {"text": "new"} if url.endswith("/notes") else None


async def _ask_all(house: House, memories: Remembering) -> None:
    document = await _document(house)
    house.write_agent("broken", "apiVersion: [")
    await asyncio.to_thread(house.dependencies.catalog.reload)
    await house.worker()
    asked = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            session_id = await house.create()
            await house.say(session_id, "hello")
            if "/pins" in path or "/goals" in path:
                await house.http.post(f"/api/v1/sessions/{session_id}/pins", json={"seq": 3})
                await house.http.post(f"/api/v1/sessions/{session_id}/goals", json={"text": "reach it"})
            body = {"seq": 1} if path.endswith("/pins") else BODIES.get((method, path))
            if path.endswith("/approve"):
                waiting = await house.waits("rm -f x")
                session_id, body = waiting["session_id"], {"call_id": waiting["call_id"], "decision": "deny"}
            stored = (await house.http.post(f"/api/v1/sessions/{session_id}/attachments", content=b"a")).json()
            note = await memories.waits(f"{method} {path}", f"{method} {path}")
            name = "ada" if "/memory" in path else "assistant"
            url = path.format(session_id=session_id, name=name, sha256=stored["sha256"], note=note, seq=3, goal="g1")
            if "/memory" in path:
                body = await _memory_body(house, memories, url)
                url += "?q=new" if path.endswith("/search") else ""
            admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"} if path.startswith("/api/admin/") else {}
            if path.endswith("/imports"):
                archive = (await house.http.get(f"/api/v1/sessions/{session_id}/export")).content
                zipped = {"Content-Type": "application/zip"}
                response = await house.http.post(f"{url}?new_id=true", content=archive, headers=zipped)
            else:
                response = await house.http.request(method, url, json=body, headers=admin)
            described = "default" if path.endswith(NOT_NOW) else str(response.status_code)
            assert described in operation["responses"], (method, path, response.text)
            assert "/memory" not in path or described == "default" or response.is_success, (method, path, response.text)
            _check(document, operation, response)
            asked.add((method, path))
    assert len(asked) == len(ROUTES)


async def test_other_answers_have_the_described_shape_too(house: House) -> None:
    document = await _document(house)
    paths = document["paths"]
    messages = paths["/api/v1/sessions/{session_id}/messages"]
    session_id = await house.create()
    _check(document, messages["post"], await house.say(session_id, "hi", Prefer="respond-async"))
    await house.say(session_id, "and wait")
    _check(document, messages["post"], await house.say("session_none", "hi"))
    await house.worker()
    house.script("rm -f x", "rm -f y")
    session_id = await house.create("worker")
    waits = await house.say(session_id, "please")
    _check(document, messages["post"], waits)
    _check(document, paths["/api/v1/approvals"]["get"], await house.http.get("/api/v1/approvals"))
    decided = {"call_id": waits.json()["call_id"], "decision": "deny"}
    for _ in range(2):
        response = await house.http.post(f"/api/v1/sessions/{session_id}/approve", json=decided)
        _check(document, paths["/api/v1/sessions/{session_id}/approve"]["post"], response)
    session_id = await house.create()
    _check(document, messages["post"], await house.http.post(f"/api/v1/sessions/{session_id}/messages", json={}))
    _check(document, messages["get"], await house.http.get(f"/api/v1/sessions/{session_id}/messages"))
    _check(document, paths["/api/v1/sessions"]["get"], await house.http.get("/api/v1/sessions?limit=1"))
    house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=1))
    waiting = asyncio.create_task(house.say(session_id, "count"))
    async with asyncio.timeout(LIMIT_SECONDS):
        await house.model.asked(len(house.model.requests) + 1)
    _check(
        document,
        paths["/api/v1/sessions/{session_id}/cancel"]["post"],
        await house.http.post(f"/api/v1/sessions/{session_id}/cancel"),
    )
    _check(document, messages["post"], await asyncio.wait_for(waiting, LIMIT_SECONDS))
