"""`duragent undo` and `duragent diff`."""

import asyncio
import json
import subprocess
from functools import partial

import pytest

from tests.cli.desk import Desk
from tests.support.edits import edit, editor, write
from tests.support.tool_calls import bash

DIFF = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n"


async def test_undo_shows_the_diff_and_puts_the_last_turn_back(desk: Desk) -> None:
    session, project = await editor(desk.house, [write("a.txt", "one\n")], [edit("a.txt", "one", "two")])
    ran = await desk.run("undo", session, "--dry-run")
    assert (ran.code, ran.out.partition(":\n")[2]) == (0, DIFF.replace("-one\n+two", "-two\n+one"))
    assert (project / "a.txt").read_text() == "two\n"
    ran = await desk.run("undo", session, "--yes")
    assert (ran.code, ran.err) == (0, "Put back: a.txt.\n")
    assert (project / "a.txt").read_text() == "one\n"
    ran = await desk.run("undo", session.removeprefix("session_"), "--yes", "--json")
    undone = json.loads(ran.out)
    assert (undone["restored"], undone["refused"], (project / "a.txt").exists()) == (["a.txt"], [], False)
    ran = await desk.run("undo", session, "--yes")
    assert (ran.code, ran.err) == (1, "duragent: the agent has changed no file here that is not undone yet\n")


async def test_undo_asks_first(desk: Desk) -> None:
    session, project = await editor(desk.house, [write("a.txt", "one\n")])
    ran = await desk.run("undo", session)
    assert (ran.code, "Put 1 file back as before this turn?" in ran.out) == (2, True)
    assert ran.err.strip() == "duragent: standard input ended before an answer: --yes answers it"
    assert (project / "a.txt").exists()
    assert (await desk.run("undo", session, "--json")).code == 2


async def test_undo_of_an_earlier_turn_by_its_record(desk: Desk) -> None:
    session, project = await editor(desk.house, [write("a.txt", "one\n")], [write("b.txt", "x\n")])
    ran = await desk.run("undo", f"{session}@4", "--yes")
    assert (ran.code, (project / "a.txt").exists(), (project / "b.txt").exists()) == (0, False, True)


async def test_undo_leaves_what_others_changed_and_says_so(desk: Desk) -> None:
    session, project = await editor(desk.house, [write("a.txt", "new\n"), write("b.txt", "new\n")])
    (project / "a.txt").write_text("mine\n")
    ran = await desk.run("undo", session, "--yes")
    assert (ran.code, "a.txt stays as it is: it was changed by someone else since" in ran.err) == (1, True)
    assert ((project / "a.txt").read_text(), (project / "b.txt").exists()) == ("mine\n", False)
    ran = await desk.run("undo", f"{session}@4", "--yes", "--force")
    assert (ran.code, (project / "a.txt").exists()) == (0, False)


async def test_diff_is_what_git_reads(desk: Desk) -> None:
    session, project = await editor(
        desk.house, [write("a.txt", "one\n")], [edit("a.txt", "one", "two"), write("n/b", "x")]
    )
    ran = await desk.run("diff", session)
    new = "--- /dev/null\n+++ b/{}\n@@ -0,0 +1 @@\n+{}\n"
    whole = new.format("a.txt", "two") + new.format("n/b", "x\n\\ No newline at end of file")
    assert (ran.code, ran.out, ran.err) == (0, whole, "")
    back = partial(subprocess.run, ["git", "apply", "-R", "-"], cwd=project, input=ran.out, text=True, check=False)
    applied = await asyncio.to_thread(back)
    assert (applied.returncode, (project / "a.txt").exists(), (project / "n/b").exists()) == (0, False, False)


async def test_diff_of_a_part_of_the_log_and_after_an_undo(desk: Desk) -> None:
    session, _ = await editor(desk.house, [write("a.txt", "one\n")], [edit("a.txt", "one", "two")])
    second = json.loads((await desk.run("diff", session, "--json")).out)["turns"][1]["seq"]
    assert (await desk.run("diff", f"{session}@{second}..")).out == DIFF
    assert (await desk.run("diff", f"{session}@1..@{second}")).out.endswith("@@ -0,0 +1 @@\n+one\n")
    await desk.run("undo", session, "--yes")
    await desk.run("undo", session, "--yes")
    ran = await desk.run("diff", session)
    assert (ran.out, "No file is different" in ran.err) == ("", True)


@pytest.mark.parametrize("range_", ["@", "@3", "@..", "@a..b", "@0..3", "@3..x"])
async def test_what_is_no_range_is_a_fault_of_the_command_line(desk: Desk, range_: str) -> None:
    ran = await desk.run("diff", f"{await desk.house.create()}{range_}")
    assert (ran.code, "write ID@A..@B" in ran.err) == (2, True), ran.err


async def test_what_commands_changed_is_said_to_be_outside_of_it(desk: Desk) -> None:
    session, _ = await editor(desk.house, [write("a.txt", "one\n"), bash("echo x > b.txt")])
    ran = await desk.run("diff", session)
    assert "b.txt" not in ran.out
    assert ran.err == "The agent also ran 1 command: what commands changed is not known, and not part of this.\n"
