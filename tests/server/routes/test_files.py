"""`/diff`, `/undo` and `/commands` through the door."""

from typing import Any

import pytest

from tests.support.edits import edit, editor, write
from tests.support.http_house import House
from tests.support.until import until


async def _turns(house: House) -> str:
    session, _ = await editor(house, [write("a.txt", "one\n")], [edit("a.txt", "one", "two"), write("b.txt", "x\n")])
    return f"/api/v1/sessions/{session}"


async def test_a_diff_says_what_changed_and_in_which_turns(house: House) -> None:
    one = await _turns(house)
    found = (await house.http.get(f"{one}/diff")).json()
    assert [(file["path"], file["change"], file["diff"]) for file in found["files"]] == [
        ("a.txt", "created", "@@ -0,0 +1 @@\n+two"),
        ("b.txt", "created", "@@ -0,0 +1 @@\n+x"),
    ]
    assert [turn["files"] for turn in found["turns"]] == [["a.txt"], ["a.txt", "b.txt"]]
    part = (await house.http.get(f"{one}/diff", params={"first": found["turns"][1]["seq"]})).json()
    first = part["files"][0]
    assert (first["path"], first["diff"]) == ("a.txt", "@@ -1 +1 @@\n-one\n+two")
    assert (found["commands"], found["unsure"], found["first"]) == (0, [], 1)


async def test_a_plan_changes_nothing_and_the_undo_is_done_once_for_a_key(house: House) -> None:
    one = await _turns(house)
    plan = (await house.http.get(f"{one}/undo")).json()
    assert [(file["path"], file["change"]) for file in plan["files"]] == [("a.txt", "changed"), ("b.txt", "removed")]
    assert (house.workbench.project / "a.txt").read_text() == "two\n"
    headers = {"Idempotency-Key": "k"}
    first = await house.http.post(f"{one}/undo", json={}, headers=headers)
    again = await house.http.post(f"{one}/undo", json={}, headers=headers)
    assert (first.status_code, first.json()["restored"], again.json()) == (200, ["a.txt", "b.txt"], first.json())
    assert "idempotency-replayed" in {name.lower() for name in again.headers}
    assert (house.workbench.project / "a.txt").read_text() == "one\n"
    other = await house.http.post(f"{one}/undo", json={"turn": plan["turn"]}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:duragent:problem:idempotency-mismatch")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "diff?first=x", None, 422),
        ("GET", "diff?colour=red", None, 422),
        ("GET", "undo?turn=9999", None, 409),
        ("POST", "undo", {"turn": "no such turn"}, 409),
        ("POST", "undo", {"colour": "red"}, 422),
        ("POST", "commands", {"command": " \n"}, 422),
        ("POST", "commands", {"command": "a\0b"}, 422),
        ("POST", "commands", {}, 422),
    ],
)
async def test_what_is_wrong_is_refused(house: House, method: str, path: str, body: Any, status: int) -> None:
    session, _ = await editor(house)
    response = await house.http.request(method, f"/api/v1/sessions/{session}/{path}", json=body)
    assert response.status_code == status, response.text


async def test_a_command_is_accepted_and_its_end_comes_as_an_event(house: House) -> None:
    session, project = await editor(house)
    one = f"/api/v1/sessions/{session}"
    headers = {"Idempotency-Key": "k"}
    first = await house.http.post(f"{one}/commands", json={"command": "echo once >> count"}, headers=headers)
    again = await house.http.post(f"{one}/commands", json={"command": "echo once >> count"}, headers=headers)
    assert (first.status_code, again.json()["seq"]) == (202, first.json()["seq"])

    async def ended() -> list[dict[str, Any]]:
        return [record for record in await house.log(session) if record["type"] == "command_finished"]

    [record] = await until(ended) or []
    assert (record["outcome"], (project / "count").read_text()) == ("ok", "once\n")
