"""Approvals through the door: what waits is listed, and decided once, by whoever comes first."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import COUNTED, House, opened
from tests.support.until import until


class Works:
    """A house whose agent asks for commands, and the folder where they run."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.http = house, house.http
        self.folder = folder / "project"
        self.policy = house.agents_dir / "worker" / "policy.local.yaml"

    async def approvals(self, **query: str) -> list[dict[str, Any]]:
        response = await self.http.get("/api/v1/approvals", params=query)
        assert response.status_code == 200
        found: list[dict[str, Any]] = response.json()["approvals"]
        return found


@pytest.fixture
async def works(tmp_path: Path, house: House) -> Works:
    await house.worker()
    return Works(house, tmp_path)


async def test_a_call_waits_is_listed_and_runs_when_it_is_approved(works: Works) -> None:
    waiting = await works.house.waits(COUNTED)
    session_id = waiting["session_id"]
    assert (waiting["status"], waiting["command"]) == ("pending_approval", COUNTED)
    [asked] = await works.approvals()
    assert {key: asked[key] for key in ("session_id", "agent", "title", "kind", "call_id", "tool", "command")} == {
        "session_id": session_id,
        "agent": "worker",
        "title": "please",
        "kind": "approval",
        "call_id": waiting["call_id"],
        "tool": "bash",
        "command": COUNTED,
    }
    assert asked["seq"] == waiting["seq"]
    assert asked["findings"]
    assert str(works.folder) in asked["place"]
    info = (await works.http.get(f"/api/v1/sessions/{session_id}")).json()
    assert (info["status"], info["waits_for"]) == ("paused", waiting["call_id"])
    assert works.house.count() == 0

    response = await works.house.decide(waiting, "allow_once", arguments_sha256=asked["arguments_sha256"], by="Ada")
    answered = response.json()
    assert (response.status_code, answered["status"], answered["content"]) == (200, "complete", "done it")
    assert (works.house.count(), await works.approvals()) == (1, [])
    records = {record["type"]: record for record in await works.house.log(session_id)}
    assert records["approval_decided"]["by"] == "Ada"
    assert records["model_replied"]["message_id"] == answered["message_id"]
    assert (await works.http.get(f"/api/v1/sessions/{session_id}")).json()["waits_for"] is None


async def test_the_list_is_filtered_by_agent_and_session(works: Works) -> None:
    works.house.script("rm a", "rm b")
    one, other = [(await works.house.say(await works.house.create("worker"), "go")).json() for _ in range(2)]
    assert sorted(each["command"] for each in await works.approvals()) == ["rm a", "rm b"]
    assert [each["command"] for each in await works.approvals(session_id=other["session_id"])] == ["rm b"]
    assert len(await works.approvals(agent="worker")) == 2
    assert await works.approvals(agent="assistant") == []
    assert (await works.http.get("/api/v1/approvals", params={"agnet": "worker"})).status_code == 422
    assert one["session_id"] != other["session_id"]


async def test_the_next_call_waits_too_and_is_a_202_again(works: Works) -> None:
    waiting = await works.house.waits(COUNTED, "rm count")
    response = await works.house.decide(waiting, "allow_once")
    again = response.json()
    assert (response.status_code, again["status"], again["command"]) == (202, "pending_approval", "rm count")
    assert again["call_id"] != waiting["call_id"]
    assert works.house.count() == 1
    assert (await works.house.decide(again, "allow_once")).json()["content"] == "done it"
    assert works.house.count() == 0


async def test_a_denial_tells_the_model_why(works: Works) -> None:
    waiting = await works.house.waits(COUNTED)
    response = await works.house.decide(waiting, "deny", reason="not on a Friday")
    assert (response.status_code, response.json()["content"], works.house.count()) == (200, "done it", 0)
    told = works.house.model.requests[-1].messages[-1].content
    assert "denied by the user" in told
    assert "not on a Friday" in told


