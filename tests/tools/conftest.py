"""Folders for the tests of tools: an agent in its workspace, and one with some of everything."""

import os
import shutil
from pathlib import Path

import pytest

from duragent.testing.tool_context import context_in
from duragent.tools.base import ToolContext


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace" / "agents" / "a"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def workspace(agent: Path) -> Path:
    return agent.parent.parent


@pytest.fixture(params=["ripgrep", "own"])
def tree(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToolContext:
    """A folder with some of everything; `shut` in it is closed."""
    if request.param == "own":
        monkeypatch.setenv("PATH", "")
    elif shutil.which("rg") is None:
        pytest.skip("ripgrep is not installed")
    work = tmp_path / "work"
    files = {
        "a.py": "import os\nx = 1\n# the end\n",
        "src/b.py": "x = 2\n",
        "src/deep/c.txt": "Größe x = 3\r\nlast",
        "we ird\n.txt": "x = 4\n",
        ".hidden/d.py": "x = 5\n",
        "shut/token": "x = 6\n",
        "binary": "\0x = 7\n",
    }
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(text.encode())
    (tmp_path / "secret.py").write_text("x = 8\n")
    (work / "link.py").symlink_to(tmp_path / "secret.py")
    (work / "out").symlink_to(tmp_path)
    os.mkfifo(work / "pipe")
    return context_in(work, closed=(work / "shut",))
