"""The workspace is its owner's alone, whatever the umask says and however it came to be."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from duragent.agent.starter import write_agent, write_workspace
from duragent.cli.chat.history import open_history
from duragent.stores.files.store import FileStore
from duragent.system.workspace_folder import close_to_others, make_folders


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=["umask-000", "umask-022", "umask-077"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    mask: int = request.param
    before = os.umask(mask)
    yield mask
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_whatever_makes_the_workspace_first_makes_it_its_owners(tmp_path: Path, umask: int) -> None:
    ways: dict[str, Callable[[Path], object]] = {
        "init": lambda base: write_workspace(base, "ada", "demo"),
        "agent": lambda base: write_agent(base / ".duragent" / "agents", "ada", "demo"),
        "store": lambda base: _opened(base / ".duragent" / "sessions"),
        "history": lambda base: open_history(base / ".duragent" / "run" / "history"),
        "log": lambda base: make_folders(base / ".duragent" / "logs"),
    }
    for name, way in ways.items():
        way(tmp_path / name / "project")
    found = {name: mode(tmp_path / name / "project" / ".duragent") for name in ways}
    assert found == dict.fromkeys(ways, 0o700)
    assert {mode(tmp_path / name / "project") for name in ways} == {0o777 & ~umask}


def _opened(root: Path) -> None:
    store = FileStore(root)
    store.open()
    store.close()


@pytest.mark.parametrize("before", [0o777, 0o755, 0o750, 0o2775, 0o701])
def test_folder_that_was_open_is_closed_once(tmp_path: Path, before: int) -> None:
    tmp_path.chmod(before)
    assert close_to_others(tmp_path) == before
    assert mode(tmp_path) & 0o077 == 0
    assert mode(tmp_path) & 0o700 == before & 0o700
    assert close_to_others(tmp_path) is None


def test_what_is_no_folder_of_ours_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch(0o644)
    assert close_to_others(file) is None
    assert close_to_others(tmp_path / "gone") is None
    assert mode(file) == 0o644
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o755)
    if os.getuid() == 0:
        os.chown(theirs, 12345, 12345)
        assert (close_to_others(theirs), mode(theirs)) == (None, 0o755)
