"""`memory import`: what a person sees of what came, and of what did not."""

import json
from pathlib import Path

from tests.cli.memory.conftest import MemoryDesk
from tests.transfer.memories.house import NOON, arya, hoblin, v05


async def test_folder_of_v05_comes_to_an_agent(desk: MemoryDesk, tmp_path: Path) -> None:
    files = v05(tmp_path / "old")
    (tmp_path / "old" / "notes.txt").write_text("x")
    dry = await desk.run("memory", "import", "old", "--dry-run")
    assert (dry.code, "Nothing was written" in dry.err, list(desk.memories.memory.rglob("*.md"))) == (0, True, [])
    came = await desk.run("memory", "import", "old", "--agent", "ada")
    assert came.code == 0
    assert came.out.splitlines() == dry.out.splitlines()
    assert came.out.splitlines() == [
        "part\toutcome\tnew\there\twhy",
        "MEMORY.md\twritten\t2\t0\t",
        "daily/2025-12-31.md\twritten\t2\t0\t",
        "daily/2026-01-01.md\twritten\t1\t0\t",
        "world/greenhouse.md\twritten\t1\t0\t",
        "notes.txt\tleft out\t\t\tit is no Markdown file of notes",
    ]
    assert "6 notes came to agent ada, 0 were there already." in came.err
    assert {name: (desk.memories.memory / name).read_bytes() for name in files if "world" not in name} == {
        name: content for name, content in files.items() if "world" not in name
    }
    again = await desk.run("memory", "import", "old")
    assert (again.code, "0 notes came to agent ada, 6 were there already." in again.err) == (0, True)


async def test_database_of_anima_comes_in_several_requests(desk: MemoryDesk, tmp_path: Path) -> None:
    rows = [(NOON + 60 * n, f"note {n} " + "long " * 1_500, 0.5, "auto") for n in range(30)]
    arya(tmp_path / "memory.db", [*rows, (NOON + 86_400, "x" * 9_000, 0.5, "auto")])
    came = await desk.run("memory", "import", "memory.db", "--json")
    told = json.loads(came.out)
    # What cannot be taken is a reason to look.
    assert (came.code, told["agent"], told["dry_run"]) == (1, "ada", False)
    assert [(each["file"], each["added"]) for each in told["files"]] == [("daily/2026-01-01.md", 30)]
    assert [each["what"] for each in told["not_taken"] if each["is_fault"]] == ["semantic_memories, id 31"]
    listed = json.loads((await desk.run("memory", "list", "--json", "-n", "100")).out)
    assert (len(listed), {note["trust"] for note in listed}) == (30, {"agent"})


async def test_conflict_stays_out_and_the_rest_comes(desk: MemoryDesk, tmp_path: Path) -> None:
    v05(tmp_path / "old")
    desk.memories.memory.mkdir(parents=True)
    (desk.memories.memory / "MEMORY.md").write_text("## Units\n\nImperial.\n")
    came = await desk.run("memory", "import", "old")
    assert came.code == 1
    assert "MEMORY.md\tmerged\t1\t0\tline 7: 'Units' has other words here" in came.out
    assert (desk.memories.memory / "daily" / "2026-01-01.md").exists()


async def test_conversations_are_not_taken_and_a_wrong_path_is_told(desk: MemoryDesk, tmp_path: Path) -> None:
    hoblin(tmp_path / "production.sqlite3")
    left = await desk.run("memory", "import", "production.sqlite3")
    assert (left.code, "nothing of it is a memory" in left.err) == (1, True)
    assert "events, 2 rows\tleft out\t" in left.out
    assert (await desk.run("memory", "import", "nothing")).code == 66
    (tmp_path / "text").write_text("x")
    wrong = await desk.run("memory", "import", "text")
    assert (wrong.code, "wanted: a memory folder" in wrong.err) == (65, True)
