"""list_files, with ripgrep where it is installed and with our own walk."""

from duragent.tools.base import ToolContext
from duragent.tools.list_files import ListFiles
from tests.tools.calling import call


async def test_list_files_shows_one_folder_with_all_that_is_in_it(tree: ToolContext) -> None:
    result = await call(ListFiles(), tree)

    assert result.content.split("\n") == [
        *[".hidden/", "a.py\t26", "binary\t7", "link.py\tlink", "out\tlink", "pipe\tspecial", "src/"],
        "we ird\ufffd.txt\t6",
    ]


async def test_list_files_goes_below_without_what_is_hidden_closed_or_elsewhere(tree: ToolContext) -> None:
    everything = await call(ListFiles(), tree, recursive=True)
    python = await call(ListFiles(), tree, glob="*.py")
    inner = await call(ListFiles(), tree, path="src", glob="**/*.{txt,md}")

    names = ["a.py\t26", "binary\t7", "src/b.py\t6", "src/deep/c.txt\t19", "we ird\ufffd.txt\t6"]
    assert everything.content.split("\n") == names
    assert python.content.split("\n") == ["a.py\t26", "src/b.py\t6"]
    assert inner.content == "src/deep/c.txt\t19"


async def test_list_files_is_bounded(tree: ToolContext) -> None:
    one = await call(ListFiles(), tree, limit=2)
    below = await call(ListFiles(), tree, limit=2, recursive=True)

    assert one.content == ".hidden/\na.py\t26\n[more than 2]"
    assert below.content == "a.py\t26\nbinary\t7\n[2 of 5 files; name a folder or a glob]"


async def test_list_files_says_what_is_wrong(tree: ToolContext) -> None:
    (tree.places.folder / "empty").mkdir()
    said = {
        path: (await call(ListFiles(), tree, path=path)).content for path in ("none", "a.py", "shut", "out", "empty")
    }
    below = {
        path: (await call(ListFiles(), tree, path=path, recursive=True)).content for path in ("none", "a.py", "shut")
    }

    assert said["none"] == below["none"] == "none does not exist"
    assert "a.py is not a folder" in said["a.py"]
    assert "a.py is a file" in below["a.py"]
    assert said["shut"] == below["shut"] == "shut is closed to tools"
    assert "outside" in said["out"]
    assert said["empty"] == "empty: nothing there."
