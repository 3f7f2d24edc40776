"""`memory log|undo|forget|index|sleep`."""

import json

from duragent.cli.memory.log import what, who
from tests.cli.memory.conftest import MemoryDesk


async def test_log_says_what_was_written_by_whom_and_undo_takes_it_back(desk: MemoryDesk) -> None:
    mine = (await desk.run("memory", "add", "mine")).out.split("\t")[0]
    theirs = await desk.memories.remember("the agent's")
    header, *rows = (await desk.run("memory", "log")).out.splitlines()
    cells = [dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in rows]
    written = [(cell["what"], cell["note"], cell["by"]) for cell in cells if cell["what"] == "remember"]
    assert written == [("remember", mine, "me"), ("remember", theirs, "session_1#1")]
    records = [json.loads(line) for line in (await desk.run("memory", "log", "--json", "-n", "1")).out.splitlines()]
    assert [record["type"] for record in records] == ["note_written"]
    dry = await desk.run("memory", "undo", "--dry-run")
    assert ("-the agent's" in dry.out, dry.code) == (True, 0)
    assert (await desk.run("memory", "undo", "--json")).code == 2
    undone = json.loads((await desk.run("memory", "undo", "--yes", "--json")).out)
    assert undone["file"].startswith("daily/")
    assert [note["text"] for note in json.loads((await desk.run("memory", "list", "--json")).out)] == ["mine"]
    assert (await desk.run("memory", "undo", "people/no.md", "--yes")).code == 66


def test_records_in_words() -> None:
    table: list[tuple[dict[str, object], str, str]] = [
        ({"type": "note_written", "op": "reflect", "unattributed": True}, "reflect", "unknown"),
        ({"type": "note_reviewed", "verdict": "keep", "by": "bea"}, "review: keep", "bea"),
        ({"type": "note_reviewed", "verdict": "forget", "by": ""}, "dropped", ""),
        ({"type": "file_seen", "sha256": "", "by": "person"}, "removed", "a person"),
        ({"type": "file_seen", "sha256": "1", "by": "unattributed"}, "changed", "unknown"),
        ({"type": "mind_created"}, "mind created", ""),
    ]
    assert [(what(record), who(record)) for record, _, _ in table] == [(said, by) for _, said, by in table]


async def test_note_is_forgotten_when_a_person_agrees(desk: MemoryDesk) -> None:
    note = await desk.memories.remember("the word is swordfish")
    asked = await desk.run("memory", "forget", note)
    assert (asked.code, "--yes" in asked.err) == (2, True)
    gone = await desk.run("memory", "forget", note[2:], "--yes", "--reason", "wrong")
    assert gone.out == f"Forgotten {note}\n"
    assert gone.err == "Left: exports and backups that were made before\n"
    assert (await desk.run("memory", "forget", note, "--yes")).code == 66


async def test_index_is_checked_and_made_again(desk: MemoryDesk) -> None:
    await desk.memories.remember("units")
    assert (await desk.run("memory", "index")).code == 1
    rebuilt = await desk.run("memory", "index", "--rebuild")
    assert (rebuilt.code, rebuilt.out.startswith("The index was made again")) == (0, True)
    checked = await desk.run("memory", "index", "--check", "--json")
    assert (checked.code, json.loads(checked.out)["problems"]) == (0, [])
    assert (await desk.run("memory", "index", "--check", "--rebuild")).code == 2


async def test_work_in_the_background_has_a_budget(desk: MemoryDesk) -> None:
    assert "0 of 200,000 tokens\n" in (await desk.run("memory", "sleep")).out
    assert json.loads((await desk.run("memory", "sleep", "--json")).out)["jobs"] == []