async def test_always_writes_what_was_offered_and_keeps_the_comments(works: Works) -> None:
    works.policy.write_text(
        '# mine\napiVersion: duragent/v1alpha1\nkind: Policy\nallow:\n  - "bash:true"  # harmless\n'
    )
    waiting = await works.house.waits("git add -A")
    [asked] = await works.approvals()
    assert asked["patterns"]
    assert (await works.house.decide(waiting, "allow_always")).status_code == 200
    written = works.policy.read_text()
    assert written.startswith("# mine\n")
    assert "# harmless\n" in written
    assert all(json.dumps(pattern) in written for pattern in asked["patterns"])
    works.house.script("git add -A")
    assert (await works.house.say(waiting["session_id"], "again")).status_code == 200


async def test_always_takes_the_persons_own_patterns(works: Works) -> None:
    waiting = await works.house.waits("rm -f one")
    assert (await works.house.decide(waiting, "allow_always", patterns=["bash:rm -f *"])).status_code == 200
    assert '- "bash:rm -f *"\n' in works.policy.read_text()
    decided = next(
        record for record in await works.house.log(waiting["session_id"]) if record["type"] == "approval_decided"
    )
    assert decided["patterns"] == ["bash:rm -f *"]
    works.house.script("rm -f two")
    assert (await works.house.say(waiting["session_id"], "again")).status_code == 200


async def test_two_decide_at_once_one_wins_and_the_command_runs_once(works: Works) -> None:
    waiting = await works.house.waits(COUNTED)
    answers = await asyncio.gather(
        works.house.decide(waiting, "allow_once", by="Ada", headers={"Idempotency-Key": "a"}),
        works.house.decide(waiting, "allow_once", by="Bob", headers={"Idempotency-Key": "b"}),
        works.house.decide(waiting, "deny", by="Eve"),
    )
    assert sorted(response.status_code for response in answers) == [200, 409, 409]
    winner = next(response for response in answers if response.status_code == 200)
    who = ("Ada", "Bob", "Eve")[answers.index(winner)]
    for response in answers:
        if response is not winner:
            problem = response.json()
            assert problem["type"] == "urn:duragent:problem:already-decided"
            assert problem["detail"].endswith(f"by {who}")
    assert works.house.count() == (0 if who == "Eve" else 1)


async def test_the_same_request_again_is_answered_the_same(works: Works) -> None:
    waiting = await works.house.waits(COUNTED)
    headers = {"Idempotency-Key": "k1"}
    first, at_once = await asyncio.gather(
        *(works.house.decide(waiting, "allow_once", headers=headers) for _ in range(2))
    )
    again = await works.house.decide(waiting, "allow_once", headers=headers)
    assert [response.status_code for response in (first, at_once, again)] == [200, 200, 200]
    assert first.json() == at_once.json() == again.json()
    assert [response.headers.get("idempotency-replayed") for response in (first, at_once, again)] == [
        None,
        "true",
        "true",
    ]
    assert works.house.count() == 1
    changed = await works.house.decide(waiting, "deny", headers=headers)
    assert (changed.status_code, changed.json()["type"]) == (422, "urn:duragent:problem:idempotency-mismatch")


async def test_a_decision_about_something_else_changes_nothing(works: Works) -> None:
    waiting = await works.house.waits(COUNTED)
    codes = {}
    wrong: dict[str, dict[str, Any]] = {
        "sha": {"arguments_sha256": "0" * 64},
        "command": {"command": "rm -rf /"},
        "kind": {"decision": "retry"},
        "patterns": {"patterns": ["bash:*"]},
        "field": {"decison": "deny"},
        "word": {"decision": "yes"},
        "call": {"call_id": "call_other"},
    }
    for name, more in wrong.items():
        body = {"call_id": waiting["call_id"], "decision": "allow_once", **more}
        response = await works.http.post(f"/api/v1/sessions/{waiting['session_id']}/approve", json=body)
        codes[name] = (response.status_code, response.json()["type"].rpartition(":")[2])
    assert codes == {
        "sha": (409, "call-changed"),
        "command": (409, "call-changed"),
        "kind": (422, "invalid-request"),
        "patterns": (422, "invalid-request"),
        "field": (422, "invalid-request"),
        "word": (422, "invalid-request"),
        "call": (409, "nothing-to-do"),
    }
    missing = await works.house.decide({**waiting, "session_id": "session_none"}, "deny")
    assert missing.status_code == 404
    assert (works.house.count(), len(await works.approvals())) == (0, 1)


