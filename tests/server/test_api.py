"""The ordinary routes, through the app and without a network."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from duragent import errors
from duragent.errors import AuthenticationFailed, RateLimited
from duragent.server.app import build_app
from duragent.server.routes import admin
from duragent.system.descriptors import DescriptorUse
from duragent.testing import Line
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import AGENT, TOKEN, House


async def test_health_and_version_answer_without_a_token(house: House) -> None:
    house.http.headers.pop("Authorization")
    live, ready, version = [await house.http.get(path) for path in ("/livez", "/readyz", "/version")]
    assert (live.status_code, live.text, live.headers["content-type"]) == (200, "ok", "text/plain; charset=utf-8")
    shown = ready.json()
    assert shown.pop("descriptors")["used"] > 0
    assert shown == {
        "status": "ok",
        "workspace_hash": "0123456789abcdef",
        "damaged": [],
        "broken_agents": [],
        "problem": None,
        "damaged_count": 0,
        "broken_agents_count": 0,
        "proof": None,
    }
    assert version.json() == {"version": "1.2.3", "commit": "abc", "build_date": "2026-11-20", "variant": "core"}


async def test_every_answer_forbids_storing_and_sniffing(house: House) -> None:
    for path in ("/livez", "/api/v1/sessions", "/nope"):
        headers = (await house.http.get(path)).headers
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_created_session_is_shown_with_its_place(house: House) -> None:
    response = await house.http.post("/api/v1/sessions", json={"agent": "assistant", "title": "Plans"})
    created = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/api/v1/sessions/{created['session_id']}"
    assert (created["agent"], created["status"], created["title"]) == ("assistant", "active", "Plans")
    assert (await house.http.get(response.headers["location"])).json() == created


async def test_session_of_an_unknown_agent_is_a_404_problem(house: House) -> None:
    response = await house.http.post("/api/v1/sessions", json={"agent": "nobody"})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["type"], problem["title"]) == ("urn:duragent:problem:not-found", "Not Found")
    assert "agent 'nobody' not found" in problem["detail"]


async def test_session_of_a_broken_agent_is_refused_with_the_reason(house: House) -> None:
    house.write_agent("broken", "apiVersion: [")
    await asyncio.to_thread(house.dependencies.catalog.reload)
    response = await house.http.post("/api/v1/sessions", json={"agent": "broken"})
    assert (response.status_code, response.json()["type"]) == (409, "urn:duragent:problem:agent-broken")


async def test_sessions_are_listed_page_by_page(house: House) -> None:
    ids = {await house.create() for _ in range(3)}
    first = (await house.http.get("/api/v1/sessions", params={"limit": 2})).json()
    second = (await house.http.get("/api/v1/sessions", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert {session["session_id"] for session in first["sessions"] + second["sessions"]} == ids
    assert (len(first["sessions"]), second["next_cursor"]) == (2, None)


async def test_session_list_is_filtered(house: House) -> None:
    one, other = await house.create("assistant"), await house.create("pauser")

    async def found(**query: str) -> list[str]:
        sessions = (await house.http.get("/api/v1/sessions", params=query)).json()["sessions"]
        return [session["session_id"] for session in sessions]

    assert await found(agent="pauser") == [other]
    assert await found(prefix=one) == [one]
    assert await found(status="paused") == []
    assert sorted(await found(status="active")) == sorted([one, other])


async def test_renamed_session_has_its_new_title_and_an_empty_one_removes_it(house: House) -> None:
    path = f"/api/v1/sessions/{await house.create()}"
    assert (await house.http.patch(path, json={"title": " New "})).json()["title"] == "New"
    assert (await house.http.patch(path, json={"title": ""})).json()["title"] is None


async def test_deleted_session_is_gone(house: House) -> None:
    path = f"/api/v1/sessions/{await house.create()}"
    response = await house.http.delete(path)
    assert (response.status_code, response.content) == (204, b"")
    assert [(await house.http.get(path)).status_code, (await house.http.delete(path)).status_code] == [404, 404]


async def test_message_is_answered(house: House) -> None:
    session_id = await house.create()
    response = await house.say(session_id, "hi")
    answer = response.json()
    assert response.status_code == 200
    assert (answer["role"], answer["content"], answer["interrupted"]) == ("assistant", "hello there friend", False)
    assert answer["usage"]["total_tokens"] == 4
    by_seq = {record["seq"]: record for record in await house.log(session_id)}
    assert by_seq[answer["seq"]]["message_id"] == answer["message_id"]
    assert by_seq[answer["input_seq"]]["text"] == "hi"


async def test_respond_async_is_accepted_at_once_and_says_where_the_answer_comes(house: House) -> None:
    gate = asyncio.Event()
    house.model.add(Line("later", gate=gate))
    session_id = await house.create()
    response = await house.say(session_id, "hi", Prefer="wait=10, Respond-Async")
    accepted = response.json()
    assert (response.status_code, response.headers["preference-applied"]) == (202, "respond-async")
    assert response.headers["location"] == f"/api/v1/sessions/{session_id}/events?after={accepted['seq']}"
    assert [record["seq"] for record in await house.log(session_id) if record["type"] == "message_received"] == [
        accepted["seq"]
    ]
    gate.set()


async def test_failed_turn_is_a_502_with_the_reason(house: House) -> None:
    house.model.add(AuthenticationFailed("the provider refused the key"))
    response = await house.say(await house.create(), "hi")
    assert (response.status_code, response.json()["type"]) == (502, "urn:duragent:problem:model-failed")
    assert "the provider refused the key" in response.json()["detail"]


async def test_answer_that_takes_too_long_is_a_408_and_the_turn_goes_on(house: House) -> None:
    gate = asyncio.Event()
    house.model.add(Line("at last", gate=gate))
    session_id = await house.create()
    async with house.with_settings(request_timeout_seconds=0.05) as http:
        response = await http.post(f"/api/v1/sessions/{session_id}/messages", json={"content": "hi"})
    assert response.status_code == 408
    assert f"/api/v1/sessions/{session_id}/events?after=" in response.json()["detail"]
    gate.set()
    await house.say(session_id, "and?")
    said = (await house.http.get(f"/api/v1/sessions/{session_id}/messages")).json()["messages"]
    assert "at last" in [message["content"] for message in said]


async def test_cancelled_answer_is_given_as_far_as_it_came(house: House) -> None:
    house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=2))
    session_id = await house.create()
    waiting = asyncio.create_task(house.say(session_id, "count"))
    await asyncio.wait_for(house.model.asked(), LIMIT_SECONDS)
    await house.clock.settle()
    cancelled = (await house.http.post(f"/api/v1/sessions/{session_id}/cancel")).json()
    response = await asyncio.wait_for(waiting, LIMIT_SECONDS)
    assert cancelled["cancelled"] is True
    assert response.status_code == 200
    assert (response.json()["content"], response.json()["interrupted"]) == ("one two", True)
    said = (await house.http.get(f"/api/v1/sessions/{session_id}/messages")).json()["messages"]
    assert [(message["content"], message["interrupted"]) for message in said] == [("count", False), ("one two", True)]


async def test_cancel_without_a_turn_changes_nothing(house: House) -> None:
    session_id = await house.create()
    response = await house.http.post(f"/api/v1/sessions/{session_id}/cancel")
    assert response.json() == {"session_id": session_id, "cancelled": False, "seq": None}


async def test_same_key_makes_one_session_and_one_message(house: House) -> None:
    key = {"Idempotency-Key": "k 1"}
    made = [await house.http.post("/api/v1/sessions", json={"agent": "assistant"}, headers=key) for _ in range(2)]
    assert made[0].json()["session_id"] == made[1].json()["session_id"]
    assert [response.headers.get("idempotency-replayed") for response in made] == [None, "true"]
    said = [await house.say(made[0].json()["session_id"], "hi", **key) for _ in range(2)]
    assert said[0].json() == said[1].json()
    assert [response.headers.get("idempotency-replayed") for response in said] == [None, "true"]
    assert len(house.model.requests) == 1


async def test_same_key_for_another_message_is_refused(house: House) -> None:
    session_id = await house.create()
    key = {"Idempotency-Key": "k"}
    await house.say(session_id, "hi", **key)
    response = await house.say(session_id, "ho", **key)
    assert (response.status_code, response.json()["type"]) == (422, "urn:duragent:problem:idempotency-mismatch")


async def test_messages_are_paged_from_the_newest(house: House) -> None:
    session_id = await house.create()
    for number in range(3):
        await house.say(session_id, str(number))
    path = f"/api/v1/sessions/{session_id}/messages"
    newest = (await house.http.get(path, params={"limit": 3})).json()
    older = (await house.http.get(path, params={"limit": 3, "before": newest["next_before"]})).json()
    answer = "hello there friend"
    assert [message["content"] for message in newest["messages"]] == [answer, "2", answer]
    assert [message["content"] for message in older["messages"]] == ["0", answer, "1"]


async def test_messages_of_a_session_without_any_are_an_empty_list(house: House) -> None:
    response = await house.http.get(f"/api/v1/sessions/{await house.create()}/messages")
    assert response.json() == {"messages": [], "next_before": None}


@pytest.mark.parametrize("content", ["", "a\x00b", "\ud800 alone", "line\nevent: done\n\ndata: {}", "x" * 1_200_000])
async def test_every_text_comes_back_as_it_was_said(house: House, content: str) -> None:
    session_id = await house.create()
    body = {"content": content, "sender_name": "Zoë"}
    headers = {"Content-Type": "application/json"}
    path = f"/api/v1/sessions/{session_id}/messages"
    assert (await house.http.post(path, content=json.dumps(body), headers=headers)).status_code == 200
    said = json.loads((await house.http.get(path)).content)["messages"][0]
    assert (said["content"], said["sender_name"]) == (content, "Zoë")
    stored = next(record for record in await house.log(session_id) if record["type"] == "message_received")
    assert stored["text"] == content


async def test_events_are_pages_of_records_without_crc(house: House) -> None:
    session_id = await house.create()
    await house.say(session_id, "hi")
    path = f"/api/v1/sessions/{session_id}/events"

    async def page(**query: int) -> dict[str, Any]:
        result: dict[str, Any] = (await house.http.get(path, params=query)).json()
        return result

    everything = await page()
    head = everything["head"]
    assert [record["seq"] for record in everything["events"]] == list(range(1, head + 1))
    assert everything["oldest"] == 1
    assert all("crc" not in record for record in everything["events"])
    assert [record["seq"] for record in (await page(after=2, limit=2))["events"]] == [3, 4]
    assert [record["seq"] for record in (await page(before=4, limit=2))["events"]] == [2, 3]
    assert [record["seq"] for record in (await page(tail=2))["events"]] == [head - 1, head]
    assert (await page(after=head))["events"] == []
    assert (await page(tail=0))["events"] == []


@pytest.mark.parametrize(
    "query", ["after=1&before=2", "tail=1&after=1", "limit=0", "limit=1001", "after=-1", "after=x", "oops=1"]
)
async def test_events_with_a_query_that_makes_no_sense_are_refused(house: House, query: str) -> None:
    response = await house.http.get(f"/api/v1/sessions/{await house.create()}/events?{query}")
    assert response.status_code == 422
    assert response.json()["errors"]


@pytest.mark.parametrize(
    ("query", "field", "problem"),
    [
        ("limit=x", "limit", "must be a whole number, not 'x'"),
        ("limit=1.5", "limit", "must be a whole number, not '1.5'"),
        ("limit=0", "limit", "must be 1 or more, not '0'"),
        ("limit=1000", "limit", "must be 200 or less, not '1000'"),
        (
            "status=runing",
            "status",
            "must be one of active, running, paused, completed, damaged, not 'runing' (did you mean 'running'?)",
        ),
        ("limt=1", "limt", "is not a known key (did you mean `limit`?)"),
        ("prefix=" + "x" * 65, "prefix", "must have at most 64 characters"),
    ],
)
async def test_fault_in_a_query_is_told_in_plain_words(house: House, query: str, field: str, problem: str) -> None:
    told = (await house.http.get(f"/api/v1/sessions?{query}")).json()
    assert told["errors"] == [{"field": field, "problem": problem}]
    assert told["detail"] == f"the query cannot be used: {field}: {problem}"


@pytest.mark.parametrize(
    ("body", "field", "problem"),
    [
        ([], "", "must be an object, not a list"),
        ({}, "agent", "is missing"),
        ({"agent": 7}, "agent", "must be text, not 7"),
        ({"agent": None}, "agent", "must be text, not null"),
        ({"agent": "assistant", "title": "a\nb"}, "title", "must be one line without control characters"),
        ({"agent": "assistant", "source": "\ud800"}, "source", "must be valid Unicode text, not '\ufffd'"),
        ({"agent": "assistant", "zzz": 1}, "zzz", "is not a known key (known keys: agent, title, source)"),
    ],
)
async def test_fault_in_a_body_is_told_in_plain_words(house: House, body: object, field: str, problem: str) -> None:
    headers = {"Content-Type": "application/json"}
    told = (await house.http.post("/api/v1/sessions", content=json.dumps(body), headers=headers)).json()
    assert told["errors"] == [{"field": field, "problem": problem}]


async def test_agents_are_listed_with_the_broken_ones(house: House) -> None:
    house.write_agent("broken", "apiVersion: [")
    house.http.headers["Authorization"] = "Bearer the-admin-token"
    reloaded = await house.http.post("/api/admin/v1/reload-agents")
    house.http.headers["Authorization"] = f"Bearer {TOKEN}"
    listed = (await house.http.get("/api/v1/agents")).json()
    assert reloaded.text.startswith("Reloaded 2 agents\nbroken: ")
    assert [agent["name"] for agent in listed["agents"]] == ["assistant", "pauser"]
    assert [agent["name"] for agent in listed["broken"]] == ["broken"]
    assert (await house.http.get("/readyz")).json()["broken_agents"] == ["broken"]


async def test_agent_is_shown_with_the_texts_of_its_prompts(house: House) -> None:
    house.write_agent("poet", AGENT.format(name="poet") + "  soul: ./SOUL.md\n  tools: []\n  memory: {}\n")
    (house.agents_dir / "poet" / "SOUL.md").write_text("You rhyme.")
    await asyncio.to_thread(house.dependencies.catalog.reload)
    shown = (await house.http.get("/api/v1/agents/poet")).json()
    assert (shown["api_version"], shown["kind"], shown["metadata"]) == (
        "duragent/v1alpha1",
        "Agent",
        {"name": "poet"},
    )
    assert shown["spec"] == {"model": {"provider": "demo"}, "soul": "You rhyme.", "tools": [], "memory": {}}
    assert shown["inactive"] == ["spec.memory"]
    assert (await house.http.get("/api/v1/agents/nobody")).status_code == 404


async def test_shutdown_is_begun_once_and_only_with_the_admin_token(house: House) -> None:
    refused = await house.http.post("/api/admin/v1/shutdown")
    house.http.headers["Authorization"] = "Bearer the-admin-token"
    first, second = [await house.http.post("/api/admin/v1/shutdown") for _ in range(2)]
    assert (refused.status_code, refused.json()["detail"]) == (403, "Admin access denied")
    assert (first.status_code, first.text) == (200, "Shutdown initiated")
    assert (second.status_code, second.json()["detail"]) == (409, "Shutdown already in progress")


async def test_rate_limit_of_the_model_is_waited_for(house: House) -> None:
    house.model.add(RateLimited("slow down", retry_after_seconds=7), "there")
    session_id = await house.create()
    waiting = asyncio.create_task(house.say(session_id, "hi"))
    await asyncio.wait_for(house.model.asked(1), LIMIT_SECONDS)
    await house.clock.advance(7)
    assert (await asyncio.wait_for(waiting, LIMIT_SECONDS)).json()["content"] == "there"


# --- problems -------------------------------------------------------------------------------------------------------


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
async def test_error_of_the_inside_has_its_status(
    house: House, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    session_id = await house.create()

    async def refuse(*args: object) -> None:
        raise error

    monkeypatch.setattr(house.sessions, "post", refuse)
    response = await house.say(session_id, "hi")
    assert (response.status_code, response.json()["type"]) == (status, f"urn:duragent:problem:{code}")
    assert ("a bug" in response.text) is False


async def test_damaged_session_is_read_only_and_named(house: House) -> None:
    session_id = await house.create()
    await house.say(session_id, "hi")
    await house.sessions.close(0)
    lines = house.store._streams[session_id].lines
    lines[2] = lines[2].replace(b"hi", b"ho")
    house = House(house.agents_dir.parent, store=house.store)
    house.start()
    shown = (await house.http.get(f"/api/v1/sessions/{session_id}")).json()
    assert (shown["status"], shown["head"]) == ("active", 2)
    assert "checksum" in shown["damage"]
    assert shown["problem"] == shown["damage"]
    for status, count in (("damaged", 1), ("active", 1), ("paused", 0)):
        listed = (await house.http.get("/api/v1/sessions", params={"status": status})).json()
        assert listed["sessions"] == [shown] * count
    assert (await house.http.get("/readyz")).json()["damaged"] == [session_id]
    assert (await house.say(session_id, "hi")).status_code == 409
    assert [record["seq"] for record in await house.log(session_id)] == [1, 2]
    assert (await house.say(await house.create(), "hi")).status_code == 200
    await house.close()


async def test_server_that_cannot_store_is_not_ready(house: House) -> None:
    async def trouble() -> str:
        return "the disk is read-only"

    dependencies = replace(house.dependencies, trouble=trouble)
    async with house.client("http://localhost", transport=httpx.ASGITransport(build_app(dependencies))) as http:
        response = await http.get("/readyz")
    assert (response.status_code, response.json()["problem"]) == (503, "the disk is read-only")


async def test_server_that_runs_out_of_descriptors_says_so_while_it_still_works(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "descriptors", lambda: DescriptorUse(1000, 1024))
    response = await house.http.get("/readyz")
    ready = response.json()
    assert (response.status_code, ready["status"]) == (200, "degraded")
    assert ready["descriptors"] == {"used": 1000, "limit": 1024}
    assert "1,000 of 1,024 file descriptors are in use" in ready["problem"]
    assert "ulimit -n" in ready["problem"]
