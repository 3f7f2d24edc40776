from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from duragent.testing.tool_context import context_in
from duragent.tools.base import CallInfo
from duragent.tools.edit_file import EditFile
from duragent.tools.files.diff import unified
from duragent.tools.files.edit import Change, Edited, NotEdited, edit
from duragent.tools.read_file import MAX_RESULT_BYTES, ReadFile
from duragent.tools.write_file import WriteFile
from tests.tools.calling import call

# --- read_file -------------------------------------------------------------------------------------------------------


async def test_read_file_numbers_the_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\n\ntw\xff\xc3\xb6")

    result = await call(ReadFile(), tmp_path, path="a.txt")

    assert result.content == "     1→one\n     2→\n     3→tw\ufffdö"
    assert result.details == {"path": "a.txt", "first_line": 1, "last_line": 3}


async def test_read_file_tells_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"{n}\n" for n in range(1, 11)))

    page = await call(ReadFile(), tmp_path, path="a.txt", offset=3, limit=2)
    last = await call(ReadFile(), tmp_path, path="a.txt", offset=10)
    past = await call(ReadFile(), tmp_path, path="a.txt", offset=11)

    assert page.content == "     3→3\n     4→4\n[lines 3 to 4 of 10; go on with offset=5]"
    assert last.content == "    10→10"
    assert (past.content, past.outcome) == ("a.txt has 10 lines; there is no line 11.", "error")


async def test_read_file_is_bounded_in_lines_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "long").write_text("ä" * 5_000_000 + "\nend\n")
    (tmp_path / "many").write_text(("x" * 999 + "\n") * 1000)

    long = await call(ReadFile(), tmp_path, path="long")
    many = await call(ReadFile(), tmp_path, path="many")

    assert long.content == f"     1→{'ä' * 2000} … [line cut: 5,000,000 characters in all]\n     2→end"
    assert len(many.content.encode()) < MAX_RESULT_BYTES + 100
    assert many.content.endswith("[lines 1 to 259 of 1000; go on with offset=260]")


async def test_read_file_tells_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "wide").write_text("größe", encoding="utf-16")

    found = [(await call(ReadFile(), tmp_path, path=name)).content for name in ("empty", "binary", "wide", "none")]

    assert found == [
        "empty is empty.",
        "binary is a binary file of 6 bytes; it is not shown.",
        "     1→größe",
        "none does not exist",
    ]


# --- write_file ------------------------------------------------------------------------------------------------------


async def test_write_file_creates_overwrites_and_sees_that_nothing_is_to_do(tmp_path: Path) -> None:
    done = [await call(WriteFile(), tmp_path, path="x/a.txt", content=text) for text in ("a\nb\n", "a\nc\n", "a\nc\n")]

    assert [each.content for each in done] == [
        "Created x/a.txt (4 bytes).",
        "Overwrote x/a.txt (4 bytes).",
        "x/a.txt has exactly this content already (4 bytes).",
    ]
    assert done[1].details["diff"] == "@@ -1,2 +1,2 @@\n a\n-b\n+c"
    assert (tmp_path / "x/a.txt").read_bytes() == b"a\nc\n"


async def test_write_file_with_nothing_empties_a_binary_file(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"\0\1")

    result = await call(WriteFile(), tmp_path, path="b", content="")

    assert result.content == "Overwrote b (0 bytes)."
    assert (tmp_path / "b").read_bytes() == b""


async def test_write_file_keeps_the_bytes_that_it_is_given(tmp_path: Path) -> None:
    await call(WriteFile(), tmp_path, path="a", content="\ufeffa\r\nb\0 🦀")

    assert (tmp_path / "a").read_bytes() == "\ufeffa\r\nb\0 🦀".encode()


# --- edit_file -------------------------------------------------------------------------------------------------------


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


@example("b\r\nb\n", "b\n", "a", False)
@given(
    st.text("ab\r\n", max_size=12), st.text("ab\n", min_size=1, max_size=3), st.text("abc\n", max_size=3), st.booleans()
)
def test_an_edit_that_settles_is_the_same_when_done_twice(text: str, old: str, new: str, everywhere: bool) -> None:
    change = Change(old, new, everywhere)
    first = edit(text, change)

    if change.settles and isinstance(first, Edited):
        assert isinstance(edit(first.text, change), NotEdited)


@pytest.mark.parametrize(
    ("text", "old", "new", "edited"),
    [
        ("a\r\nb\r\n", "a\nb\n", "c\nd\n", "c\r\nd\r\n"),
        ("a\r\nb\r\n", "a", "c\nd", "c\r\nd\r\nb\r\n"),
        ("a\nb\r\n", "a\n", "c\n", "c\nb\r\n"),
        ("a\nb\r\n", "b\n", "c\n", "a\nc\r\n"),
        ("a\nb\r\n", "a", "c\nd", "c\nd\nb\r\n"),
        ("a\na\r\n", "a\n", "c\n", None),
    ],
)
def test_line_ends_of_an_edit_are_those_of_the_place(text: str, old: str, new: str, edited: str | None) -> None:
    found = edit(text, Change(old, new))
    assert (found.text if isinstance(found, Edited) else None) == edited


def test_edit_everywhere_keeps_the_line_end_of_each_place() -> None:
    assert edit("a\na\r\na\n", Change("a\n", "b\n", everywhere=True)) == Edited("b\nb\r\nb\n", 3)


# --- diffs -----------------------------------------------------------------------------------------------------------


def test_a_diff_counts_lines_from_where_they_are() -> None:
    before = "".join(f"{n}\n" for n in range(1, 101))
    after = before.replace("50\n", "fifty\nand\n").replace("90\n", "")

    assert unified(before, after, "a") == (
        "@@ -47,7 +47,8 @@\n 47\n 48\n 49\n-50\n+fifty\n+and\n 51\n 52\n 53\n"
        "@@ -87,7 +88,6 @@\n 87\n 88\n 89\n-90\n 91\n 92\n 93"
    )


def test_a_diff_is_bounded() -> None:
    before, after = "a\n" * 100_000, "b\n" * 90_000
    some = unified("x\n" * 1000, "y\n" * 1000, "a")

    assert unified(before, after, "a") == "@@ -1 +1 @@\n(100,000 lines of a became 90,000)"
    assert some.count("\n") == 200
    assert some.endswith("more lines of diff")
    assert len(unified("a" * 100_000, "b" * 100_000, "a")) < 1000
    assert unified("a", "a", "a") == ""
    assert unified("a\n", "a", "a") == "@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file"
    assert unified("", "a\n", "a") == "@@ -0,0 +1 @@\n+a"
