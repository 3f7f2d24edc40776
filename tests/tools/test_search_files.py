"""search_files, with ripgrep where it is installed and with our own search."""

import shutil
from pathlib import Path

import pytest

from duragent.tools.base import ToolContext
from duragent.tools.child import ChildLimits
from duragent.tools.files.walk import Hit, SearchQuery, place_to_search, walk
from duragent.tools.list_files import ListFiles
from duragent.tools.search_files import SearchFiles
from tests.tools.calling import call


async def test_search_files_shows_lines_by_file(tree: ToolContext) -> None:
    result = await call(SearchFiles(), tree, pattern=r"x = \d")

    assert result.content == (
        "a.py\n2: x = 1\n\nsrc/b.py\n1: x = 2\n\nsrc/deep/c.txt\n1: Größe x = 3\n\nwe ird\ufffd.txt\n1: x = 4"
    )
    assert result.details == {"count": 4, "more": False}


async def test_search_files_narrows_and_widens(tree: ToolContext) -> None:
    found = {
        "glob": await call(SearchFiles(), tree, pattern="x", glob="*.txt"),
        "case": await call(SearchFiles(), tree, pattern="THE END", ignore_case=True),
        "around": await call(SearchFiles(), tree, pattern="^x = 1$", context=1),
        "file": await call(SearchFiles(), tree, pattern="import|end", path="a.py"),
        "hidden": await call(SearchFiles(), tree, pattern="x", path=".hidden"),
        "limit": await call(SearchFiles(), tree, pattern="x", max_results=1),
        "nothing": await call(SearchFiles(), tree, pattern="^nowhere$"),
    }

    assert {name: result.content for name, result in found.items()} == {
        "glob": "src/deep/c.txt\n1: Größe x = 3\n\nwe ird\ufffd.txt\n1: x = 4",
        "case": "a.py\n3: # the end",
        "around": "a.py\n1- import os\n2: x = 1\n3- # the end",
        "file": "a.py\n1: import os\n3: # the end",
        "hidden": ".hidden/d.py\n1: x = 5",
        "limit": "a.py\n2: x = 1\n[1 lines; there may be more (too many): narrow the pattern, the path or the glob]",
        "nothing": "nothing fits",
    }


async def test_search_files_refuses_what_it_may_not_show(tree: ToolContext) -> None:
    said = {path: (await call(SearchFiles(), tree, pattern="x", path=path)).content for path in ("shut", "out", "pipe")}

    assert said["shut"] == "shut is closed to tools"
    assert "outside" in said["out"]
    assert said["pipe"] == "pipe is a pipe, not a file"


@pytest.mark.parametrize("pattern", ["(", "[", "*", "(?P<n", "a{2,1}"])
async def test_search_files_says_that_a_pattern_is_wrong(pattern: str, tree: ToolContext) -> None:
    result = await call(SearchFiles(), tree, pattern=pattern)

    assert result.outcome == "error"
    assert result.content


@pytest.mark.parametrize("pattern", ["--files", "-f/etc/passwd", "--pre=id", "; touch hacked", "-"])
async def test_a_pattern_is_never_an_option_nor_a_command(pattern: str, tree: ToolContext) -> None:
    (tree.places.folder / "-o.md").write_text(f"so: {pattern}\n")

    result = await call(SearchFiles(), tree, pattern=pattern)
    in_file = await call(SearchFiles(), tree, pattern=pattern, path="-o.md")
    nowhere = await call(SearchFiles(), tree, pattern="so", glob="--pre=id")

    assert result.content == in_file.content == f"-o.md\n1: so: {pattern}"
    assert nowhere.content == "nothing fits"
    assert not (tree.places.folder / "hacked").exists()


async def test_search_files_shows_the_part_of_a_long_line_that_fits(tree: ToolContext) -> None:
    (tree.places.folder / "long.js").write_text("ä" * 50_000 + "needle" + "b" * 50_000)

    result = await call(SearchFiles(), tree, pattern="needle")

    assert result.content == f"long.js\n1: …{'ä' * 100}needle{'b' * 194}…"


async def test_a_line_is_shown_only_by_who_may_read_it(tree: ToolContext) -> None:
    spot, only = place_to_search(".", tree.places)
    found = await walk(spot, only, SearchQuery(pattern="x = 6"))

    result = await call(SearchFiles(), tree, pattern="x = 6")

    assert found.hits == (Hit("shut/token", 1, 1),)
    assert result.content == "nothing fits"


async def test_a_pattern_that_takes_for_ever_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (tmp_path / "a").write_text("a" * 40 + "\n")
    result = await call(SearchFiles(ChildLimits(0.5, 1000)), tmp_path, pattern="(a+)+b")

    assert result.content == "nothing fits (stopped after 0.5 seconds)"


@pytest.mark.parametrize("own", [False, True])
async def test_more_lines_than_can_be_told_are_cut(own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if own:
        monkeypatch.setenv("PATH", "")
    for name in ("a", "b"):
        (tmp_path / name).write_text("x\n" * 200_000)

    result = await call(SearchFiles(ChildLimits(30, 5000)), tmp_path, pattern="x", max_results=1000)

    assert "too much output" in result.content
    assert len(result.content) < 10_000


async def test_gitignore_is_honoured_by_ripgrep(tmp_path: Path) -> None:
    if shutil.which("rg") is None:
        pytest.skip("ripgrep is not installed")
    for name in ("keep.txt", "drop.log"):
        (tmp_path / name).write_text("x\n")
    (tmp_path / ".gitignore").write_text("*.log\n")

    listed = await call(ListFiles(), tmp_path, recursive=True)
    found = await call(SearchFiles(), tmp_path, pattern="x")

    assert listed.content == "keep.txt\t2"
    assert found.content == "keep.txt\n1: x"
