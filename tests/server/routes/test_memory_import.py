"""What another program remembered, through the door."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.requests import is_problem
from tests.support.http_house import House
from tests.support.memories import Remembering, remembering

PATH = "/api/v1/agents/ada/memory/import"
NOTE = {"id": "m_aaaaaaaa", "text": "Likes tea.", "written_at": "2026-01-01T12:00:00Z", "importance": 0.9}
FILE = {"file": "world/units.md", "text": "Metric.\r\n"}


@pytest.fixture
async def desk(house: House, tmp_path: Path) -> AsyncIterator[Remembering]:
    async with remembering(house, tmp_path) as desk:
        yield desk


async def post(desk: Remembering, **body: Any) -> httpx.Response:
    return await desk.house.http.post(PATH, json=body)


async def outcomes(desk: Remembering, **body: Any) -> list[tuple[str, str, int]]:
    response = await post(desk, **body)
    assert response.status_code == 200, response.text
    return [(each["file"], each["outcome"], each["added"]) for each in response.json()["files"]]


async def test_notes_and_files_are_taken_once(desk: Remembering) -> None:
    day, topic = desk.memory / "daily" / "2026-01-01.md", desk.folder / "memory" / "world" / "units.md"
    assert await outcomes(desk, notes=[NOTE, NOTE], check=True) == [("daily/2026-01-01.md", "written", 1)]
    assert not day.exists()
    assert await outcomes(desk, notes=[NOTE, NOTE]) == [("daily/2026-01-01.md", "written", 1)]
    assert await outcomes(desk, files=[FILE]) == [("world/units.md", "written", 1)]
    assert (day.read_text().count("Likes tea."), topic.read_bytes()) == (1, b"Metric.\r\n")
    assert await outcomes(desk, notes=[NOTE]) == [("daily/2026-01-01.md", "there", 0)]
    assert await outcomes(desk, files=[FILE]) == [("world/units.md", "there", 0)]
    [note] = (await desk.house.http.get("/api/v1/agents/ada/memory/notes")).json()["notes"]
    assert (note["id"], note["trust"], note["importance"]) == ("m_aaaaaaaa", "agent", 0.9)


async def test_name_of_no_file_is_a_conflict_and_writes_nothing(desk: Remembering) -> None:
    for file in ("../../agent.yaml", "daily/../x.md", "world/a/b.md", "x\0.md", ".hidden.md"):
        response = await post(desk, files=[{"file": file, "text": "x"}])
        if response.status_code == 200:
            assert [each["outcome"] for each in response.json()["files"]] == ["conflict"], file
        else:
            is_problem(response, 422, "invalid-request")
    assert [path.name for path in desk.folder.rglob("*.md") if path.parent.name in ("world", "daily", "memory")] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"notes": [NOTE | {"id": "x --> #"}]}, "notes.0.id"),
        ({"notes": [NOTE | {"written_at": "2026-02-31T12:00:00Z"}]}, "notes.0.written_at"),
        ({"notes": [NOTE | {"source": "a --> b"}]}, "notes.0.source"),
        ({"notes": [NOTE | {"text": "\0 "}]}, "notes"),
        ({"notes": [NOTE], "files": [FILE]}, "notes"),
        ({"files": [FILE, FILE]}, "files"),
        ({"files": [FILE | {"text": "a\0b"}]}, "files.0.text"),
        ({"what": 1}, "what"),
    ],
)
async def test_body_that_does_not_fit_is_refused(desk: Remembering, body: dict[str, Any], field: str) -> None:
    response = await post(desk, **body)
    is_problem(response, 422, "invalid-request")
    assert field in response.text
    assert not (desk.memory / "daily").exists()


async def test_what_all_share_is_no_agent_to_import_for(desk: Remembering) -> None:
    response = await desk.house.http.post("/api/v1/agents/worldMemory/memory/import", json={})
    is_problem(response, 422, "invalid-request")