async def test_a_client_of_v05_is_understood(works: Works) -> None:
    waiting = await works.house.waits(COUNTED)
    known = {name: waiting[name] for name in ("session_id", "call_id", "command")}
    body = {"call_id": known["call_id"], "command": known["command"], "decision": "allow_once"}
    response = await works.http.post(f"/api/v1/sessions/{known['session_id']}/approve", json=body)
    answered = response.json()
    assert (response.status_code, works.house.count()) == (200, 1)
    assert {name: answered[name] for name in ("status", "content")} == {"status": "complete", "content": "done it"}
    assert answered["message_id"].startswith("msg_")


async def test_it_is_decided_after_a_restart(tmp_path: Path, works: Works) -> None:
    waiting = await works.house.waits(COUNTED)
    await works.house.close()
    later = House(tmp_path, works.house.store)
    later.start()
    try:
        again = Works(later, tmp_path)
        [asked] = await again.approvals()
        assert (asked["command"], asked["call_id"]) == (COUNTED, waiting["call_id"])
        later.model.add("and done")
        response = await later.decide(waiting, "allow_once", command=asked["command"])
        assert (response.status_code, response.json()["content"], later.count()) == (200, "and done", 1)
    finally:
        await later.close()


async def test_a_call_that_may_have_run_is_asked_about_and_not_repeated(tmp_path: Path, works: Works) -> None:
    waiting = await works.house.waits(f"{COUNTED}; cat")
    await works.house.decide(waiting, "allow_once", headers={"Prefer": "respond-async"})
    await _started(works, waiting["session_id"])
    await works.house.crash()
    later = House(tmp_path, works.house.store)
    # With another spool nobody knows what became of it.
    later.workbench.spool.id = "another"
    await later.worker()
    later.start()
    try:
        again = Works(later, tmp_path)
        asked = await until(again.approvals)
        assert (asked[0]["kind"], asked[0]["call_id"]) == ("lost", waiting["call_id"])
        assert asked[0]["evidence"]
        assert (await later.decide(waiting, "allow_once")).status_code == 422
        later.model.add("so it was done")
        response = await later.decide(waiting, "done", reason="I looked", command=asked[0]["command"])
        assert (response.status_code, response.json()["content"]) == (200, "so it was done")
        assert "I looked" in later.model.requests[-1].messages[-1].content
    finally:
        await later.close()


async def _started(works: Works, session_id: str) -> None:
    async def begun() -> bool:
        return "tool_started" in [record["type"] for record in await works.house.log(session_id)]

    await until(begun)


async def test_respond_async_is_accepted_when_the_decision_is_durable(works: Works) -> None:
    waiting = await works.house.waits(COUNTED)
    response = await works.house.decide(waiting, "allow_once", headers={"Prefer": "respond-async"})
    accepted = response.json()
    assert (response.status_code, response.headers["preference-applied"]) == (202, "respond-async")
    by_seq = {record["seq"]: record for record in await works.house.log(waiting["session_id"])}
    assert by_seq[accepted["seq"]]["type"] == "approval_decided"


async def test_a_message_behind_a_waiting_call_is_told_what_waits(works: Works) -> None:
    waiting = await works.house.waits(COUNTED)
    response = await works.house.say(waiting["session_id"], "and hurry")
    assert (response.status_code, response.json()["call_id"]) == (202, waiting["call_id"])
    works.house.model.add("both answered")
    assert (await works.house.decide(waiting, "allow_once")).status_code == 200


async def test_a_closed_turn_has_nothing_to_decide(works: Works) -> None:
    waiting = await works.house.waits(COUNTED)
    await works.http.post(f"/api/v1/sessions/{waiting['session_id']}/cancel")
    assert (await works.http.get("/api/v1/approvals")).json()["approvals"] == []
    response = await works.house.decide(waiting, "allow_once")
    assert (response.status_code, works.house.count()) == (409, 0)


