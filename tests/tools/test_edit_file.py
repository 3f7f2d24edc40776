"""edit_file: one place, or all; and what a repetition does."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from duragent.testing.tool_context import context_in
from duragent.tools.base import CallInfo
from duragent.tools.edit_file import EditFile
from tests.tools.calling import call


async def test_edit_file_replaces_the_only_place_and_shows_it(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"def f():\n    return 1\n# caf\xe9\n")

    result = await call(EditFile(), tmp_path, path="a.py", old_text="return 1", new_text="return 2")

    assert result.content == "Edited a.py:\n@@ -1,3 +1,3 @@\n def f():\n-    return 1\n+    return 2\n # caf\ufffd"
    assert (tmp_path / "a.py").read_bytes() == b"def f():\n    return 2\n# caf\xe9\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"old_text": "x", "new_text": "y"}, "old_text is there 2 times (lines 1, 3)"),
        ({"old_text": "  b = 1\n", "new_text": "z"}, "only with other blanks or indentation, at line 2:\n\tb = 1"),
        ({"old_text": "     2→\tb = 1", "new_text": "z"}, "leave out the line numbers"),
        ({"old_text": "x = 3", "new_text": "z"}, "the nearest is at line 1:\nx = 0"),
        ({"old_text": "quite another thing", "new_text": "z"}, "nothing there is like it"),
        ({"old_text": "b = 0", "new_text": "b = 1"}, "new_text is, at line 2: the edit may have been made already"),
        ({"old_text": "x", "new_text": "x"}, "there is nothing to change"),
    ],
)
async def test_edit_file_says_why_it_cannot(arguments: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x = 0\n\tb = 1\nx\n")

    result = await call(EditFile(), tmp_path, path="a", **arguments)

    assert result.outcome == "error"
    assert said in result.content
    assert (tmp_path / "a").read_text() == "x = 0\n\tb = 1\nx\n"


async def test_edit_file_replaces_everywhere_when_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x x x")

    result = await call(EditFile(), tmp_path, path="a", old_text="x", new_text="yx", replace_all=True)

    assert result.details["count"] == 3
    assert (tmp_path / "a").read_text() == "yx yx yx"


async def test_edit_file_keeps_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\r\ntwo\r\nthree\r\n")

    await call(EditFile(), tmp_path, path="a", old_text="one\ntwo", new_text="1\n2\n3")
    await call(EditFile(), tmp_path, path="a", old_text="three", new_text="4\n5")

    assert (tmp_path / "a").read_bytes() == b"1\r\n2\r\n3\r\n4\r\n5\r\n"


async def test_edit_file_that_is_tried_again_after_it_was_done_says_that_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    context = context_in(tmp_path)
    again = replace(context, call=CallInfo("s", "call_1", 2, "s:call_1"))

    first = await call(EditFile(), context, path="a", old_text="old", new_text="new")
    second = await call(EditFile(), again, path="a", old_text="old", new_text="new")

    assert (first.outcome, second.outcome) == ("ok", "ok")
    assert (tmp_path / "a").read_text() == "new"


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        *[("a = 1\n", "a = 2\n", "idempotent"), ("x", "y", "idempotent"), ("a b", "c", "idempotent")],
        *[("x", "xx", "unsafe"), ("x", "", "unsafe"), ("ab", "b", "unsafe"), ("ab", "ca", "unsafe")],
        *[("x" * 5000, "y" * 5000, "unsafe")],
    ],
)
def test_edit_file_knows_when_it_can_be_repeated(old: str, new: str, effect: str) -> None:
    arguments = EditFile.Arguments(path="a", old_text=old, new_text=new)

    assert EditFile().effect_of(arguments) == effect
