"""kill -9 in an import of notes and in a person's decision about a proposal: asked again, each is done once."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from duragent.memory.base import Cause, NewNote
from duragent.memory.folder import MemoryFolder
from duragent.memory.notes import UNREVIEWED
from duragent.memory.writes import call_note_id, planned_note, with_note
from duragent.stores.files.disk import Disk
from duragent.wire import ImportMemory, ReviewNote
from tests.promises.test_kill_in_transfers import dies
from tests.support.real_server import RealServer, make_workspace

AGENT = "assistant"
NOTES = [
    {"id": f"m_{at:08}", "text": f"fact number {at}", "written_at": f"2026-01-0{day}T12:00:00Z"}
    for at, day in enumerate((1, 1, 2, 2, 3))
]
TEXT = "# Facts\n\nread on a page"


@pytest.fixture
def remembering(tmp_path: Path) -> RealServer:
    return make_workspace(tmp_path, "  memory: {}")


def files_of(server: RealServer) -> dict[str, str]:
    folder = server.workspace / "agents" / AGENT / "memory"
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def kinds_of(server: RealServer) -> list[str]:
    log = server.workspace / "streams" / f"mind-{AGENT}" / "events.jsonl"
    return [json.loads(line)["type"] for line in log.read_text().splitlines()]


@pytest.mark.parametrize("point", ["mind.write_begun:2", "memory.written:2", "mind.recorded:2"])
async def test_import_that_is_cut_short_and_asked_for_again_takes_each_note_once(
    remembering: RealServer, point: str
) -> None:
    brought = ImportMemory.model_validate({"notes": NOTES, "by": "mem0"})
    try:
        remembering.start({"DURAGENT_CRASHPOINT": point})
        async with remembering.client() as client:
            await dies(remembering, client.import_memory(AGENT, brought))
            assert "fact number 4" not in "".join(files_of(remembering).values())
            remembering.start()
            await client.import_memory(AGENT, brought)
            assert {each.outcome for each in (await client.import_memory(AGENT, brought)).files} == {"there"}
            notes = (await client.notes(AGENT)).notes
    finally:
        remembering.stop()
    assert sorted(files_of(remembering)) == [f"daily/2026-01-0{day}.md" for day in (1, 2, 3)]
    text = "".join(files_of(remembering).values())
    assert [text.count(str(note["text"])) for note in NOTES] == [1] * len(NOTES)
    assert sorted((note.id, note.trust) for note in notes) == [(str(note["id"]), "agent") for note in NOTES]


@pytest.mark.parametrize(
    "point", ["mind.write_begun:1", "memory.written:1", "mind.recorded:1", "mind.write_begun:2", "memory.written:2"]
)
async def test_decision_about_a_proposal_that_is_cut_short_is_made_once(remembering: RealServer, point: str) -> None:
    folder = MemoryFolder(remembering.workspace / "agents" / AGENT / "memory", UTC, Disk())
    folder.root.mkdir(parents=True)
    new = NewNote(TEXT, trust="unreviewed", proposes="MEMORY.md", cause=Cause("session_1", 41, "c1"))
    now = datetime.now(UTC)
    text = with_note(folder.read(UNREVIEWED), planned_note(new, call_note_id(new), now), now, UTC)
    folder.write(UNREVIEWED, text or "", "")
    try:
        remembering.start({"DURAGENT_CRASHPOINT": point})
        async with remembering.client() as client:
            [waits] = (await client.notes(AGENT, trust="unreviewed")).notes
            seen = (await client.note(AGENT, waits.id)).proposes_sha256
            keep = ReviewNote(verdict="keep", by="bea", proposes_sha256=seen)
            await dies(remembering, client.review_note(AGENT, waits.id, keep))
            remembering.start()
            await client.review_note(AGENT, waits.id, keep)
            assert (await client.notes(AGENT, trust="unreviewed")).notes == []
            found = [(note.file, note.trust) for note in (await client.notes(AGENT)).notes]
    finally:
        remembering.stop()
    files = files_of(remembering)
    assert files["MEMORY.md"] == f"{TEXT}\n"
    assert "read on a page" not in files.get("unreviewed.md", "")
    assert kinds_of(remembering).count("note_reviewed") == 1
    assert {trust for _, trust in found} <= {"owner"}
