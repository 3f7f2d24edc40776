"""`/view`, `/pins`, `/goals` and `/summaries` through the door."""

from typing import Any

import pytest

from duragent.journal.inputs import HistorySummary
from tests.support.http_house import House


async def _session(house: House) -> tuple[str, str]:
    session = await house.create()
    await house.say(session, "The key is under the mat.")
    return session, f"/api/v1/sessions/{session}"


async def test_pins_and_goals_are_kept_and_taken_away(house: House) -> None:
    session, one = await _session(house)
    goal = {"goal": "g1", "parent": "", "text": "find it"}
    pinned = {"seq": 3, "goals": ["g1"], "text": "user: The key is under the mat."}
    shown: dict[str, Any] = {"session_id": session, "boundary": 0, "summaries": [], "pins": [], "goals": [goal]}
    for _ in range(2):
        assert (await house.http.post(f"{one}/goals", json={"text": "find it"})).json() == shown
    for _ in range(2):
        found = (await house.http.post(f"{one}/pins", json={"seq": 3, "goals": ["g1"]})).json()
        assert found == shown | {"pins": [pinned]}
    assert (await house.http.get(f"{one}/view")).json() == found
    for _ in range(2):
        ended = await house.http.delete(f"{one}/goals/g1", params={"outcome": "dropped"})
        assert ended.json() == shown | {"goals": []}
    await house.http.post(f"{one}/pins", json={"seq": 3})
    for _ in range(2):
        assert (await house.http.delete(f"{one}/pins/3")).json() == shown | {"goals": []}


async def test_a_summary_is_shown_as_its_parts_when_a_person_wants_it(house: House) -> None:
    session, one = await _session(house)
    for _ in range(5):
        await house.say(session, "more")
    for number in range(5):
        await house.sessions.post(session, HistorySummary(level=1, first_seq=number + 1, last_seq=number + 1, text="."))
    parts = (await house.http.get(f"{one}/view")).json()
    await house.sessions.post(session, HistorySummary(level=2, first_seq=1, last_seq=5, text="all"))
    whole = (await house.http.get(f"{one}/view")).json()
    assert [(each["level"], each["first_seq"], each["last_seq"]) for each in whole["summaries"]] == [(2, 1, 5)]
    expanded = await house.http.post(f"{one}/summaries/{whole['summaries'][0]['seq']}/expand")
    assert expanded.json() == parts


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "pins", {"seq": 0}, 422),
        ("POST", "pins", {"seq": 9_999}, 422),
        ("POST", "pins", {"seq": 10**30}, 422),
        ("POST", "pins", {"seq": 3, "goals": ["g7"]}, 422),
        ("POST", "pins", {"seq": 3, "colour": "red"}, 422),
        ("DELETE", "pins/9999", None, 404),
        ("DELETE", "pins/three", None, 404),
        ("POST", "goals", {"text": " "}, 422),
        ("POST", "goals", {"text": "a" * 201}, 422),
        ("POST", "goals", {"text": "a", "parent": "g7"}, 422),
        ("DELETE", "goals/g7", None, 422),
        ("DELETE", "goals/g7?outcome=maybe", None, 422),
        ("POST", "summaries/3/expand", None, 409),
        ("POST", "summaries/x/expand", None, 404),
    ],
)
async def test_what_is_wrong_is_refused_and_changes_nothing(
    house: House, method: str, path: str, body: Any, status: int
) -> None:
    _, one = await _session(house)
    before = (await house.http.get(f"{one}/view")).json()
    refused = await house.http.request(method, f"{one}/{path}", json=body)
    assert refused.status_code == status, refused.text
    assert (await house.http.get(f"{one}/view")).json() == before
