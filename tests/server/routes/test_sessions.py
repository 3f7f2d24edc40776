"""The ordinary routes, through the app and without a network."""

import asyncio

from tests.support.http_house import House


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


async def test_damaged_session_is_read_only_and_named(house: House) -> None:
    session_id = await house.create()
    await house.say(session_id, "hi")
    await house.sessions.close(0)
    lines = house.store.lines_of(session_id)
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