async def test_the_stream_asks_stays_open_and_goes_on_when_it_is_decided(works: Works) -> None:
    works.house.script("echo hi; rm -f nothing")
    session_id = await works.house.create("worker")
    path = f"/api/v1/sessions/{session_id}/stream?tools=true"
    async with works.house.live() as http, opened(http, path, "POST", json={"content": "go"}) as stream:
        *_, called, asked = await stream.until("approval_required")
        await works.house.decide({"session_id": session_id, **asked.data}, "allow_once")
        rest = await stream.rest()
    assert called.data["arguments"] == {"command": "echo hi; rm -f nothing"}
    assert (asked.data["command"], asked.data["kind"]) == ("echo hi; rm -f nothing", "approval")
    assert {"arguments_sha256", "findings", "patterns", "place"} <= asked.data.keys()
    result = next(event for event in rest if event.name == "tool_result")
    assert result.data == {"call_id": called.data["call_id"], "success": True, "content": "hi\n", "outcome": "ok"}
    assert (rest[-1].name, rest[-1].data["content"]) == ("done", "done it")
    headers = {"Idempotency-Key": "again"}
    works.house.script("rm -f more")
    async with works.house.live() as http:
        async with opened(http, path, "POST", json={"content": "more"}, headers=headers) as stream:
            asked = (await stream.until("approval_required"))[-1]
        async with opened(http, path, "POST", json={"content": "behind"}) as behind:
            told = (await behind.until("approval_required"))[-1]
        await works.house.decide({"session_id": session_id, **asked.data}, "deny")
        async with opened(http, path, "POST", json={"content": "more"}, headers=headers) as replay:
            names = [event.name for event in await replay.rest()]
    assert told.data["call_id"] == asked.data["call_id"]
    assert names == ["start", "tool_call", "tool_result", "token", "done"]


async def test_output_that_is_being_written_names_its_call_on_events(works: Works) -> None:
    waiting = await works.house.waits("rm -f x; echo early; while [ ! -e go ]; do sleep 0.02; done")
    path = f"/api/v1/sessions/{waiting['session_id']}/events"
    async with works.house.live() as http, opened(http, path) as stream:
        await stream.until("caught_up")
        deciding = asyncio.create_task(works.house.decide(waiting, "allow_once"))
        delta = (await stream.until("delta"))[-1]
        (works.folder / "go").touch()
        assert (await asyncio.wait_for(deciding, LIMIT_SECONDS)).status_code == 200
    assert {name: delta.data[name] for name in ("kind", "call", "offset", "text", "attempt")} == {
        "kind": "output",
        "call": waiting["call_id"],
        "offset": 0,
        "text": "early\n",
        "attempt": 1,
    }


async def test_what_is_allowed_until_the_session_ends_is_shown_and_taken_back(works: Works) -> None:
    waiting = await works.house.waits("mkdir a", "mkdir b")
    [asked] = await works.approvals()
    offer = next(offer for offer in asked["offers"] if offer["scope"] == "session")
    assert (offer["words"], offer["patterns"], asked["preview"]) == ("mkdir with any arguments", ["bash:mkdir *"], "")
    await works.house.decide(waiting, "allow_session", patterns=offer["patterns"], by="Ada")
    path = f"/api/v1/sessions/{waiting['session_id']}"
    assert (await works.http.get(path)).json()["allowed"] == ["bash:mkdir *"]
    assert (works.folder / "b").is_dir()
    for patterns, seq, allowed in (
        (["bash:other"], False, ["bash:mkdir *"]),
        (["bash:mkdir *"], True, []),
        (["bash:mkdir *"], False, []),
    ):
        response = await works.http.post(f"{path}/revoke", json={"patterns": patterns, "by": "Ada"})
        revoked = response.json()
        assert (response.status_code, revoked["seq"] is not None, revoked["allowed"]) == (200, seq, allowed)
    assert (await works.http.post(f"{path}/revoke", json={"patterns": []})).status_code == 422
    assert not works.policy.exists()
