"""`/recalls` through the door: what the memory gave for each question, and why."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duragent.server.routes import recalls
from duragent.testing import FakeClock
from tests.server.requests import is_problem
from tests.support.http_house import AGENT, House
from tests.support.remembering import SearchedFolders, daily

NOTES = ("m_tr1p0001 The trip to Oslo begins in May.", "m_7n1ts001 The user prefers metric units.")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Its agent `ada` remembers."""
    house = House(tmp_path, memories=SearchedFolders(tmp_path, FakeClock()))
    house.write_agent("ada", AGENT.format(name="ada") + "  memory: {}\n")
    daily(house.agents_dir / "ada", house.clock.now().date().isoformat(), *NOTES)
    house.dependencies.catalog.reload()
    house.start()
    yield house
    await house.close()


async def asked(house: House, *messages: str) -> str:
    session = await house.create("ada")
    for message in messages:
        assert (await house.say(session, message)).status_code == 200
    return f"/api/v1/sessions/{session}/recalls"


async def test_a_search_has_its_question_its_notes_and_their_words(house: House) -> None:
    found = (await house.http.get(await asked(house, "which units does the trip report need?"))).json()
    [recall] = found["recalls"]
    assert (recall["question"], recall["silent"], recall["notes"], recall["embedder"]) == (
        "which units does the trip report need?", "", 2, "",
    )  # fmt: skip
    notes = {item["ref"]: item for item in recall["items"]}
    assert (notes["m_7n1ts001"]["own"], notes["m_7n1ts001"]["near"]) == (["units"], ["trip"])
    assert notes["m_7n1ts001"]["file"].startswith("daily/")
    assert recall["threshold_milli"] == 300


@pytest.mark.parametrize("records_a_page", [1000, 3])
async def test_pages_go_back_and_a_record_names_one(
    house: House, monkeypatch: pytest.MonkeyPatch, records_a_page: int
) -> None:
    monkeypatch.setattr(recalls, "_PAGE", records_a_page)
    url = await asked(house, "which units?", "what trip?", "and the king?", "which units?")
    every = (await house.http.get(url)).json()
    questions = ["which units?", "and the king?", "what trip?", "which units?"]
    assert [each["question"] for each in every["recalls"]] == questions
    assert every["next_before"] is None
    pages, before = [], ""
    while True:
        page = (await house.http.get(f"{url}?limit=1{before}")).json()
        pages += page["recalls"]
        if page["next_before"] is None:
            break
        before = f"&before={page['next_before']}"
    assert pages == every["recalls"]
    for each in every["recalls"]:
        for seq in (each["seq"], each["seq"] + 1):
            one = (await house.http.get(f"{url}?seq={seq}")).json()
            assert (one["recalls"], one["next_before"]) == ([each], None)
    # A message means the search for it, and what is before all means none.
    said = (await house.http.get(url.replace("recalls", "messages"))).json()["messages"]
    trip = next(message["seq"] for message in said if message["content"] == "what trip?")
    assert (await house.http.get(f"{url}?seq={trip}")).json()["recalls"] == [every["recalls"][2]]
    assert (await house.http.get(f"{url}?seq=1")).json()["recalls"] == []


async def test_a_session_that_searched_for_nothing_has_none(house: House) -> None:
    session = await house.create()
    await house.say(session, "hello")
    assert (await house.http.get(f"/api/v1/sessions/{session}/recalls")).json()["recalls"] == []


async def test_an_agent_that_is_gone_leaves_the_figures(house: House) -> None:
    url = await asked(house, "which units?")
    shutil.rmtree(house.agents_dir / "ada")
    house.dependencies.catalog.reload()
    [recall] = (await house.http.get(url)).json()["recalls"]
    found = {item["ref"]: (item["own"], item["near"], item["file"]) for item in recall["items"]}
    assert found["m_7n1ts001"] == (["units"], [], "")


@pytest.mark.parametrize("query", ["seq=0", "seq=x", "limit=101", "seq=3&before=3", "colour=red"])
async def test_a_query_that_makes_no_sense_is_refused(house: House, query: str) -> None:
    is_problem(await house.http.get(f"{await asked(house)}?{query}"), 422, "invalid-request")


async def test_a_session_that_is_not_there_is_told(house: House) -> None:
    response = await house.http.get("/api/v1/sessions/session_01JX000000000000000000000A/recalls")
    is_problem(response, 404, "not-found")
