"""What people are shown of a change before they decide about it."""

import json
from pathlib import Path

import pytest

from duragent.journal.events import Call
from duragent.testing.tool_context import context_in
from duragent.tools.base import PlannedChange
from duragent.tools.edit_file import EditFile
from duragent.tools.think import Think
from duragent.tools.toolset import Toolset
from duragent.tools.write_file import WriteFile
from duragent.turn.authorize import Refused, resolve
from duragent.turn.preview import MAX_CHARS, preview, preview_of


async def shown(where: Path, tool: str, **arguments: str) -> str:
    call = Call(call="c", tool=tool, arguments=json.dumps(arguments))
    resolved = resolve(call, Toolset((WriteFile(), EditFile(), Think())))
    assert not isinstance(resolved, Refused)
    return await preview_of(resolved, context_in(where).places)


async def test_the_preview_is_all_that_a_call_would_change_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a\nb\n")
    assert await shown(tmp_path, "write_file", path="a", content="a\nc\n") == "@@ -1,2 +1,2 @@\n a\n-b\n+c"
    new = await shown(tmp_path, "write_file", path="new/b", content="x\ny")
    assert new == "@@ -0,0 +1,2 @@\n+x\n+y\n\\ No newline at end of file"
    long = "\n".join(f"{at} {'x' * 1000}" for at in range(250))
    assert (await shown(tmp_path, "write_file", path="b", content=f"{long}\n")).count("x") == 250_000
    edited = await shown(tmp_path, "edit_file", path="a", old_text="b", new_text="z")
    assert edited == "@@ -1,2 +1,2 @@\n a\n-b\n+z"
    assert (tmp_path / "a").read_text() == "a\nb\n"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("path", ["binary", "utf16", "same", "../outside", ".", "same/below"])
async def test_there_is_none_where_nothing_can_be_compared_or_the_call_would_fail(tmp_path: Path, path: str) -> None:
    (tmp_path / "binary").write_bytes(b"\0")
    (tmp_path / "utf16").write_text("a\n", "utf-16")
    (tmp_path / "same").write_text("a\n")
    assert await shown(tmp_path, "write_file", path=path, content="a\n") == ""
    assert await shown(tmp_path, "edit_file", path=path, old_text="nothing like it", new_text="a") == ""
    assert await shown(tmp_path, "think", thought="a") == ""


def test_what_is_there_and_not_known_is_not_taken_for_nothing() -> None:
    assert preview([PlannedChange("a", None, b"a\n", 0o600)]) == ""
    assert preview([PlannedChange("a", None, b"a\n")]) == "@@ -0,0 +1 @@\n+a"


def test_several_files_are_named_and_a_long_preview_says_what_is_left_of_it() -> None:
    both = preview([PlannedChange("a", None, b"a\n"), PlannedChange("b", b"x\n", b"", 0o600)])
    assert both == "@@ a @@\n@@ -0,0 +1 @@\n+a\n@@ b @@\n@@ -1 +0,0 @@\n-x"
    long = preview([PlannedChange("a", None, b"x" * 100_000 + b"\n" + b"y\n" * 100_000)])
    assert MAX_CHARS - 10 < len(long) < MAX_CHARS + 100
    assert long.split("\n")[-1].endswith(" more lines of diff")
